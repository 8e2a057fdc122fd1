import { z } from 'zod';
import { DEFAULT_FLOW_SETTINGS } from '@coupon/flow-control';
import type { FlowSettings } from '@coupon/flow-control';
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
import type { Durability } from './adapters/claim-session';

/** Permits per second or at once; absent: the limit is off. */
const rate = env.integer({ min: 1, max: 9_999_999 }).optional();

const schema = z
  .object({
    WORKERS: env.integer({ min: 1, max: 64 }).default(1),
    HTTP_HOST: z.string().default('0.0.0.0'),
    HTTP_PORT: env.port().default(8083),
    GRPC_PORT: env.port().default(9083),
    CLAIM_REDIS_URL: env.url(['redis:', 'rediss:']),
    DURABILITY_MODE: env.oneOf(['memory', 'fsync', 'replicated']).default('fsync'),
    REPLICAS_REQUIRED: env.integer({ min: 1, max: 16 }).default(1),
    REPLICA_WAIT_TIMEOUT_MS: env.durationMs({ min: 1, max: 60_000 }).default(1_000),
    CACHE: env.oneOf(['on', 'off']).default('on'),
    /** The bus by which the cache of activities hears of changes; no claim goes over it. Without it nothing is cached. */
    AMQP_URL: env.url(['amqp:', 'amqps:']).optional(),
    CACHE_L1_WEIGHT_BYTES: env.integer({ min: 65_536, max: 2 ** 36 }).default(100 * 2 ** 20),
    CACHE_L1_TTL_MS: env.durationMs({ min: 100, max: 86_400_000 }).default(600_000),
    ADMIN_GRPC_ADDRESS: env.hostPort().default('127.0.0.1:9056'),
    ...authVariables,
    PURCHASE_TOKEN_KEY: env.secret(32).optional(),
    PURCHASE_TOKEN_PREVIOUS_KEY: env.secret(32).optional(),
    PURCHASE_TOKEN_TTL_MS: env.durationMs({ min: 5_000, max: 600_000 }).default(60_000),
    PURCHASE_TOKEN_LEAD_MS: env.durationMs({ max: 600_000 }).default(30_000),
    CLAIM_BATCHES_IN_FLIGHT: env.integer({ min: 1, max: 16 }).default(2),
    CLAIM_MAX_CONCURRENT: env.integer({ min: 1, max: 1_000_000 }).default(1_000),
    CLAIM_QUEUE_SIZE: env.integer({ min: 1, max: 1_000_000 }).default(5_000),
    CLAIM_QUEUE_TIMEOUT_MS: env.durationMs({ min: 1, max: 60_000 }).default(1_000),
    ADDRESS_RATE_PER_SECOND: rate,
    ADDRESS_BURST: rate,
    ACTIVITY_RATE_PER_SECOND: rate,
    ACTIVITY_BURST: rate,
    INSTANCE_RATE_PER_SECOND: rate,
    INSTANCE_BURST: rate,
    FULL_LOAD_DELAY_MS: env.durationMs({ min: 1, max: 60_000 }).default(250),
    INSTANCE_ID: env.text().optional(),
    TRUSTED_PROXIES: env.addressRanges().default([]),
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
  .superRefine(checkAuthVariables)
  .superRefine((value, context) => {
    const problem = problemsIn(context);
    if (value.DURABILITY_MODE === 'replicated' && value.REPLICA_WAIT_TIMEOUT_MS >= value.REDIS_COMMAND_TIMEOUT_MS) {
      problem('REPLICA_WAIT_TIMEOUT_MS', 'must be less than REDIS_COMMAND_TIMEOUT_MS');
    }
    if (value.TICKET_RESULT_TTL_MS < 10 * value.TICKET_POLL_INTERVAL_MS) {
      problem('TICKET_RESULT_TTL_MS', 'must be at least ten times TICKET_POLL_INTERVAL_MS');
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
    processes: value.WORKERS,
    http: { host: value.HTTP_HOST, port: value.HTTP_PORT },
    grpc: { host: value.HTTP_HOST, port: value.GRPC_PORT },
    redis: {
      url: value.CLAIM_REDIS_URL,
      durability: durabilityOf(value),
      connectTimeoutMs: value.REDIS_CONNECT_TIMEOUT_MS,
      commandTimeoutMs: value.REDIS_COMMAND_TIMEOUT_MS,
    },
    batchesInFlight: value.CLAIM_BATCHES_IN_FLIGHT,
    flow: {
      instanceId: value.INSTANCE_ID,
      fullLoadDelayMs: value.FULL_LOAD_DELAY_MS,
      defaults: {
        ...DEFAULT_FLOW_SETTINGS,
        per_address: limitOf(value.ADDRESS_RATE_PER_SECOND, value.ADDRESS_BURST),
        per_activity: limitOf(value.ACTIVITY_RATE_PER_SECOND, value.ACTIVITY_BURST),
        instance: limitOf(value.INSTANCE_RATE_PER_SECOND, value.INSTANCE_BURST),
        max_concurrent: value.CLAIM_MAX_CONCURRENT,
        queue_size: value.CLAIM_QUEUE_SIZE,
        queue_deadline_ms: value.CLAIM_QUEUE_TIMEOUT_MS,
      },
    },
    trustedProxies: value.TRUSTED_PROXIES,
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
    purchaseTokens:
      value.PURCHASE_TOKEN_KEY === undefined
        ? null
        : {
            key: value.PURCHASE_TOKEN_KEY,
            previousKey: value.PURCHASE_TOKEN_PREVIOUS_KEY,
            ttlMs: value.PURCHASE_TOKEN_TTL_MS,
            leadMs: value.PURCHASE_TOKEN_LEAD_MS,
          },
    cache:
      value.CACHE === 'off' || value.AMQP_URL === undefined
        ? null
        : {
            amqpUrl: value.AMQP_URL,
            l1WeightBytes: value.CACHE_L1_WEIGHT_BYTES,
            l1TtlMs: value.CACHE_L1_TTL_MS,
          },
    adminGrpcAddress: value.ADMIN_GRPC_ADDRESS,
    auth: authOptionsOf(value),
    logLevel: value.LOG_LEVEL,
    shutdownDeadlineMs: value.SHUTDOWN_DEADLINE_MS,
  }));

export type GatewayConfig = Readonly<z.output<typeof schema>>;

/** @throws ConfigError with every problem found. */
export function loadGatewayConfig(environment: Environment): GatewayConfig {
  return loadConfig(schema, environment);
}

/** The burst of a limit is twice its rate unless it is given, as in the reference's sample values. */
function limitOf(perSecond: number | undefined, burst: number | undefined): FlowSettings['instance'] {
  return perSecond === undefined ? null : { rate: perSecond, burst: burst ?? Math.min(9_999_999, 2 * perSecond) };
}

function durabilityOf(value: {
  DURABILITY_MODE: Durability['mode'];
  REPLICAS_REQUIRED: number;
  REPLICA_WAIT_TIMEOUT_MS: number;
}): Durability {
  const mode = value.DURABILITY_MODE;
  if (mode !== 'replicated') return { mode };
  return { mode, replicas: value.REPLICAS_REQUIRED, waitTimeoutMs: value.REPLICA_WAIT_TIMEOUT_MS };
}

/** The one place that reads the process's environment. */
export function processEnvironment(): Environment {
  return process.env;
}
