import type { ActivityId } from '@coupon/domain';
import type { EstablishedSession } from '../adapters/claim-session';
import type { Refusal } from './claim-answer';

/** Starts of activities that are in Redis and wait for them. */
export interface PlannedStarts {
  /**
   * Epoch milliseconds; undefined where that is not known. Makes nothing and waits for nothing. What is answered was true less than 2 s ago, and
   * for so long no activity is opened or ended before a start that was known here.
   */
  plannedStartMs(id: ActivityId): number | undefined;
  /** Somebody has asked for an activity that has not started. Called once a second and activity at most. */
  learn(id: ActivityId): void;
}

/** A batch of claims that Redis has decided. */
export interface DecidedBatch {
  /** The connection it was decided over. */
  readonly session: EstablishedSession;
  /** Before it was sent, by the clock of the process. */
  readonly sentMs: number;
  /** Redis TIME. */
  readonly redisMs: number;
  readonly available: number;
  /** A claim that came without a purchase token was refused because the sale has not started. */
  readonly notStarted: boolean;
}

export interface EarlyRefusalsDependencies {
  readonly session: () => EstablishedSession | null;
  readonly starts: PlannedStarts;
  /** Monotonic milliseconds: the clock of {@link DecidedBatch.sentMs}. */
  readonly nowMs: () => number;
  /** How far ahead of what is known here the clock of Redis may be. @default 2000 */
  readonly marginMs?: number;
}

interface Confirmation {
  readonly session: EstablishedSession;
  readonly untilMs: number;
  readonly learntMs: number;
  /** Redis TIME is at most this much more than the clock of the process. */
  readonly redisAheadMs: number;
  readonly refusal: Refusal;
}

const MARGIN_MS = 2_000;
const CONFIRMED_FOR_MS = 1_000;
const MOST_ACTIVITIES = 1_000;

/**
 * Refuses claims with NOT_STARTED without asking Redis, where Redis would have given the same answer. Two witnesses are needed. Redis itself,
 * not longer ago than a second and over this very connection: the activity is there, is complete, was opened on this run, is not paused or
 * ended, has no hidden path, has not started, and so late it is. And the cached row: when it will start.
 *
 * Nothing that the claim script looks at before the window, or instead of it, can differ then. Replays and conflicts need a receipt, and
 * there is none before the start, which never moves back. A quantity above the limit, the rate and the stock come behind the window.
 */
export class EarlyRefusals {
  private readonly confirmed = new Map<ActivityId, Confirmation>();
  private readonly marginMs: number;

  constructor(private readonly deps: EarlyRefusalsDependencies) {
    this.marginMs = deps.marginMs ?? MARGIN_MS;
  }

  /** Makes nothing and waits for nothing. */
  refusalOf(id: ActivityId): Refusal | undefined {
    const confirmation = this.confirmed.get(id);
    if (confirmation === undefined) return undefined;
    const nowMs = this.deps.nowMs();
    if (nowMs >= confirmation.untilMs) return undefined;
    if (confirmation.session !== this.deps.session()) return undefined;
    const startMs = this.deps.starts.plannedStartMs(id);
    if (startMs === undefined || nowMs + confirmation.redisAheadMs + this.marginMs >= startMs) return undefined;
    return confirmation.refusal;
  }

  /** To be called for every batch that Redis decided, in the order of its answers. */
  observe(id: ActivityId, batch: DecidedBatch): void {
    const earlier = this.confirmed.get(id);
    if (!batch.notStarted) {
      if (earlier !== undefined) this.confirmed.delete(id);
      return;
    }
    const { session, sentMs, redisMs, available } = batch;
    const learns = earlier === undefined || sentMs - earlier.learntMs >= CONFIRMED_FOR_MS;
    if (learns) this.deps.starts.learn(id);
    // A clock that was set back may be set forward again.
    const known = earlier?.session === session ? earlier.redisAheadMs : -Infinity;
    if (this.confirmed.size >= MOST_ACTIVITIES) this.confirmed.clear();
    this.confirmed.set(id, {
      session,
      untilMs: sentMs + CONFIRMED_FOR_MS,
      learntMs: learns ? sentMs : earlier.learntMs,
      redisAheadMs: Math.max(known, redisMs - sentMs),
      refusal: Object.freeze({ kind: 'refused', code: 'NOT_STARTED', reason: 'not_started', available }),
    });
  }
}
