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
import type { BranchAddress } from './branches/branch';

export const STOCK_STRATEGIES = ['lock', 'optimistic', 'pessimistic'] as const;
export type StockStrategy = (typeof STOCK_STRATEGIES)[number];

/** A lock must outlive the time to pay: between the two a payment can still arrive and be settled. */
const LOCK_MARGIN_MS = 60_000;
/** What is between them is a mistake of units. */
const DAY_MS = 86_400_000;

const schema = z
  .object({
    HTTP_HOST: z.string().default('0.0.0.0'),
    HTTP_PORT: env.port().default(8057),
    GRPC_PORT: env.port().default(9057),
    /** Database `coupon`. */
    MYSQL_URL: env.url(['mysql:', 'mariadb:']),
    /** Database `shop`; may be on another server. */
    SHOP_MYSQL_URL: env.url(['mysql:', 'mariadb:']),
    MYSQL_POOL_SIZE: env.integer({ min: 2, max: 1_000 }).default(50),
    MYSQL_POOL_IDLE: env.integer({ min: 0, max: 1_000 }).default(10),
    MYSQL_ACQUIRE_TIMEOUT_MS: env.durationMs({ min: 1 }).default(5_000),
    AMQP_URL: env.url(['amqp:', 'amqps:']),
    /** Of the stock strategy `lock` and of the shared level of the caches, which does without it. */
    CACHE_REDIS_URL: env.url(['redis:', 'rediss:']).optional(),
    CACHE: env.oneOf(['on', 'off']).default('on'),
    CACHE_L1_WEIGHT_BYTES: env.integer({ min: 65_536, max: 2 ** 36 }).default(100 * 2 ** 20),
    CACHE_L1_TTL_MS: env.durationMs({ min: 100, max: DAY_MS }).default(600_000),
    CACHE_L2_TTL_MS: env.durationMs({ min: 100, max: DAY_MS }).default(1_800_000),
    CACHE_WARM_UP_TEMPLATES: env.integer({ min: 0, max: 1_000 }).default(100),
    DTM_URL: env.url(['http:', 'https:']),
    /** `host:port` of DTM's gRPC API; needed by transport grpc. */
    DTM_GRPC_ADDRESS: env.text().optional(),
    DTM_TIMEOUT_MS: env.durationMs({ min: 100, max: 300_000 }).default(30_000),
    BRANCH_TRANSPORT: env.oneOf(['grpc', 'http']).default('grpc'),
    /** Where DTM reaches this service: a URL, or `host:port`. @default loopback and the port it listens on */
    BRANCH_ADDRESS: env.text().optional(),
    /** DTM sends it with every call of a branch; without it, in development only, whoever reaches the ports can call branches. */
    BRANCH_SECRET: env.secret(16).optional(),
    SAGA_RETRY_INTERVAL_S: env.integer({ min: 1, max: 3_600 }).optional(),
    SAGA_POLL_INTERVAL_MS: env.durationMs({ min: 10, max: 60_000 }).default(500),
    SAGA_LEASE_MS: env.durationMs({ min: 1_000, max: 600_000 }).default(60_000),
    OUTBOX_POLL_INTERVAL_MS: env.durationMs({ min: 5, max: 60_000 }).default(250),
    /** How long published events stay in their tables. */
    OUTBOX_RETENTION_MS: env.durationMs({ min: 1_000, max: 365 * DAY_MS }).default(DAY_MS),
    SWEEP_INTERVAL_MS: env.durationMs({ min: 50, max: 3_600_000 }).default(5_000),
    PAYMENT_TIMEOUT_MS: env.durationMs({ min: 100, max: DAY_MS }).default(600_000),
    COUPON_LOCK_TTL_MS: env.durationMs({ min: 100, max: 30 * DAY_MS }).default(900_000),
    PAYMENT_WEBHOOK_SECRET: env.secret(16),
    STOCK_STRATEGY: env.oneOf(STOCK_STRATEGIES).default('pessimistic'),
    MAX_STACK_COUNT: env.integer({ min: 1, max: 5 }).default(5),
    ...authVariables,
    LOG_LEVEL: env.oneOf(LOG_LEVELS).default('info'),
    SHUTDOWN_DEADLINE_MS: env.durationMs({ min: 100, max: 300_000 }).default(15_000),
  })
  .superRefine(checkAuthVariables)
  .superRefine((value, context) => {
    const problem = problemsIn(context);
    if (value.BRANCH_SECRET === undefined && value.NODE_ENV === 'production') {
      problem('BRANCH_SECRET', 'is required when NODE_ENV is production: branches use coupons and give money back');
    }
    if (value.PAYMENT_TIMEOUT_MS + LOCK_MARGIN_MS >= value.COUPON_LOCK_TTL_MS) {
      problem('COUPON_LOCK_TTL_MS', `must be more than PAYMENT_TIMEOUT_MS and ${LOCK_MARGIN_MS} ms`);
    }
    if (value.SAGA_LEASE_MS <= value.DTM_TIMEOUT_MS) {
      problem('SAGA_LEASE_MS', 'must be more than DTM_TIMEOUT_MS: a gid has one submitter at a time');
    }
    if (value.BRANCH_TRANSPORT === 'grpc' && value.DTM_GRPC_ADDRESS === undefined) {
      problem('DTM_GRPC_ADDRESS', 'is required by BRANCH_TRANSPORT grpc');
    }
    if (value.STOCK_STRATEGY === 'lock' && value.CACHE_REDIS_URL === undefined) {
      problem('CACHE_REDIS_URL', 'is required by STOCK_STRATEGY lock');
    }
  })
  .transform((value) => ({
    http: { host: value.HTTP_HOST, port: value.HTTP_PORT },
    grpc: { host: value.HTTP_HOST, port: value.GRPC_PORT },
    couponMysqlUrl: value.MYSQL_URL,
    shopMysqlUrl: value.SHOP_MYSQL_URL,
    mysqlPool: {
      poolSize: value.MYSQL_POOL_SIZE,
      poolIdle: value.MYSQL_POOL_IDLE,
      acquireTimeoutMs: value.MYSQL_ACQUIRE_TIMEOUT_MS,
    },
    amqpUrl: value.AMQP_URL,
    redisUrl: value.CACHE_REDIS_URL,
    cache:
      value.CACHE === 'off'
        ? null
        : {
            amqpUrl: value.AMQP_URL,
            redisUrl: value.CACHE_REDIS_URL ?? null,
            l1WeightBytes: value.CACHE_L1_WEIGHT_BYTES,
            l1TtlMs: value.CACHE_L1_TTL_MS,
            l2TtlMs: value.CACHE_L2_TTL_MS,
            warmUpTemplates: value.CACHE_WARM_UP_TEMPLATES,
          },
    dtm: { url: value.DTM_URL, grpcAddress: value.DTM_GRPC_ADDRESS, timeoutMs: value.DTM_TIMEOUT_MS },
    branches: { transport: value.BRANCH_TRANSPORT, address: value.BRANCH_ADDRESS, secret: value.BRANCH_SECRET },
    sagas: {
      retryIntervalS: value.SAGA_RETRY_INTERVAL_S,
      pollIntervalMs: value.SAGA_POLL_INTERVAL_MS,
      leaseMs: value.SAGA_LEASE_MS,
    },
    outboxPollIntervalMs: value.OUTBOX_POLL_INTERVAL_MS,
    outboxRetentionMs: value.OUTBOX_RETENTION_MS,
    sweepIntervalMs: value.SWEEP_INTERVAL_MS,
    paymentTimeoutMs: value.PAYMENT_TIMEOUT_MS,
    couponLockTtlMs: value.COUPON_LOCK_TTL_MS,
    paymentWebhookSecret: value.PAYMENT_WEBHOOK_SECRET,
    stockStrategy: value.STOCK_STRATEGY,
    maxStackCount: value.MAX_STACK_COUNT,
    auth: authOptionsOf(value),
    logLevel: value.LOG_LEVEL,
    shutdownDeadlineMs: value.SHUTDOWN_DEADLINE_MS,
  }));

export type SagaConfig = Readonly<z.output<typeof schema>>;

/** @throws ConfigError with every problem found. */
export function loadSagaConfig(environment: Environment): SagaConfig {
  return loadConfig(schema, environment);
}

/** Where DTM reaches this service; `port` is the one it listens on. */
export function branchAddress(
  config: SagaConfig,
  ports: { readonly http: number; readonly grpc: number },
): BranchAddress {
  const { transport, address } = config.branches;
  return transport === 'http'
    ? { transport, baseUrl: (address ?? `http://127.0.0.1:${ports.http}`).replace(/\/$/, '') }
    : { transport, address: address ?? `127.0.0.1:${ports.grpc}` };
}

/** The one place that reads the process's environment. */
export function processEnvironment(): Environment {
  return process.env;
}
