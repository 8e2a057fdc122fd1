import { toDecision, waitMsOf } from './decision';
import type { LimitDecision, LimitName } from './decision';
import type { LimitRule, MonotonicClock } from './limit-rule';

/** Something one permit at a time can be taken from at once. */
export interface Taker {
  /** @returns 0 when granted, the milliseconds to wait (at least 1), or `LEASE_PENDING`. */
  tryTake(): number;
  /** Undoes a grant of this turn of the event loop that was not used. */
  giveBack(): void;
}

/** One limit in this process. Allocates nothing per call. */
export class LocalLimiter<Settings> implements Taker {
  private readonly state: Float64Array;

  constructor(
    private readonly rule: LimitRule<Settings>,
    private readonly nowMs: MonotonicClock,
  ) {
    this.state = new Float64Array(rule.width);
  }

  tryTake(permits = 1): number {
    return waitMsOf(this.rule.take(this.state, 0, Math.floor(this.nowMs() * 1_000), permits));
  }

  giveBack(permits = 1): void {
    this.rule.giveBack(this.state, 0, permits);
  }

  decide(limit: LimitName, permits = 1): LimitDecision {
    return toDecision(limit, this.tryTake(permits));
  }

  /** Another limit from now on; what was used stays used. @throws RangeError that names the setting. */
  reconfigure(next: Settings): void {
    this.rule.validate(next);
    this.rule.carryOver(this.state, 0, Math.floor(this.nowMs() * 1_000), next);
    this.rule.apply(next);
  }
}
