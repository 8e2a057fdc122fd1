/** Whether this process hears of changes. While it does not, a cache must not answer from L1 or L2. */
export interface Freshness {
  /** L1 may be used. */
  isHearing(nowMs: number): boolean;
  /** L2 may be used, too: whoever drops it is not far behind what is heard here. Never true while nothing is heard. */
  isFresh(nowMs: number): boolean;
  /**
   * How often changes may have been missed. A value that was filled before the last lapse is not answered any more, except in place of an
   * error. Never falls.
   */
  readonly lapses: number;
}

/** For caches that nobody invalidates: what they hold is as good as its time to live. */
export const alwaysFresh: Freshness = Object.freeze({ isHearing: () => true, isFresh: () => true, lapses: 0 });

export interface Heartbeat {
  /** Who sends them: another one has another clock. */
  readonly source: string;
  /** By the clock of the source; later ones are larger. */
  readonly sentMs: number;
}

export interface HeartbeatFreshnessOptions {
  /** How long a heartbeat is good for. @default 500 */
  readonly withinMs?: number;
  /** How much slower than the fastest of its source a heartbeat may be to count. @default four fifths of `withinMs` */
  readonly lateMs?: number;
  /**
   * Whether L2 has to wait until the process that drops it has come as far as this one has heard. False only where L2 is always dropped before the
   * change is announced. @default true
   */
  readonly sharedTierConfirms?: boolean;
}

/**
 * Freshness by the heartbeats of the invalidation bus. Heartbeats and changes must come in one order, over one queue of this process: a
 * heartbeat that is heard says that the changes before it were heard. One that was long under way says that the changes after it are, too:
 * a heartbeat counts only if it was at most `lateMs` slower than the fastest of its source. So nothing is answered that had changed longer
 * ago than `withinMs` and `lateMs` together and the time the fastest heartbeat takes: less than a second.
 *
 * L2 is dropped by another process. At the start (and after a lapse) it may hold values whose change was announced before this process
 * listened. So this one leaves L2 alone until the other has confirmed a heartbeat that this one has heard, too: changes before it are dropped
 * from L2, and those after it come here. From then on a confirmation may be `withinMs` behind. L1 does not wait: what is not in it is loaded.
 */
export class HeartbeatFreshness implements Freshness {
  lapses = 0;
  private readonly withinMs: number;
  private readonly lateMs: number;
  private readonly confirms: boolean;
  private readonly sources = new Map<string, Source>();
  private heardAtMs = -Infinity;
  private confirmed = false;
  private confirmedAtMs = -Infinity;

  constructor(options: HeartbeatFreshnessOptions = {}) {
    this.withinMs = options.withinMs ?? 500;
    this.lateMs = options.lateMs ?? 0.8 * this.withinMs;
    this.confirms = options.sharedTierConfirms ?? true;
    if (!(this.withinMs > 0)) throw new RangeError('withinMs must be above 0');
    if (!(this.lateMs > 0)) throw new RangeError('lateMs must be above 0');
  }

  /** A heartbeat came, over the queue over which the changes come. */
  heard({ source: name, sentMs }: Heartbeat, nowMs: number): void {
    if (nowMs - this.heardAtMs > this.withinMs) this.lapse();
    const source = this.sourceOf(name);
    source.lastSentMs = sentMs;
    source.fastestMs = Math.min(source.fastestMs, nowMs - sentMs);
    if (nowMs - sentMs - source.fastestMs > this.lateMs) return;
    this.heardAtMs = nowMs;
    source.awaitedMs ??= sentMs;
  }

  /** The process that drops L2 has dropped everything that was announced before this heartbeat. */
  sharedTierReached({ source: name, sentMs }: Heartbeat, nowMs: number): void {
    const source = this.sources.get(name);
    if (source?.awaitedMs !== undefined && sentMs >= source.awaitedMs) this.confirmed = true;
    if (source === undefined || source.lastSentMs - sentMs <= this.withinMs) this.confirmedAtMs = nowMs;
  }

  /** The queue of this process is gone or was replaced: changes may be lost. Fresh again when the next heartbeats have come. */
  lost(): void {
    this.lapse();
    this.heardAtMs = -Infinity;
  }

  isHearing(nowMs: number): boolean {
    return nowMs - this.heardAtMs <= this.withinMs;
  }

  isFresh(nowMs: number): boolean {
    if (!this.isHearing(nowMs)) return false;
    return !this.confirms || (this.confirmed && nowMs - this.confirmedAtMs <= this.withinMs);
  }

  /** Moved to the end: the first one is the one that was silent longest. */
  private sourceOf(name: string): Source {
    const source = this.sources.get(name) ?? { lastSentMs: -Infinity, fastestMs: Infinity, awaitedMs: undefined };
    this.sources.delete(name);
    this.sources.set(name, source);
    if (this.sources.size > MOST_SOURCES) this.sources.delete(this.sources.keys().next().value ?? name);
    return source;
  }

  private lapse(): void {
    this.lapses += 1;
    this.confirmed = false;
    for (const source of this.sources.values()) source.awaitedMs = undefined;
  }
}

/** Enough for every process that sends heartbeats, and for some that no longer do. */
const MOST_SOURCES = 64;

interface Source {
  lastSentMs: number;
  /** The smallest difference of the clocks that was seen with this source: its fastest heartbeat. */
  fastestMs: number;
  /** The first heartbeat since the last lapse: to be confirmed, by this source or another, before L2 can be trusted. */
  awaitedMs: number | undefined;
}
