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
    PURCHASE_TOKEN_KEY: env.secret(32).optional(),
    PURCHASE_TOKEN_PREVIOUS_KEY: env.secret(32).optional(),
    PURCHASE_TOKEN_TTL_MS: env.durationMs({ min: 5_000, max: 600_000 }).default(60_000),
    PURCHASE_TOKEN_LEAD_MS: env.durationMs({ max: 600_000 }).default(30_000),
    CLAIM_BATCHES_IN_FLIGHT: env.integer({ min: 1, max: 16 }).default(2),
    CLAIM_QUEUE_SIZE: env.integer({ min: 1, max: 1_000_000 }).default(5_000),
    CLAIM_QUEUE_TIMEOUT_MS: env.durationMs({ min: 1, max: 60_000 }).default(1_000),
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
    if (value.AUTH_MODE === 'edge' && value.AUTH_TRUSTED_PROXIES === undefined) {
      problem('AUTH_TRUSTED_PROXIES', 'is required in mode edge');
    }
    if (value.PURCHASE_TOKEN_PREVIOUS_KEY !== undefined && value.PURCHASE_TOKEN_KEY === undefined) {
      problem('PURCHASE_TOKEN_KEY', 'is required when there is a previous key');
    }
    if (value.PURCHASE_TOKEN_LEAD_MS >= value.PURCHASE_TOKEN_TTL_MS) {
      problem(
        'PURCHASE_TOKEN_LEAD_MS',
        'must be shorter than PURCHASE_TOKEN_TTL_MS: a token must outlive the wait for the start',
      );
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
    purchaseTokens:
      value.PURCHASE_TOKEN_KEY === undefined
        ? null
        : {
            key: value.PURCHASE_TOKEN_KEY,
            previousKey: value.PURCHASE_TOKEN_PREVIOUS_KEY,
            ttlMs: value.PURCHASE_TOKEN_TTL_MS,
            leadMs: value.PURCHASE_TOKEN_LEAD_MS,
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
