/** Whether this process hears of changes. While it does not, a cache must not answer from L1 or L2. */
export interface Freshness {
  isFresh(nowMs: number): boolean;
  /**
   * How often changes may have been missed. A value that was filled before the last lapse is not answered any more, except in place of an
   * error. Never falls.
   */
  readonly lapses: number;
}

/** For caches that nobody invalidates: what they hold is as good as its time to live. */
export const alwaysFresh: Freshness = Object.freeze({ isFresh: () => true, lapses: 0 });

export interface HeartbeatFreshnessOptions {
  /** How long a heartbeat is good for. @default 500 */
  readonly withinMs?: number;
  /**
   * Whether to wait, at the start and after every lapse, until the process that drops L2 has come as far as this one has heard. False only
   * where L2 is always dropped before the change is announced. @default true
   */
  readonly sharedTierConfirms?: boolean;
}

/**
 * Freshness by the heartbeats of the invalidation bus. Heartbeats and changes must come in one order, over one queue of this process: a
 * heartbeat that is heard says that the changes before it were heard.
 *
 * L2 is dropped by another process. At the start (and after a lapse) it may hold values whose change was announced before this process
 * listened. So this one waits until the other has confirmed a heartbeat that this one has heard, too: changes before it are dropped from L2,
 * and those after it come here.
 */
export class HeartbeatFreshness implements Freshness {
  lapses = 0;
  private readonly withinMs: number;
  private readonly confirms: boolean;
  private heardAtMs = -Infinity;
  /** First heartbeat since the last lapse. */
  private firstHeard: number | undefined;
  private confirmedUpTo = -Infinity;
  private confirmedAtMs = -Infinity;

  constructor(options: HeartbeatFreshnessOptions = {}) {
    this.withinMs = options.withinMs ?? 500;
    this.confirms = options.sharedTierConfirms ?? true;
    if (!(this.withinMs > 0)) throw new RangeError('withinMs must be above 0');
  }

  /** A heartbeat came. `beat` rises with every heartbeat of the bus; one that does not is ignored, it may come from a queue of the past. */
  heard(beat: number, nowMs: number): void {
    if (nowMs - this.heardAtMs > this.withinMs) this.lapse();
    this.heardAtMs = nowMs;
    this.firstHeard ??= beat;
  }

  /** The process that drops L2 has dropped everything before this heartbeat. */
  sharedTierReached(beat: number, nowMs: number): void {
    if (beat <= this.confirmedUpTo) return;
    this.confirmedUpTo = beat;
    this.confirmedAtMs = nowMs;
  }

  /** The queue of this process is gone or was replaced: changes may be lost. Fresh again with the next heartbeat. */
  lost(): void {
    this.lapse();
    this.heardAtMs = -Infinity;
  }

  isFresh(nowMs: number): boolean {
    if (nowMs - this.heardAtMs > this.withinMs) return false;
    if (!this.confirms) return true;
    return (
      this.firstHeard !== undefined &&
      this.confirmedUpTo >= this.firstHeard &&
      nowMs - this.confirmedAtMs <= this.withinMs
    );
  }

  private lapse(): void {
    this.lapses += 1;
    this.firstHeard = undefined;
  }
}
