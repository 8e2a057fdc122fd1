import type { ActivityId } from '@coupon/domain';
import { markPersisted } from '@coupon/lua';
import { RabbitMqQueueInspector, deadLetterQueueOf } from '@coupon/messaging';
import { readConservation } from '@coupon/persistence';
import type { ConservationReport } from '@coupon/persistence';
import { systemClock } from '@coupon/service-kit';
import type { Component, Logger } from '@coupon/service-kit';
import { activitySources, reconcileSources } from '../adapters/activity-sources';
import { MysqlDeadLetterIndex } from '../adapters/mysql-dead-letter-index';
import { RedisPipelineBoard } from '../adapters/redis-pipeline-board';
import type { PipelineGauges } from '../adapters/worker-metrics';
import { CLAIMS_QUEUE } from '../claim-queue';
import type { WorkerConfig } from '../config';
import { FindActivities } from '../use-cases/find-activities.use-case';
import { ReconcileActivity } from '../use-cases/reconcile-activity.use-case';
import type { Connections } from './connections';
import { every } from './every';

/** Watches that everything Redis has numbered ends in MySQL. */
export function createReconciliationRole(
  config: WorkerConfig,
  connections: Connections,
  gauges: PipelineGauges,
  logger: Logger,
): Component[] {
  const { redis, prisma, activities, outbox, consuming } = connections;
  const board = new RedisPipelineBoard(redis);
  const inspector = new RabbitMqQueueInspector({ connection: consuming });
  const index = new MysqlDeadLetterIndex(prisma);
  const adapters = { redis, prisma, outbox, store: activities };
  const finder = new FindActivities(activitySources(adapters), logger);
  const reconcile = new ReconcileActivity({
    sources: reconcileSources(adapters),
    mark: (id, events) => markPersisted(redis, id, events),
    board,
    logger,
  });
  const watched = new Set<ActivityId>();
  const report = (id: ActivityId): Promise<ConservationReport | null> =>
    readConservation(
      prisma,
      {
        snapshot: (activityId) => activities.snapshot(activityId),
        outboxSequences: (activityId) => outbox.sequences(activityId),
        pipeline: async () =>
          [...(await board.read())].map(([instance, seen]) => ({
            instance,
            atMs: seen.at_ms,
            queueReady: seen.queue_ready,
            unacked: seen.unacked,
          })),
        nowMs: () => board.nowMs(),
        sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      },
      id,
    );
  return [
    every('reconciliation', config.reconcileIntervalMs, logger, async () => {
      const ids = new Set([...(await finder.refreshRegistered()), ...(await finder.refreshUndrained())]);
      for (const id of watched) if (!ids.has(id) && watched.delete(id)) gauges.forget(id);
      for (const id of ids) {
        try {
          const state = await reconcile.execute(id);
          if (state === null) continue;
          watched.add(id);
          gauges.outbox(id, { length: state.outboxLength, pending: state.outboxPending, unmarked: state.unmarked });
        } catch (error) {
          // One broken activity must not hide the others.
          logger.warn({ err: error, activity_id: id }, 'activity cannot be reconciled');
        }
      }
    }),
    every('dead letters', config.reconcileIntervalMs, logger, async () => {
      const queued = (await inspector.ready(deadLetterQueueOf(CLAIMS_QUEUE))) ?? 0;
      const { count, oldest } = await index.waiting();
      const oldestAgeSeconds = oldest === null ? 0 : (systemClock.nowMs() - oldest.getTime()) / 1000;
      gauges.deadLetters({ queued, indexed: count, oldestAgeSeconds });
    }),
    every('conservation', config.conservationIntervalMs, logger, async () => {
      for (const id of finder.known) {
        try {
          const found = await report(id);
          if (found === null) continue;
          // Forgotten with the rest once the activity has left Redis.
          watched.add(id);
          gauges.conservation(id, found.verdict);
          if (found.verdict === 'violation') {
            const failed = found.checks.filter(({ ok }) => !ok).map(({ name }) => name);
            logger.error({ activity_id: id, problems: failed, seq: found.seq }, 'conservation is violated');
          }
        } catch (error) {
          // One broken activity must not hide the others.
          logger.warn({ err: error, activity_id: id }, 'conservation cannot be read');
        }
      }
    }),
  ];
}
