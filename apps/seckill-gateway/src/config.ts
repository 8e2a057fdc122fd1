import { z } from 'zod';
import { LOG_LEVELS, env, loadConfig } from '@coupon/service-kit';
import type { AuthOptions, Environment } from '@coupon/service-kit';

const schema = z
  .object({
    NODE_ENV: z.string().optional(),
    HTTP_HOST: z.string().default('0.0.0.0'),
    HTTP_PORT: env.port().default(8083),
    GRPC_PORT: env.port().default(9083),
    CLAIM_REDIS_URL: env.url(['redis:', 'rediss:']),
    DURABILITY_MODE: env.oneOf(['memory', 'fsync']).default('fsync'),
    ADMIN_GRPC_ADDRESS: env.hostPort().default('127.0.0.1:9056'),
    AUTH_MODE: env.oneOf(['jwt', 'none', 'edge']).default('jwt'),
    AUTH_HS256_SECRET: env.secret(32).optional(),
    AUTH_JWKS_URL: env.url(['http:', 'https:']).optional(),
    AUTH_TRUSTED_PROXIES: z.string().optional(),
    CLAIM_BATCHES_IN_FLIGHT: env.integer({ min: 1, max: 16 }).default(2),
    CLAIM_QUEUE_SIZE: env.integer({ min: 1, max: 1_000_000 }).default(5_000),
    CLAIM_QUEUE_TIMEOUT_MS: env.durationMs({ min: 1, max: 60_000 }).default(1_000),
    TICKET_QUEUE_SIZE: env.integer({ min: 1, max: 10_000_000 }).default(100_000),
    TICKET_MAX_WAIT_MS: env.durationMs({ min: 1, max: 86_400_000 }).default(60_000),
    TICKET_RESULT_TTL_MS: env.durationMs({ min: 1_000, max: 86_400_000 }).default(900_000),
    TICKET_BATCH_SIZE: env.integer({ min: 1, max: 128 }).default(64),
    TICKET_SWEEP_INTERVAL_MS: env.durationMs({ min: 10, max: 60_000 }).default(1_000),
    TICKET_POLL_INTERVAL_MS: env.durationMs({ min: 10, max: 60_000 }).default(500),
    TICKET_STREAMS_MAX: env.integer({ min: 0, max: 10_000 }).default(2_000),
    TICKET_HEARTBEAT_MS: env.durationMs({ min: 100, max: 300_000 }).default(15_000),
    REDIS_CONNECT_TIMEOUT_MS: env.durationMs({ min: 1 }).default(5_000),
    REDIS_COMMAND_TIMEOUT_MS: env.durationMs({ min: 1 }).default(3_000),
    LOG_LEVEL: env.oneOf(LOG_LEVELS).default('info'),
    SHUTDOWN_DEADLINE_MS: env.durationMs({ min: 1 }).default(10_000),
  })
  .superRefine((value, context) => {
    const problem = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (value.AUTH_MODE === 'none' && value.NODE_ENV === 'production') {
      problem('AUTH_MODE', 'none is refused when NODE_ENV is production');
    }
    if (value.AUTH_MODE === 'jwt' && (value.AUTH_HS256_SECRET === undefined) === (value.AUTH_JWKS_URL === undefined)) {
      problem('AUTH_HS256_SECRET', 'mode jwt needs exactly one of AUTH_HS256_SECRET and AUTH_JWKS_URL');
    }
    if (value.TICKET_RESULT_TTL_MS < 10 * value.TICKET_POLL_INTERVAL_MS) {
      problem('TICKET_RESULT_TTL_MS', 'must be at least ten times TICKET_POLL_INTERVAL_MS');
    }
    if (value.AUTH_MODE === 'edge' && value.AUTH_TRUSTED_PROXIES === undefined) {
      problem('AUTH_TRUSTED_PROXIES', 'is required in mode edge');
    }
  })
  .transform((value) => ({
    http: { host: value.HTTP_HOST, port: value.HTTP_PORT },
    grpc: { host: value.HTTP_HOST, port: value.GRPC_PORT },
    redis: {
      url: value.CLAIM_REDIS_URL,
      durability: value.DURABILITY_MODE,
      connectTimeoutMs: value.REDIS_CONNECT_TIMEOUT_MS,
      commandTimeoutMs: value.REDIS_COMMAND_TIMEOUT_MS,
    },
    claims: {
      batchesInFlight: value.CLAIM_BATCHES_IN_FLIGHT,
      queueSize: value.CLAIM_QUEUE_SIZE,
      queueTimeoutMs: value.CLAIM_QUEUE_TIMEOUT_MS,
    },
    tickets: {
      queueSize: value.TICKET_QUEUE_SIZE,
      maxWaitMs: value.TICKET_MAX_WAIT_MS,
      resultTtlMs: value.TICKET_RESULT_TTL_MS,
      batchSize: value.TICKET_BATCH_SIZE,
      sweepIntervalMs: value.TICKET_SWEEP_INTERVAL_MS,
      pollIntervalMs: value.TICKET_POLL_INTERVAL_MS,
      maxStreams: value.TICKET_STREAMS_MAX,
      heartbeatMs: value.TICKET_HEARTBEAT_MS,
    },
    adminGrpcAddress: value.ADMIN_GRPC_ADDRESS,
    auth: authOptions(value),
    logLevel: value.LOG_LEVEL,
    shutdownDeadlineMs: value.SHUTDOWN_DEADLINE_MS,
  }));

export type GatewayConfig = Readonly<z.output<typeof schema>>;

/** @throws ConfigError with every problem found. */
export function loadGatewayConfig(environment: Environment): GatewayConfig {
  return loadConfig(schema, environment);
}

function authOptions(value: {
  AUTH_MODE: 'jwt' | 'none' | 'edge';
  NODE_ENV?: string | undefined;
  AUTH_HS256_SECRET?: string | undefined;
  AUTH_JWKS_URL?: string | undefined;
  AUTH_TRUSTED_PROXIES?: string | undefined;
}): AuthOptions {
  switch (value.AUTH_MODE) {
    case 'none':
      return { mode: 'none', nodeEnv: value.NODE_ENV };
    case 'jwt':
      return { mode: 'jwt', hs256Secret: value.AUTH_HS256_SECRET, jwksUrl: value.AUTH_JWKS_URL };
    case 'edge':
      return {
        mode: 'edge',
        trustedProxies: (value.AUTH_TRUSTED_PROXIES ?? '').split(',').map((entry) => entry.trim()),
      };
  }
}

/** The one place that reads the process's environment. */
export function processEnvironment(): Environment {
  return process.env;
}
