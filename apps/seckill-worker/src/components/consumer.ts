import { assertDurableMysql } from '@coupon/persistence';
import { RabbitMqConsumer } from '@coupon/messaging';
import type { EventPublisher } from '@coupon/messaging';
import { markPersisted } from '@coupon/lua';
import { systemClock } from '@coupon/service-kit';
import type { Component, Lifecycle, Logger } from '@coupon/service-kit';
import { MysqlClaimStore } from '../adapters/mysql-claim-store';
import { MysqlDeadLetterIndex } from '../adapters/mysql-dead-letter-index';
import type { WorkerMetrics } from '../adapters/worker-metrics';
import { CLAIMS_QUEUE, claimTopology } from '../claim-queue';
import type { WorkerConfig } from '../config';
import { ConsumeClaims } from '../use-cases/consume-claims.use-case';
import { DeadLetters } from '../use-cases/dead-letters';
import { Deferrals } from '../use-cases/deferrals';
import { PersistedMarks } from '../use-cases/persisted-marks';
import { StoreClaims } from '../use-cases/store-claims.use-case';
import { AbandonedError, withPatience } from '../use-cases/with-patience';
import type { Connections } from './connections';
import { every } from './every';

/** Marks that could not be written go out as soon after Redis is back. */
const MARKS_INTERVAL_MS = 1_000;

export interface ConsumerRole {
  readonly components: readonly Component[];
  /** Deliveries in this process's hands. */
  unacknowledged(): number;
}

/** The consuming side: some lanes, each with its channel and one batch at a time. */
export function createConsumerRole(
  config: WorkerConfig,
  connections: Connections,
  publisher: EventPublisher,
  metrics: WorkerMetrics,
  logger: Logger,
  lifecycle: Pick<Lifecycle, 'fail'>,
): ConsumerRole {
  const { prisma, redis, consuming } = connections;
  const stopping = new AbortController();
  const marks = new PersistedMarks({ mark: (id, events) => markPersisted(redis, id, events), logger });
  const deferrals = new Deferrals({ publisher, clock: systemClock, queue: CLAIMS_QUEUE });
  const consume = new ConsumeClaims({
    storeClaims: new StoreClaims({ store: new MysqlClaimStore(prisma) }),
    deadLetters: new DeadLetters({
      publisher,
      index: new MysqlDeadLetterIndex(prisma),
      clock: systemClock,
      queue: CLAIMS_QUEUE,
    }),
    deferrals,
    marks,
    metrics: metrics.consumer,
    logger,
    random: Math.random,
    signal: stopping.signal,
  });
  const lanes = Array.from(
    { length: config.consumer.lanes },
    () =>
      new RabbitMqConsumer({
        connection: consuming,
        logger,
        queue: CLAIMS_QUEUE,
        topology: claimTopology(),
        prefetch: config.consumer.prefetch,
        batchSize: config.consumer.batchSize,
        batchWaitMs: config.consumer.batchWaitMs,
      }),
  );
  const begin = async (): Promise<void> => {
    await checkDurability(config, connections, logger, stopping.signal);
    for (const lane of lanes) await lane.start((batch) => consume.handle(batch));
  };
  const unacknowledged = (): number => lanes.reduce((sum, lane) => sum + lane.unacknowledged, 0);
  return {
    unacknowledged,
    components: [
      every('persisted marks', MARKS_INTERVAL_MS, logger, async () => {
        await marks.flush();
        metrics.pipeline.pendingMarks(marks.size);
        metrics.pipeline.deferred(deferrals.size);
      }),
      {
        name: 'consumer',
        start: () => {
          begin().catch((error: unknown) => {
            if (error instanceof AbandonedError) return;
            void lifecycle.fail(error instanceof Error ? error : new Error(String(error)));
          });
        },
        stopIntake: async () => {
          await Promise.all(lanes.map((lane) => lane.stop()));
        },
        drain: async () => {
          await marks.flush();
        },
        close: async () => {
          stopping.abort();
          await Promise.all(lanes.map((lane) => lane.close()));
        },
      },
    ],
  };
}

/** An acknowledgement after a commit promises that the commit is on disk: checked once MySQL can be reached, before the first message. */
async function checkDurability(
  config: WorkerConfig,
  { prisma }: Connections,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  if (config.durability === 'memory') return;
  const problems = await withPatience('check durability', { logger, random: Math.random, signal }, () =>
    assertDurableMysql(prisma),
  );
  if (problems.length === 0) return;
  const list = problems.map(({ setting, expected, actual }) => `${setting} must be ${expected}, is ${actual}`);
  throw new Error(`MySQL does not keep what it confirms: ${list.join('; ')}`);
}
