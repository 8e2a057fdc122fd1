import type { ActivityId } from '@coupon/domain';
import { advanceEpoch, markPersisted } from '@coupon/lua';
import type { Component, Logger } from '@coupon/service-kit';
import { activitySources } from '../adapters/activity-sources';
import { MysqlRestoreLedger } from '../adapters/mysql-restore-ledger';
import { RedisPipelineBoard } from '../adapters/redis-pipeline-board';
import type { WorkerConfig } from '../config';
import { FindActivities } from '../use-cases/find-activities.use-case';
import { pipelineIsEmpty } from '../use-cases/observe-pipeline.use-case';
import { RestoreActivity } from '../use-cases/restore-activity.use-case';
import { VerifyClaimRedis } from '../use-cases/verify-claim-redis.use-case';
import type { Connections } from './connections';
import { every } from './every';

/** Nothing is sold between a restart of Redis and its verification, so it is looked for often. */
const INTERVAL_MS = 500;

/** Lets a restarted Redis sell again once it was verified, or rebuilds what it has lost (invariant 9). */
export function createRestartVerification(config: WorkerConfig, connections: Connections, logger: Logger): Component {
  const { redis, prisma, activities, outbox } = connections;
  const board = new RedisPipelineBoard(redis);
  const ledger = new MysqlRestoreLedger(prisma, { userRatePerSecond: config.userRatePerSecond });
  const finder = new FindActivities(activitySources({ redis, prisma, outbox, store: activities }), logger);
  const verify = new VerifyClaimRedis({
    store: activities,
    ledger: (id) => ledger.activity(id),
    pipelineEmptySince: async (sinceMs) => pipelineIsEmpty(await board.read(), sinceMs, await board.nowMs()),
    advanceEpoch: (id, to) => advanceEpoch(redis, id, to),
    finishRestore: (id, epoch) => ledger.finish(id, epoch),
    restore: new RestoreActivity({
      store: activities,
      outbox,
      ledger,
      markPersisted: (id, events) => markPersisted(redis, id, events),
      logger,
    }),
    nowMs: () => board.nowMs(),
    logger,
  });
  const unfinishedRestores = (): Promise<ReadonlySet<ActivityId>> =>
    ledger.unfinishedRestores().catch((error: unknown) => {
      // What Redis alone can tell is looked at all the same.
      logger.warn({ err: error }, 'unfinished restores cannot be read');
      return new Set<ActivityId>();
    });
  return every('restart verification', INTERVAL_MS, logger, async () => {
    // The registry is in the Redis that may have lost it: MySQL names the rest.
    const ids = new Set([...(await finder.refreshRegistered()), ...(await finder.refreshUndrained())]);
    const unfinished = await unfinishedRestores();
    for (const id of ids) {
      try {
        await verify.execute(id, unfinished.has(id));
      } catch (error) {
        logger.warn({ err: error, activity_id: id }, 'activity cannot be verified yet');
      }
    }
  });
}
