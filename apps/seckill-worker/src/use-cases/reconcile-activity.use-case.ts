import type { ActivityId } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';
import { pipelineIsEmpty } from './observe-pipeline.use-case';
import type { PipelineBoard } from './observe-pipeline.use-case';
import type { MarkPersisted, PersistedEvent } from './persisted-marks';

/** One reading of an activity in Redis. */
export interface ActivityReading {
  readonly eventSeq: number;
  readonly endMs: number;
  readonly state: string;
  readonly nowMs: number;
  /** Events marked persisted. */
  readonly persisted: number;
}

export interface ReconcileSources {
  snapshot(activityId: ActivityId): Promise<ActivityReading | null>;
  outbox(activityId: ActivityId): Promise<{ length: number; pending: number }>;
  /** Sequence numbers up to `upTo` that are not marked persisted, in rising order, at most `limit`. */
  unmarked(activityId: ActivityId, upTo: number, limit: number): Promise<number[]>;
  /** Those of the sequence numbers that MySQL has. */
  stored(activityId: ActivityId, seqs: readonly number[]): Promise<PersistedEvent[]>;
  storedCount(activityId: ActivityId, upTo: number): Promise<number>;
  /** Sets drained_at once, only while Redis is still at that event when it is written. @returns whether this call did it. */
  markDrained(activityId: ActivityId, eventSeq: number): Promise<boolean>;
}

export interface ReconcileActivityOptions {
  readonly sources: ReconcileSources;
  readonly mark: MarkPersisted;
  readonly board: PipelineBoard;
  readonly logger: Logger;
}

export interface ActivityState {
  /** Entries in the outbox, and how many of them a relay holds. */
  readonly outboxLength: number;
  readonly outboxPending: number;
  /** Events that are not marked persisted. */
  readonly unmarked: number;
  readonly drained: boolean;
}

const MARK_PAGE = 10_000;

/**
 * Compares what Redis numbered with what MySQL has: marks what a consumer could not mark, and writes an activity off as drained when it has
 * ended and every one of its events is stored.
 */
export class ReconcileActivity {
  constructor(private readonly options: ReconcileActivityOptions) {}

  /** @returns null when the activity is not in Redis. */
  async execute(activityId: ActivityId): Promise<ActivityState | null> {
    const { sources, logger } = this.options;
    const reading = await sources.snapshot(activityId);
    if (reading === null) return null;
    const outbox = await sources.outbox(activityId);
    const missed = reading.persisted < reading.eventSeq ? await this.markMissed(activityId, reading.eventSeq) : 0;
    const unmarked = Math.max(0, reading.eventSeq - reading.persisted - missed);
    const drained = unmarked === 0 && outbox.length === 0 && (await this.isOver(activityId, reading));
    if (drained && (await sources.markDrained(activityId, reading.eventSeq))) {
      logger.info({ activity_id: activityId, seq: reading.eventSeq }, 'activity drained');
    }
    return { outboxLength: outbox.length, outboxPending: outbox.pending, unmarked, drained };
  }

  private async markMissed(activityId: ActivityId, upTo: number): Promise<number> {
    const { sources, mark, logger } = this.options;
    const unmarked = await sources.unmarked(activityId, upTo, MARK_PAGE);
    const stored = await sources.stored(activityId, unmarked);
    if (stored.length === 0) return 0;
    await mark(activityId, stored);
    logger.info({ activity_id: activityId, count: stored.length }, 'marked events that a consumer could not mark');
    return stored.length;
  }

  /** Ended, nothing in the queue or in anybody's hands, and MySQL itself says that it has everything. */
  private async isOver(activityId: ActivityId, reading: ActivityReading): Promise<boolean> {
    const { sources } = this.options;
    if (reading.state !== 'ended' && reading.nowMs < reading.endMs) return false;
    const { board } = this.options;
    if (!pipelineIsEmpty(await board.read(), 0, await board.nowMs())) return false;
    return (await sources.storedCount(activityId, reading.eventSeq)) === reading.eventSeq;
  }
}
