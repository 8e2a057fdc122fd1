import { HalfLoadedError } from '@coupon/lua';
import type { ActivitySnapshot, ActivityStore } from '@coupon/lua';
import type { ActivityId } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';
import type { RestoreActivity } from './restore-activity.use-case';

/** What MySQL knows of an activity that was loaded into Redis once. */
export interface ActivityLedger {
  readonly epoch: number;
  readonly totalCount: number;
  /** Highest event sequence number that is stored or parked in a dead-letter queue. */
  readonly lastSeq: number;
  /** False before the first load and after the end of everything: such an activity is not missed in Redis. */
  readonly expectedInRedis: boolean;
  /** A restore was begun and not finished. */
  readonly restoring: boolean;
}

export type Verification =
  /** Opened on this run of Redis: nothing to do. */
  | 'current'
  /** Restarted with everything in place: the new run was accepted. */
  | 'adopted'
  /** Something of it was lost: put back from MySQL under the next epoch. */
  | 'restored'
  /** Events are still on their way to MySQL; looked at again later. */
  | 'waiting'
  /** Not loaded, and nobody expects it to be. */
  | 'absent';

export interface VerifyClaimRedisOptions {
  readonly store: Pick<ActivityStore, 'snapshot' | 'runId' | 'adoptRun'>;
  readonly ledger: (id: ActivityId) => Promise<ActivityLedger | null>;
  /**
   * True when no event is in the queue or in any worker's hands (relays included), by observations made after `sinceMs`. Only then does
   * MySQL's last sequence number say how far Redis must be.
   */
  readonly pipelineEmptySince: (sinceMs: number) => Promise<boolean>;
  readonly restore: Pick<RestoreActivity, 'execute'>;
  readonly nowMs: () => number;
  readonly logger: Logger;
}

/**
 * Decides whether a restarted Redis may go on selling (invariant 9). An activity carries the run id it was opened on; on any other run the
 * gateways refuse. It is accepted when Redis is at least as far as MySQL and its counters agree, otherwise it is rebuilt from MySQL.
 */
export class VerifyClaimRedis {
  /** When an activity was first seen in doubt: only observations of the queue made after that count. */
  private readonly doubtedSince = new Map<ActivityId, number>();

  constructor(private readonly options: VerifyClaimRedisOptions) {}

  async execute(id: ActivityId): Promise<Verification> {
    const { store, ledger, logger } = this.options;
    const runId = await store.runId(id);
    const snapshot = await this.snapshotOf(id);
    const onThisRun = snapshot !== null && snapshot !== 'half_loaded' && snapshot.runId === runId;
    if (onThisRun && snapshot.state !== 'closed') return this.settled(id, 'current');
    const known = await ledger(id);
    // Closed on this run: loaded and not opened yet, or a restore that died before it could open it.
    if (onThisRun && known?.restoring !== true) return this.settled(id, 'current');
    if (known === null || !known.expectedInRedis) return this.settled(id, 'absent');
    if (!(await this.pipelineIsEmpty(id))) return 'waiting';
    // Read again: everything that was on its way has arrived by now.
    const stored = await ledger(id);
    if (stored === null) return this.settled(id, 'absent');
    if (snapshot !== null && snapshot !== 'half_loaded' && !stored.restoring && isIntact(snapshot, stored)) {
      const adopted = await store.adoptRun(id, { epoch: snapshot.epoch, verifiedRunId: snapshot.runId });
      if (adopted.kind !== 'adopted' && adopted.kind !== 'already') return 'waiting';
      logger.info(
        { activity_id: id, epoch: snapshot.epoch, redis_run_id: runId },
        'activity verified after a restart of redis',
      );
      return this.settled(id, 'adopted');
    }
    logger.error(
      { activity_id: id, epoch: stored.epoch, state: describe(snapshot) },
      'redis has lost the activity: rebuilding it from MySQL',
    );
    const restored = await this.options.restore.execute(id, stored.epoch);
    return restored ? this.settled(id, 'restored') : 'waiting';
  }

  private async snapshotOf(id: ActivityId): Promise<ActivitySnapshot | null | 'half_loaded'> {
    try {
      return await this.options.store.snapshot(id);
    } catch (error) {
      if (error instanceof HalfLoadedError) return 'half_loaded';
      throw error;
    }
  }

  private async pipelineIsEmpty(id: ActivityId): Promise<boolean> {
    const since = this.doubtedSince.get(id) ?? this.options.nowMs();
    this.doubtedSince.set(id, since);
    return this.options.pipelineEmptySince(since);
  }

  private settled(id: ActivityId, verification: Verification): Verification {
    this.doubtedSince.delete(id);
    return verification;
  }
}

/** Redis may be ahead of MySQL (its outbox is still to be relayed), never behind; a stock addition reaches MySQL first. */
function isIntact(snapshot: ActivitySnapshot, ledger: ActivityLedger): boolean {
  return (
    snapshot.epoch === ledger.epoch &&
    snapshot.eventSeq >= ledger.lastSeq &&
    snapshot.total <= ledger.totalCount &&
    snapshot.available >= 0 &&
    snapshot.available + snapshot.claimed === snapshot.total
  );
}

function describe(snapshot: ActivitySnapshot | null | 'half_loaded'): string {
  if (snapshot === null) return 'not loaded';
  return snapshot === 'half_loaded' ? 'half loaded' : `epoch ${snapshot.epoch}, seq ${snapshot.eventSeq}`;
}
