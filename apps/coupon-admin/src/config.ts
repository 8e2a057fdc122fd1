import {
  LOG_LEVELS,
  authOptionsOf,
  authVariables,
  checkAuthVariables,
  env,
  loadConfig,
  problemsIn,
} from '@coupon/service-kit';
import type { Environment } from '@coupon/service-kit';
import { z } from 'zod';

const schema = z
  .object({
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
    ...authVariables,
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
  .superRefine(checkAuthVariables)
  .superRefine((value, context) => {
    const problem = problemsIn(context);
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
    auth: authOptionsOf(value),
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

/** The one place that reads the process's environment. */
export function processEnvironment(): Environment {
  return process.env;
}
