import { archiveActivity, registerActivity, unregisterActivity } from '@coupon/lua';
import type { Component, Logger } from '@coupon/service-kit';
import { MysqlArchiveLedger } from '../adapters/mysql-archive-ledger';
import type { ArchiveMetrics } from '../adapters/worker-metrics';
import type { WorkerConfig } from '../config';
import { ArchiveActivities } from '../use-cases/archive-activities.use-case';
import type { Connections } from './connections';
import { every } from './every';

/** Removes activities from Redis whose retention is over. */
export function createArchiving(
  config: WorkerConfig,
  { redis, prisma, activities }: Connections,
  metrics: ArchiveMetrics,
  logger: Logger,
): Component {
  const archive = new ArchiveActivities({
    ledger: new MysqlArchiveLedger(prisma, { retentionMs: config.archive.retentionMs }),
    keys: {
      registered: () => activities.activities(),
      register: (id) => registerActivity(redis, id),
      remove: (id, lastSeq) => archiveActivity(redis, id, lastSeq),
      unregister: (id) => unregisterActivity(redis, id),
    },
    count: (outcome) => metrics.outcome(outcome),
    logger,
  });
  return every('archiving', config.archive.intervalMs, logger, (stopped) => archive.execute(stopped));
}
