/** Monotonic milliseconds, with fractions; `performance.now` in production. */
export type MonotonicClock = () => number;

/**
 * The arithmetic of one kind of limit on `width` numbers of a caller's array, all zero at first. Whole microseconds and whole permits, so
 * nothing is ever rounded. Containers hold the numbers: one limiter, or thousands of keys without an object each.
 */
export interface LimitRule<Settings> {
  readonly width: number;
  readonly settings: Settings;
  /** @returns 0 when `permits` were granted, or the microseconds until they could be if nobody else takes any (Infinity: never). */
  take(state: Float64Array, at: number, nowUs: number, permits: number): number;
  /** Undoes a grant that was just made and not used. */
  giveBack(state: Float64Array, at: number, permits: number): void;
  /** True when forgetting the numbers changes no later answer. */
  isIdle(state: Float64Array, at: number, nowUs: number): boolean;
  /** Converts the numbers for `next`, keeping what was used. Called for every state before `apply(next)`. */
  carryOver(state: Float64Array, at: number, nowUs: number, next: Settings): void;
  /** Takes over settings that were validated. */
  apply(next: Settings): void;
  /** @throws RangeError that names the setting. */
  validate(settings: Settings): void;
}

/** @throws RangeError that names the setting: limits are whole numbers, or their arithmetic would not be exact. */
export function requireWhole(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new RangeError(`${name} must be a whole number from 1 to ${max}, not ${value}`);
  }
}
