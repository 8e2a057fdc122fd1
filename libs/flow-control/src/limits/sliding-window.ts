import { requireWhole } from './limit-rule';
import type { LimitRule } from './limit-rule';

export interface WindowSettings {
  readonly limit: number;
  readonly windowMs: number;
}

const WINDOW = 0;
const CURRENT = 1;
const PREVIOUS = 2;

/**
 * Two counters per key instead of a list of times: what was granted in this window plus what was granted in the last one, weighted by how
 * much of it still lies in the sliding window and rounded down. Same arithmetic as take-sliding-window.lua and the rate in claim-units.lua.
 */
export class SlidingWindowRule implements LimitRule<WindowSettings> {
  readonly width = 3;
  private limit: number;
  private lengthUs: number;

  constructor(settings: WindowSettings) {
    requireWindow(settings);
    this.limit = settings.limit;
    this.lengthUs = settings.windowMs * 1_000;
  }

  get settings(): WindowSettings {
    return { limit: this.limit, windowMs: this.lengthUs / 1_000 };
  }

  take(state: Float64Array, at: number, nowUs: number, permits: number): number {
    const elapsed = this.moveTo(state, at, nowUs);
    const length = this.lengthUs;
    const previous = state[at + PREVIOUS] ?? 0;
    const current = state[at + CURRENT] ?? 0;
    const room = this.limit - current - permits + 1;
    if (previous * (length - elapsed) < room * length) {
      state[at + CURRENT] = current + permits;
      return 0;
    }
    if (permits > this.limit) return Infinity;
    const from = room > 0 ? length - Math.ceil((room * length) / previous) + 1 : length;
    if (from < length) return from - elapsed;
    // In the next window, what counts as current now is weighted.
    const nextRoom = this.limit - permits + 1;
    if (current < nextRoom) return length - elapsed;
    return length - elapsed + length - Math.ceil((nextRoom * length) / current) + 1;
  }

  giveBack(state: Float64Array, at: number, permits: number): void {
    state[at + CURRENT] = Math.max(0, (state[at + CURRENT] ?? 0) - permits);
  }

  isIdle(state: Float64Array, at: number, nowUs: number): boolean {
    const behind = Math.floor(nowUs / this.lengthUs) - (state[at + WINDOW] ?? 0);
    return behind > 1 || (behind === 1 && state[at + CURRENT] === 0);
  }

  carryOver(state: Float64Array, at: number, nowUs: number, next: WindowSettings): void {
    const nextLength = next.windowMs * 1_000;
    if (nextLength === this.lengthUs) return;
    const elapsed = this.moveTo(state, at, nowUs);
    const weighted = Math.floor(((state[at + PREVIOUS] ?? 0) * (this.lengthUs - elapsed)) / this.lengthUs);
    // Counters of one window length say nothing about another: all that still counts is taken as used in the new window.
    state[at + CURRENT] = (state[at + CURRENT] ?? 0) + weighted;
    state[at + PREVIOUS] = 0;
    state[at + WINDOW] = Math.floor(nowUs / nextLength);
  }

  apply(next: WindowSettings): void {
    this.limit = next.limit;
    this.lengthUs = next.windowMs * 1_000;
  }

  validate(settings: WindowSettings): void {
    requireWindow(settings);
  }

  /** Brings the counters to the window of `nowUs`. @returns microseconds into it. A clock that was set back stays where it was. */
  private moveTo(state: Float64Array, at: number, nowUs: number): number {
    const window = Math.floor(nowUs / this.lengthUs);
    const stored = state[at + WINDOW] ?? 0;
    if (stored > window) return 0;
    if (stored < window) {
      state[at + PREVIOUS] = stored === window - 1 ? (state[at + CURRENT] ?? 0) : 0;
      state[at + CURRENT] = 0;
      state[at + WINDOW] = window;
    }
    return nowUs - window * this.lengthUs;
  }
}

/** @throws RangeError that names the setting. */
export function requireWindow(settings: WindowSettings): void {
  requireWhole('limit', settings.limit, 1_000_000);
  requireWhole('windowMs', settings.windowMs, 3_600_000);
}
