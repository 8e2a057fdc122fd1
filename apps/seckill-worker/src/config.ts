import { hostname } from 'node:os';
import { z } from 'zod';
import { LOG_LEVELS, env, loadConfig, problemsIn } from '@coupon/service-kit';
import type { Environment } from '@coupon/service-kit';

export const WORKER_ROLES = ['relay', 'consumer', 'reconciliation', 'binlog'] as const;
export type WorkerRole = (typeof WORKER_ROLES)[number];
/** `binlog` needs a user that may read the binlog: it is asked for by name. */
const DEFAULT_ROLES: readonly WorkerRole[] = ['relay', 'consumer', 'reconciliation'];

const schema = z
  .object({
    HTTP_HOST: z.string().default('0.0.0.0'),
    HTTP_PORT: env.port().default(8058),
    MYSQL_URL: env.url(['mysql:', 'mariadb:']),
    CLAIM_REDIS_URL: env.url(['redis:', 'rediss:']),
    AMQP_URL: env.url(['amqp:', 'amqps:']),
    WORKER_ROLES: env.listOf(WORKER_ROLES).default(DEFAULT_ROLES),
    DURABILITY_MODE: env.oneOf(['memory', 'fsync', 'replicated']).default('fsync'),
    INSTANCE_ID: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
      .optional(),
    CONSUMER_LANES: env.integer({ min: 1, max: 16 }).default(3),
    CONSUMER_BATCH_SIZE: env.integer({ min: 1, max: 5_000 }).default(500),
    CONSUMER_BATCH_WAIT_MS: env.durationMs({ min: 1, max: 10_000 }).default(15),
    CONSUMER_PREFETCH: env.integer({ min: 1, max: 20_000 }).default(1_500),
    RELAY_BATCH_SIZE: env.integer({ min: 1, max: 2_000 }).default(250),
    RELAY_BATCHES_IN_FLIGHT: env.integer({ min: 1, max: 64 }).default(4),
    RELAY_STALE_MS: env.durationMs({ min: 1_000 }).default(30_000),
    RECONCILE_INTERVAL_MS: env.durationMs({ min: 100 }).default(5_000),
    CONSERVATION_INTERVAL_MS: env.durationMs({ min: 1_000 }).default(30_000),
    // A release that was begun on an activity nobody had drained yet is over long before.
    ARCHIVE_RETENTION_MS: env.durationMs({ min: 60_000 }).default(604_800_000),
    ARCHIVE_INTERVAL_MS: env.durationMs({ min: 100 }).default(60_000),
    BINLOG_MYSQL_URL: env.url(['mysql:', 'mariadb:']).optional(),
    BINLOG_PRODUCER: env.oneOf(['embedded', 'canal']).default('embedded'),
    BINLOG_BATCH_SIZE: env.integer({ min: 1, max: 1_000 }).default(32),
    BINLOG_LEASE_MS: env.durationMs({ min: 500, max: 60_000 }).default(2_000),
    CACHE_HEARTBEAT_MS: env.durationMs({ min: 50, max: 10_000 }).default(250),
    /** Of the shared level of the caches, which the role binlog drops; the same as that of the services. @default CLAIM_REDIS_URL */
    CACHE_REDIS_URL: env.url(['redis:', 'rediss:']).optional(),
    USER_RATE_PER_SECOND: env.integer({ min: 0, max: 1_000 }).default(5),
    MYSQL_POOL_SIZE: env.integer({ min: 2, max: 100 }).default(10),
    LOG_LEVEL: env.oneOf(LOG_LEVELS).default('info'),
    SHUTDOWN_DEADLINE_MS: env.durationMs({ min: 1 }).default(10_000),
  })
  .superRefine((value, context) => {
    const problem = problemsIn(context);
    if (value.CONSUMER_PREFETCH < value.CONSUMER_BATCH_SIZE) {
      problem('CONSUMER_PREFETCH', 'must be at least CONSUMER_BATCH_SIZE, else a batch never fills');
    }
    if (value.MYSQL_POOL_SIZE <= value.CONSUMER_LANES) {
      problem(
        'MYSQL_POOL_SIZE',
        'must be greater than CONSUMER_LANES: each lane holds a connection, and health and reconciliation need one',
      );
    }
    if (value.WORKER_ROLES.includes('binlog') && value.BINLOG_PRODUCER === 'embedded' && !value.BINLOG_MYSQL_URL) {
      context.addIssue({
        code: 'custom',
        path: ['BINLOG_MYSQL_URL'],
        message: 'is required by the role binlog, unless BINLOG_PRODUCER is canal',
      });
    }
  })
  .transform((value) => ({
    http: { host: value.HTTP_HOST, port: value.HTTP_PORT },
    mysql: { url: value.MYSQL_URL, poolSize: value.MYSQL_POOL_SIZE },
    claimRedisUrl: value.CLAIM_REDIS_URL,
    cacheRedisUrl: value.CACHE_REDIS_URL ?? value.CLAIM_REDIS_URL,
    amqpUrl: value.AMQP_URL,
    roles: value.WORKER_ROLES,
    durability: value.DURABILITY_MODE,
    instance: value.INSTANCE_ID ?? `${hostname().slice(0, 48)}-${process.pid}`,
    consumer: {
      lanes: value.CONSUMER_LANES,
      batchSize: value.CONSUMER_BATCH_SIZE,
      batchWaitMs: value.CONSUMER_BATCH_WAIT_MS,
      prefetch: value.CONSUMER_PREFETCH,
    },
    relay: {
      batchSize: value.RELAY_BATCH_SIZE,
      maxBatches: value.RELAY_BATCHES_IN_FLIGHT,
      staleMs: value.RELAY_STALE_MS,
    },
    reconcileIntervalMs: value.RECONCILE_INTERVAL_MS,
    conservationIntervalMs: value.CONSERVATION_INTERVAL_MS,
    archive: { retentionMs: value.ARCHIVE_RETENTION_MS, intervalMs: value.ARCHIVE_INTERVAL_MS },
    binlog: {
      // Without the URL nothing is read here: a Canal server does it.
      url: value.BINLOG_PRODUCER === 'embedded' ? value.BINLOG_MYSQL_URL : undefined,
      batchSize: value.BINLOG_BATCH_SIZE,
      leaseMs: value.BINLOG_LEASE_MS,
      heartbeatMs: value.CACHE_HEARTBEAT_MS,
    },
    userRatePerSecond: value.USER_RATE_PER_SECOND,
    logLevel: value.LOG_LEVEL,
    shutdownDeadlineMs: value.SHUTDOWN_DEADLINE_MS,
  }));

export type WorkerConfig = Readonly<z.output<typeof schema>>;

/** @throws ConfigError with every problem found. */
export function loadWorkerConfig(environment: Environment): WorkerConfig {
  return loadConfig(schema, environment);
}

/** The one place that reads the process's environment. */
export function processEnvironment(): Environment {
  return process.env;
}
