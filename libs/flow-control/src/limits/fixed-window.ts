import { requireWindow } from './sliding-window';
import type { WindowSettings } from './sliding-window';
import type { LimitRule } from './limit-rule';

const WINDOW = 0;
const CURRENT = 1;

/** At most `limit` permits in each window of the clock; twice that may pass around a boundary. Same arithmetic as take-fixed-window.lua. */
export class FixedWindowRule implements LimitRule<WindowSettings> {
  readonly width = 2;
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
    const window = this.moveTo(state, at, nowUs);
    const after = (state[at + CURRENT] ?? 0) + permits;
    if (after <= this.limit) {
      state[at + CURRENT] = after;
      return 0;
    }
    return permits > this.limit ? Infinity : (window + 1) * this.lengthUs - nowUs;
  }

  giveBack(state: Float64Array, at: number, permits: number): void {
    state[at + CURRENT] = Math.max(0, (state[at + CURRENT] ?? 0) - permits);
  }

  isIdle(state: Float64Array, at: number, nowUs: number): boolean {
    return Math.floor(nowUs / this.lengthUs) > (state[at + WINDOW] ?? 0);
  }

  carryOver(state: Float64Array, at: number, nowUs: number, next: WindowSettings): void {
    const nextLength = next.windowMs * 1_000;
    if (nextLength === this.lengthUs) return;
    this.moveTo(state, at, nowUs);
    // What was taken in this window counts as taken in the new one.
    state[at + WINDOW] = Math.floor(nowUs / nextLength);
  }

  apply(next: WindowSettings): void {
    this.limit = next.limit;
    this.lengthUs = next.windowMs * 1_000;
  }

  validate(settings: WindowSettings): void {
    requireWindow(settings);
  }

  /** Brings the counter to the window of `nowUs`. @returns its number. A clock that was set back stays where it was. */
  private moveTo(state: Float64Array, at: number, nowUs: number): number {
    const window = Math.floor(nowUs / this.lengthUs);
    const stored = state[at + WINDOW] ?? 0;
    if (stored >= window) return stored;
    state[at + CURRENT] = 0;
    state[at + WINDOW] = window;
    return window;
  }
}
