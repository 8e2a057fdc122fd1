import { LOG_LEVELS, env, loadConfig } from '@coupon/service-kit';
import type { AuthOptions, Environment } from '@coupon/service-kit';
import { z } from 'zod';

const schema = z
  .object({
    NODE_ENV: z.string().optional(),
    HTTP_HOST: z.string().default('0.0.0.0'),
    HTTP_PORT: env.port().default(8056),
    GRPC_PORT: env.port().default(9056),
    MYSQL_URL: env.url(['mysql:', 'mariadb:']),
    MYSQL_POOL_SIZE: env.integer({ min: 2, max: 1_000 }).default(100),
    MYSQL_POOL_IDLE: env.integer({ min: 0, max: 1_000 }).default(10),
    MYSQL_ACQUIRE_TIMEOUT_MS: env.durationMs({ min: 1 }).default(5_000),
    CLAIM_REDIS_URL: env.url(['redis:', 'rediss:']),
    REDIS_CONNECT_TIMEOUT_MS: env.durationMs({ min: 1 }).default(5_000),
    REDIS_COMMAND_TIMEOUT_MS: env.durationMs({ min: 1 }).default(3_000),
    CACHE: env.oneOf(['on', 'off']).default('on'),
    /** The bus by which the caches hear of changes. Without it nothing is cached. */
    AMQP_URL: env.url(['amqp:', 'amqps:']).optional(),
    /** @default CLAIM_REDIS_URL */
    CACHE_REDIS_URL: env.url(['redis:', 'rediss:']).optional(),
    CACHE_L1_WEIGHT_BYTES: env.integer({ min: 65_536, max: 2 ** 36 }).default(100 * 2 ** 20),
    CACHE_L1_TTL_MS: env.durationMs({ min: 100, max: 86_400_000 }).default(600_000),
    CACHE_L2_TTL_MS: env.durationMs({ min: 100, max: 86_400_000 }).default(1_800_000),
    CACHE_WARM_UP_TEMPLATES: env.integer({ min: 0, max: 1_000 }).default(100),
    AUTH_MODE: env.oneOf(['jwt', 'none', 'edge']).default('jwt'),
    AUTH_HS256_SECRET: env.secret(32).optional(),
    AUTH_JWKS_URL: env.url(['http:', 'https:']).optional(),
    AUTH_TRUSTED_PROXIES: env.addressRanges().default([]),
    USER_RATE_PER_SECOND: env.integer({ min: 0, max: 1_000 }).default(5),
    PREWARM_AHEAD_MS: env.durationMs({ min: 0, max: 86_400_000 }).default(300_000),
    SCHEDULE_INTERVAL_MS: env.durationMs({ min: 50, max: 60_000 }).default(1_000),
    OPERATION_WAIT_MS: env.durationMs({ min: 0, max: 60_000 }).default(5_000),
    OPERATION_LEASE_MS: env.durationMs({ min: 100, max: 600_000 }).default(30_000),
    IDEMPOTENCY_RETENTION_MS: env.durationMs({ min: 60_000 }).default(604_800_000),
    OPERATION_RETENTION_MS: env.durationMs({ min: 60_000 }).default(2_592_000_000),
    HOUSEKEEPING_INTERVAL_MS: env.durationMs({ min: 100 }).default(60_000),
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
    if (value.AUTH_MODE === 'edge' && value.AUTH_TRUSTED_PROXIES.length === 0) {
      problem('AUTH_TRUSTED_PROXIES', 'is required in mode edge');
    }
    // A key that is still remembered may name an operation, and the answer is there.
    if (value.OPERATION_RETENTION_MS < value.IDEMPOTENCY_RETENTION_MS) {
      problem('OPERATION_RETENTION_MS', 'must be at least IDEMPOTENCY_RETENTION_MS');
    }
    // A step waits for Redis at most that long; its lease must still hold when the answer comes.
    if (value.OPERATION_LEASE_MS < 2 * value.REDIS_COMMAND_TIMEOUT_MS) {
      problem('OPERATION_LEASE_MS', 'must be at least twice REDIS_COMMAND_TIMEOUT_MS');
    }
  })
  .transform((value) => ({
    http: { host: value.HTTP_HOST, port: value.HTTP_PORT },
    grpc: { host: value.HTTP_HOST, port: value.GRPC_PORT },
    mysql: {
      url: value.MYSQL_URL,
      poolSize: value.MYSQL_POOL_SIZE,
      poolIdle: value.MYSQL_POOL_IDLE,
      acquireTimeoutMs: value.MYSQL_ACQUIRE_TIMEOUT_MS,
    },
    redis: {
      url: value.CLAIM_REDIS_URL,
      connectTimeoutMs: value.REDIS_CONNECT_TIMEOUT_MS,
      commandTimeoutMs: value.REDIS_COMMAND_TIMEOUT_MS,
    },
    cache:
      value.CACHE === 'off' || value.AMQP_URL === undefined
        ? null
        : {
            amqpUrl: value.AMQP_URL,
            redisUrl: value.CACHE_REDIS_URL ?? value.CLAIM_REDIS_URL,
            l1WeightBytes: value.CACHE_L1_WEIGHT_BYTES,
            l1TtlMs: value.CACHE_L1_TTL_MS,
            l2TtlMs: value.CACHE_L2_TTL_MS,
            warmUpTemplates: value.CACHE_WARM_UP_TEMPLATES,
          },
    auth: authOptions(value),
    userRatePerSecond: value.USER_RATE_PER_SECOND,
    schedule: { intervalMs: value.SCHEDULE_INTERVAL_MS, prewarmAheadMs: value.PREWARM_AHEAD_MS },
    operations: { waitMs: value.OPERATION_WAIT_MS, leaseMs: value.OPERATION_LEASE_MS },
    housekeeping: {
      intervalMs: value.HOUSEKEEPING_INTERVAL_MS,
      keepKeysMs: value.IDEMPOTENCY_RETENTION_MS,
      keepOperationsMs: value.OPERATION_RETENTION_MS,
    },
    logLevel: value.LOG_LEVEL,
    shutdownDeadlineMs: value.SHUTDOWN_DEADLINE_MS,
  }));

export type AdminConfig = Readonly<z.output<typeof schema>>;

/** @throws ConfigError with every problem found. */
export function loadAdminConfig(environment: Environment): AdminConfig {
  return loadConfig(schema, environment);
}

function authOptions(value: {
  AUTH_MODE: 'jwt' | 'none' | 'edge';
  NODE_ENV?: string | undefined;
  AUTH_HS256_SECRET?: string | undefined;
  AUTH_JWKS_URL?: string | undefined;
  AUTH_TRUSTED_PROXIES: readonly string[];
}): AuthOptions {
  switch (value.AUTH_MODE) {
    case 'none':
      return { mode: 'none', nodeEnv: value.NODE_ENV };
    case 'jwt':
      return { mode: 'jwt', hs256Secret: value.AUTH_HS256_SECRET, jwksUrl: value.AUTH_JWKS_URL };
    case 'edge':
      return {
        mode: 'edge',
        trustedProxies: value.AUTH_TRUSTED_PROXIES,
      };
  }
}

/** The one place that reads the process's environment. */
export function processEnvironment(): Environment {
  return process.env;
}
