import type { MonotonicClock } from '../limits/limit-rule';
import type { EventLoopDelaySource } from './event-loop-delay';

export interface LoadSensorOptions {
  /** Share of capacity from which on requests are shed. @default 0.8 */
  readonly threshold?: number;
  /** Event-loop delay that counts as full capacity. @default 50 */
  readonly fullDelayMs?: number;
  /** Time constant of the smoothing. @default 300 */
  readonly smoothingMs?: number;
  /** The load must fall by this much before less is shed. @default 0.05 */
  readonly hysteresis?: number;
}

export interface LoadSensorDependencies {
  readonly eventLoop: EventLoopDelaySource;
  /** Used share of the queue, 0 to 1. */
  readonly queueLoad: () => number;
  readonly nowMs: MonotonicClock;
}

const SAMPLE_MS = 100;
/** A loop that stands still takes one late sample for it: it must not weigh more, nor count for more than this, or one stall alone would shed. */
const MAX_SAMPLE_MS = 200;
const MAX_LOAD = 1.5;

/**
 * How loaded this process is, from the event loop's delay and the queue, and which requests to refuse for it. From `threshold` (nobody) to
 * full capacity (everybody) a growing share is shed; `shouldShed` is two comparisons.
 */
export class LoadSensor {
  private readonly fullDelayMs: number;
  private readonly smoothingMs: number;
  private readonly hysteresis: number;
  private threshold: number;
  private smoothed = 0;
  private held = 0;
  private share = 0;
  private lastMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly deps: LoadSensorDependencies,
    options: LoadSensorOptions = {},
  ) {
    this.threshold = options.threshold ?? 0.8;
    this.fullDelayMs = options.fullDelayMs ?? 50;
    this.smoothingMs = options.smoothingMs ?? 300;
    this.hysteresis = options.hysteresis ?? 0.05;
    this.lastMs = deps.nowMs();
  }

  /** Samples ten times a second from now on. */
  start(): void {
    this.timer ??= setInterval(() => this.sample(), SAMPLE_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.deps.eventLoop.close();
  }

  /** Share of capacity in use: the larger of the two, each smoothed together (exponentially, by time). Above 1 when overloaded. */
  get load(): number {
    return this.smoothed;
  }

  /** Share of requests that are shed now. */
  get shedShare(): number {
    return this.share;
  }

  /** @param random in [0, 1) */
  shouldShed(random: number): boolean {
    return random < this.share;
  }

  /** Another threshold from the next sample on. */
  reconfigure(options: { readonly threshold: number }): void {
    this.threshold = options.threshold;
  }

  /** What the timer does. */
  sample(): void {
    const now = this.deps.nowMs();
    const current = Math.max(this.deps.eventLoop.readMs() / this.fullDelayMs, this.deps.queueLoad());
    const sinceMs = Math.min(now - this.lastMs, MAX_SAMPLE_MS);
    this.smoothed += (Math.min(current, MAX_LOAD) - this.smoothed) * (1 - Math.exp(-sinceMs / this.smoothingMs));
    this.lastMs = now;
    // Play between rise and fall: the value acted upon follows upwards at once, downwards only by what exceeds the play.
    this.held = Math.min(Math.max(this.held, this.smoothed), this.smoothed + this.hysteresis);
    this.share = Math.min(1, Math.max(0, (this.held - this.threshold) / (1 - this.threshold)));
  }
}
