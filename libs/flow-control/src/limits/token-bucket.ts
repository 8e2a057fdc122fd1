import { requireWhole } from './limit-rule';
import type { LimitRule } from './limit-rule';

/** `burst` permits at once, refilled by `rate` per second: at most `burst + rate * T` in any T seconds. */
export interface TokenBucketSettings {
  /** Permits per second. */
  readonly rate: number;
  readonly burst: number;
}

const MAX_PERMITS = 9_999_999;

/** A permit in units: a rate of r per second refills exactly r units per microsecond. */
const UNITS = 1_000_000;
const DEFICIT = 0;
const SINCE = 1;

/** Same arithmetic as take-token-bucket.lua: the state is the deficit, so that another burst or rate forgets nothing. */
export class TokenBucketRule implements LimitRule<TokenBucketSettings> {
  readonly width = 2;
  private rate: number;
  private capacity: number;

  constructor(settings: TokenBucketSettings) {
    this.validate(settings);
    this.rate = settings.rate;
    this.capacity = settings.burst * UNITS;
  }

  get settings(): TokenBucketSettings {
    return { rate: this.rate, burst: this.capacity / UNITS };
  }

  take(state: Float64Array, at: number, nowUs: number, permits: number): number {
    const deficit = this.deficit(state, at, nowUs);
    const after = deficit + permits * UNITS;
    if (after <= this.capacity) {
      state[at + DEFICIT] = after;
      state[at + SINCE] = nowUs;
      return 0;
    }
    return permits * UNITS > this.capacity ? Infinity : Math.ceil((after - this.capacity) / this.rate);
  }

  giveBack(state: Float64Array, at: number, permits: number): void {
    state[at + DEFICIT] = Math.max(0, (state[at + DEFICIT] ?? 0) - permits * UNITS);
  }

  isIdle(state: Float64Array, at: number, nowUs: number): boolean {
    return this.deficit(state, at, nowUs) === 0;
  }

  carryOver(state: Float64Array, at: number, nowUs: number): void {
    state[at + DEFICIT] = this.deficit(state, at, nowUs);
    state[at + SINCE] = nowUs;
  }

  apply(next: TokenBucketSettings): void {
    this.rate = next.rate;
    this.capacity = next.burst * UNITS;
  }

  validate(settings: TokenBucketSettings): void {
    requireWhole('rate', settings.rate, MAX_PERMITS);
    requireWhole('burst', settings.burst, MAX_PERMITS);
  }

  private deficit(state: Float64Array, at: number, nowUs: number): number {
    const left = (state[at + DEFICIT] ?? 0) - Math.max(0, nowUs - (state[at + SINCE] ?? 0)) * this.rate;
    return left > 0 ? left : 0;
  }
}
