import { HalfLoadedError } from '@coupon/lua';
import type { ActivitySnapshot, ActivityStore, AdvanceEpochResult } from '@coupon/lua';
import type { ActivityId, ActivityState } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';
import type { RestoreActivity } from './restore-activity.use-case';

/** What MySQL knows of an activity that was loaded into Redis once. */
export interface ActivityLedger {
  readonly epoch: number;
  readonly totalCount: number;
  /** Where it should be by MySQL: open, paused or ended. */
  readonly state: ActivityState;
  /** Highest event sequence number that is stored or parked in a dead-letter queue. */
  readonly lastSeq: number;
  /** False before the first load and after everything was stored: such an activity is not missed in Redis. */
  readonly expectedInRedis: boolean;
  /** Its keys were removed after the retention; a copy that an older disk has brought back is to go, not to be verified. */
  readonly archived: boolean;
  /** Its first load is still under way: what Redis lacks is coming, from coupon-admin. */
  readonly loading: boolean;
  /** Another operation of coupon-admin (a pause, a stock addition) is not finished: Redis may rightly differ. */
  readonly changing: boolean;
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
  readonly store: Pick<ActivityStore, 'snapshot' | 'runId' | 'adoptRun' | 'setState' | 'ensureRelayGroup'>;
  readonly ledger: (id: ActivityId) => Promise<ActivityLedger | null>;
  /**
   * True when no event is in the queue or in any worker's hands (relays included), by observations made after `sinceMs`. Only then does
   * MySQL's last sequence number say how far Redis must be.
   */
  readonly pipelineEmptySince: (sinceMs: number) => Promise<boolean>;
  /** Gives an activity that is in use on this run MySQL's epoch, if it knows every event MySQL knows. */
  readonly advanceEpoch: (
    id: ActivityId,
    to: { readonly runId: string; readonly epoch: number; readonly eventSeq: number },
  ) => Promise<AdvanceEpochResult>;
  /** Ends the operation row of a restore. */
  readonly finishRestore: (id: ActivityId, epoch: number) => Promise<void>;
  readonly restore: Pick<RestoreActivity, 'prepare' | 'execute'>;
  /**
   * A rebuild waits so long after the loss was seen: the board of observations was lost with Redis, and every worker that is alive must
   * have written to it again before its silence means that it holds nothing. @default 15000
   */
  readonly restoreGraceMs?: number;
  /** The clock of the observations. */
  readonly nowMs: () => Promise<number>;
  readonly logger: Logger;
}

type Reading = ActivitySnapshot | 'not_loaded' | 'half_loaded';

/**
 * Decides whether a restarted Redis may go on selling (invariant 9). An activity carries the run id it was opened on; on any other run the
 * gateways refuse. It is accepted when Redis is at least as far as MySQL and its counters agree, otherwise it is rebuilt from MySQL.
 */
export class VerifyClaimRedis {
  /** When an activity was first seen in doubt: only observations of the queue made after that count. */
  private readonly doubtedSince = new Map<ActivityId, number>();
  /** When its outbox was first seen empty after a loss; a later entry starts the wait anew. */
  private readonly outboxEmptySince = new Map<ActivityId, number>();

  constructor(private readonly options: VerifyClaimRedisOptions) {}

  /** `unfinishedRestore`: MySQL has a restore of it that was begun; without it an activity in use costs no question to MySQL. */
  async execute(id: ActivityId, unfinishedRestore = false): Promise<Verification> {
    const { store, ledger } = this.options;
    const runId = await store.runId(id);
    const reading = await this.read(id);
    const onThisRun = isWhole(reading) && reading.runId === runId;
    const inUse = onThisRun && reading.state !== 'closed';
    if (inUse && !unfinishedRestore) return this.settled(id, 'current');
    const known = await ledger(id);
    if (inUse) return known?.restoring === true ? this.converge(id, known, runId) : this.settled(id, 'current');
    // Closed on this run: loaded and not opened yet, or a restore that died before it could open it.
    if (known === null || (onThisRun && !known.restoring)) return this.settled(id, onThisRun ? 'current' : 'absent');
    if (known.archived || (!known.expectedInRedis && !isWhole(reading))) return this.settled(id, 'absent');
    const since = this.doubtedSince.get(id) ?? (await this.options.nowMs());
    this.doubtedSince.set(id, since);
    if (isWhole(reading) && !known.restoring) {
      if (!(await this.options.pipelineEmptySince(since))) return 'waiting';
      // Read again: everything that was on its way has arrived by now.
      const stored = await ledger(id);
      if (stored !== null && isIntact(reading, stored)) return this.adopt(id, reading, stored);
    }
    return known.expectedInRedis && !known.loading ? this.rebuild(id, known, reading, since) : 'waiting';
  }

  private async adopt(id: ActivityId, snapshot: ActivitySnapshot, ledger: ActivityLedger): Promise<Verification> {
    const { store, logger } = this.options;
    // A pause that Redis has lost comes first: gateways may sell from the moment the run is accepted.
    const moved = snapshot.state === 'open' && ledger.state !== 'open' && !ledger.changing;
    if (moved) await store.setState(id, { to: ledger.state, epoch: ledger.epoch });
    const adopted = await store.adoptRun(id, { epoch: snapshot.epoch, verifiedRunId: snapshot.runId });
    if (adopted.kind !== 'adopted' && adopted.kind !== 'already') return 'waiting';
    // Closed by a rebuild that turned out not to be needed.
    if (snapshot.state === 'closed' && !ledger.changing) {
      await store.setState(id, { to: ledger.state, epoch: ledger.epoch, from: 'closed' });
    }
    logger.info({ activity_id: id, epoch: snapshot.epoch }, 'activity verified after a restart of redis');
    return this.settled(id, 'adopted');
  }

  /**
   * A restore is unfinished although the activity is in use on this run: its worker died after it had opened it, or somebody had accepted the
   * activity before it could be put back. Then MySQL's epoch has moved and Redis is to follow; nothing of it was lost.
   */
  private async converge(id: ActivityId, known: ActivityLedger, runId: string): Promise<Verification> {
    const { advanceEpoch, finishRestore, logger } = this.options;
    const { kind } = await advanceEpoch(id, { runId, epoch: known.epoch, eventSeq: known.lastSeq });
    if (kind === 'moved' || kind === 'already') {
      await finishRestore(id, known.epoch);
      logger.warn(
        { activity_id: id, epoch: known.epoch, found: kind },
        'an unfinished restore was not needed any more',
      );
      return this.settled(id, 'current');
    }
    // Said once: it is looked at twice a second.
    if (!this.doubtedSince.has(id)) {
      logger.error(
        { activity_id: id, epoch: known.epoch, found: kind },
        'the activity is in use, and its restore cannot end',
      );
      this.doubtedSince.set(id, await this.options.nowMs());
    }
    return 'waiting';
  }

  /** Order matters: closed, outbox empty, and only then an observation that the pipeline is empty too. */
  private async rebuild(
    id: ActivityId,
    known: ActivityLedger,
    reading: Reading,
    doubtedSinceMs: number,
  ): Promise<Verification> {
    const { restore, nowMs, restoreGraceMs = 15_000, pipelineEmptySince, logger } = this.options;
    if (!(await restore.prepare(id, known.epoch))) {
      this.outboxEmptySince.delete(id);
      return 'waiting';
    }
    const emptySince = this.outboxEmptySince.get(id) ?? (await nowMs());
    this.outboxEmptySince.set(id, emptySince);
    if ((await nowMs()) - doubtedSinceMs < restoreGraceMs || !(await pipelineEmptySince(emptySince))) return 'waiting';
    logger.error(
      { activity_id: id, epoch: known.epoch, state: describe(reading) },
      'redis has lost the activity: rebuilding it from MySQL',
    );
    const restored = await restore.execute(id, { epoch: known.epoch, restoring: known.restoring });
    return restored ? this.settled(id, 'restored') : 'waiting';
  }

  private async read(id: ActivityId): Promise<Reading> {
    const first = await this.readOnce(id);
    if (first !== 'half_loaded') return first;
    // A relay group can be put back without loss: it starts at the first entry that is still there. Anything else cannot.
    await this.options.store.ensureRelayGroup(id);
    return this.readOnce(id);
  }

  private async readOnce(id: ActivityId): Promise<Reading> {
    try {
      return (await this.options.store.snapshot(id)) ?? 'not_loaded';
    } catch (error) {
      if (error instanceof HalfLoadedError) return 'half_loaded';
      throw error;
    }
  }

  private settled(id: ActivityId, verification: Verification): Verification {
    this.doubtedSince.delete(id);
    this.outboxEmptySince.delete(id);
    return verification;
  }
}

function isWhole(reading: Reading): reading is ActivitySnapshot {
  return typeof reading !== 'string';
}

/** Redis may be ahead of MySQL (its outbox is still to be relayed), never behind; a stock addition under way reaches MySQL first. */
function isIntact(snapshot: ActivitySnapshot, ledger: ActivityLedger): boolean {
  return (
    snapshot.epoch === ledger.epoch &&
    snapshot.eventSeq >= ledger.lastSeq &&
    (snapshot.total === ledger.totalCount || (ledger.changing && snapshot.total < ledger.totalCount)) &&
    snapshot.available >= 0 &&
    snapshot.available + snapshot.claimed === snapshot.total
  );
}

function describe(reading: Reading): string {
  return isWhole(reading) ? `epoch ${reading.epoch}, seq ${reading.eventSeq}` : reading;
}
