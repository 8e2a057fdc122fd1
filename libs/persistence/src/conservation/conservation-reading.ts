import type { ActivityId } from '@coupon/domain';
import type { Ledger } from './read-ledger';

/**
 * Where a missing event is: still in the outbox, in a dead-letter queue, in the work queue (it left the outbox and the queue is not empty,
 * or it is too young to be judged), `unknown` when nobody watches the queue, `nowhere` when it is in no place it could be: lost.
 */
export type MissingPlace = 'nowhere' | 'dead_lettered' | 'outbox' | 'queue' | 'unknown';

export interface LocatedRange {
  readonly from: number;
  readonly to: number;
  readonly where: MissingPlace;
}

/** One atomic reading of an activity in Redis. */
export interface StockReading {
  readonly eventSeq: number;
  readonly total: number;
  readonly available: number;
  readonly claimed: number;
  readonly lastEventMs: number;
  readonly nowMs: number;
}

/** What one worker saw of the work queue; `at_ms` epoch milliseconds. */
export interface PipelineObservation {
  readonly instance: string;
  readonly atMs: number;
  readonly queueReady: number;
  readonly unacked: number;
}

/** Everything that was read, in the order it was read: an event moves on from each place only to a later one. */
export interface ConservationReading {
  readonly activityId: ActivityId;
  readonly before: StockReading | null;
  readonly outbox: ReadonlySet<number>;
  readonly pipeline: readonly PipelineObservation[];
  readonly ledger: Ledger;
  readonly after: StockReading | null;
  /** On the second look: what the first one suspected. Only that can be lost, everything else has moved since. */
  readonly suspects?: readonly LocatedRange[];
  /** Epoch ms by the clock of the observations; their ages are taken against it. */
  readonly nowMs: number;
}
