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
  /**
   * Until when a value that was filled while `lapses` was this is known to have heard of its changes, on the clock of the caches; -Infinity where
   * that is not known any more. Without this method only values that have ended while their changes are heard stand in for errors.
   */
  heardUntilMs?(lapses: number): number;
}

/** For caches that nobody invalidates: what they hold is as good as its time to live. */
export const alwaysFresh: Freshness = Object.freeze({ isHearing: () => true, isFresh: () => true, lapses: 0 });

export interface SentHeartbeat {
  /** Who sends them: another one has another clock. */
  readonly source: string;
  /** By the clock of the source; later ones are larger. */
  readonly sentMs: number;
}

export interface Heartbeat extends SentHeartbeat {
  /** An earlier heartbeat of the source, before which nothing was announced that cannot be read from the origin by now. 0: none. */
  readonly acknowledgedMs: number;
}

/** How far the process that drops L2 is. */
export interface SharedTierProgress {
  readonly source: string;
  /** L2 was told of everything that was announced before this heartbeat of the source. */
  readonly sentMs: number;
  /** And of what was announced before this one it was told again when it could be read from the origin. 0: none. */
  readonly settledMs: number;
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
 * A change may be announced before it can be read from the origin. Whoever feeds this drops its keys again when a later heartbeat has acknowledged one
 * that came after it (UnsettledChanges). What was announced before this process listened it cannot drop again: so at the start (and after a lapse) L1 is
 * used only when a heartbeat that was heard here is acknowledged, and while such a one was heard not longer than one and a half `withinMs` ago.
 *
 * L2 is dropped by another process. At the start (and after a lapse) it may hold values whose change was announced before this process
 * listened. So this one leaves L2 alone until the other has settled a heartbeat that this one has heard, too: changes before it are dropped
 * from L2, and those after it come here. From then on it may be `withinMs` behind.
 */
export class HeartbeatFreshness implements Freshness {
  lapses = 0;
  private readonly withinMs: number;
  private readonly lateMs: number;
  private readonly confirms: boolean;
  private readonly sources = new Map<string, Source>();
  private heardAtMs = -Infinity;
  /** When a heartbeat was heard that is acknowledged by now: changes heard before it are settled. */
  private settledAtMs = -Infinity;
  private hearingUntilMs = -Infinity;
  private lateAtMs = -Infinity;
  /** The last heartbeats before the last lapses, by the count of lapses that they ended. */
  private readonly heardUntil = new Map<number, number>();
  private sharedSettled = false;
  private sharedAtMs = -Infinity;

  constructor(options: HeartbeatFreshnessOptions = {}) {
    this.withinMs = options.withinMs ?? 500;
    this.lateMs = options.lateMs ?? 0.8 * this.withinMs;
    this.confirms = options.sharedTierConfirms ?? true;
    if (!(this.withinMs > 0)) throw new RangeError('withinMs must be above 0');
    if (!(this.lateMs > 0)) throw new RangeError('lateMs must be above 0');
  }

  /**
   * Word of a heartbeat came straight from who sends it, over the same queue, not by way of the binlog: it says how fast a heartbeat of this source
   * can be here. Without it nobody knows how late the first ones are that come by way of the binlog.
   */
  sent({ source: name, sentMs }: SentHeartbeat, nowMs: number): void {
    const source = this.sourceOf(name);
    const isNew = source.fastestMs === Infinity;
    // A queue that is late is late for everybody; a new one cannot be measured by it.
    if (isNew && nowMs - this.lateAtMs <= this.withinMs && nowMs - this.heardAtMs > this.withinMs) return;
    if (latenessOf(source, nowMs - sentMs, nowMs) > this.lateMs) this.lateAtMs = nowMs;
  }

  /** A heartbeat came, over the queue over which the changes come. */
  heard({ source: name, sentMs, acknowledgedMs }: Heartbeat, nowMs: number): void {
    if (nowMs - this.heardAtMs > this.withinMs) this.lapse();
    const source = this.sourceOf(name);
    source.lastSentMs = sentMs;
    if (source.fastestMs === Infinity) return;
    if (latenessOf(source, nowMs - sentMs, nowMs) > this.lateMs) {
      this.lateAtMs = nowMs;
      return;
    }
    this.heardAtMs = nowMs;
    source.inTimeAtMs = nowMs;
    source.awaitedMs ??= sentMs;
    source.open.push({ sentMs, heardAtMs: nowMs });
    const last = source.open.findLastIndex((one) => one.sentMs <= acknowledgedMs);
    const acknowledged = source.open.splice(0, last + 1).at(-1);
    if (acknowledged !== undefined) this.settledAtMs = Math.max(this.settledAtMs, acknowledged.heardAtMs);
    if (source.open.length > MOST_OPEN) source.open.shift();
    this.hearingUntilMs = Math.min(this.heardAtMs, this.settledAtMs + this.withinMs / 2) + this.withinMs;
  }

  sharedTierReached({ source: name, sentMs, settledMs }: SharedTierProgress, nowMs: number): void {
    const source = this.sources.get(name);
    if (source === undefined) return;
    if (source.awaitedMs !== undefined && settledMs >= source.awaitedMs) this.sharedSettled = true;
    // The last heartbeat of a source that is silent says nothing about what was announced since.
    const isRecent = nowMs - source.inTimeAtMs <= this.withinMs && source.lastSentMs - sentMs <= this.withinMs;
    if (isRecent) this.sharedAtMs = nowMs;
  }

  /** The queue of this process is gone or was replaced: changes may be lost. Fresh again when the next heartbeats have come. */
  lost(): void {
    this.lapse();
    this.heardAtMs = -Infinity;
  }

  isHearing(nowMs: number): boolean {
    return nowMs <= this.hearingUntilMs;
  }

  isFresh(nowMs: number): boolean {
    if (!this.isHearing(nowMs)) return false;
    return !this.confirms || (this.sharedSettled && nowMs - this.sharedAtMs <= this.withinMs);
  }

  heardUntilMs(lapses: number): number {
    return lapses === this.lapses ? this.heardAtMs : (this.heardUntil.get(lapses) ?? -Infinity);
  }

  /** Moved to the end: the first one is the one that was silent longest. */
  private sourceOf(name: string): Source {
    const source = this.sources.get(name) ?? newSource();
    this.sources.delete(name);
    this.sources.set(name, source);
    if (this.sources.size > MOST_SOURCES) this.sources.delete(this.sources.keys().next().value ?? name);
    return source;
  }

  private lapse(): void {
    this.rememberEnd();
    this.lapses += 1;
    this.settledAtMs = -Infinity;
    this.hearingUntilMs = -Infinity;
    this.sharedSettled = false;
    for (const source of this.sources.values()) {
      source.open = [];
      delete source.awaitedMs;
    }
  }

  private rememberEnd(): void {
    if (this.settledAtMs === -Infinity) return;
    this.heardUntil.set(this.lapses, this.heardAtMs);
    if (this.heardUntil.size > MOST_ENDS) this.heardUntil.delete(this.heardUntil.keys().next().value ?? 0);
  }
}

/** Nothing was filled between two lapses when nothing was heard between them. */
const MOST_ENDS = 64;
/** Enough for every process that sends heartbeats, and for some that no longer do. */
const MOST_SOURCES = 64;
/** Heartbeats of a source whose commits nobody acknowledges: older ones are not needed, the caches are bypassed by then. */
const MOST_OPEN = 8;
/** More than two clocks part that nobody sets, as a part of the time. A way that is 400 ms slower for ever would count after an hour. */
const CLOCK_DRIFT = 0.0001;

interface Source {
  /** Of the last one that came by way of the binlog. */
  lastSentMs: number;
  /** Heard since the last lapse, and not acknowledged yet. */
  open: { readonly sentMs: number; readonly heardAtMs: number }[];
  /** When one was heard that was not late. */
  inTimeAtMs: number;
  /** The smallest difference of the clocks that was seen with this source: its fastest heartbeat. And when, for the clocks drift apart. */
  fastestMs: number;
  fastestAtMs: number;
  /** The first heartbeat since the last lapse. */
  awaitedMs?: number;
}

const newSource = (): Source => ({
  lastSentMs: -Infinity,
  open: [],
  inTimeAtMs: -Infinity,
  fastestMs: Infinity,
  fastestAtMs: 0,
});

/** How much slower than the fastest it was; the first one is the fastest. */
function latenessOf(source: Source, tookMs: number, nowMs: number): number {
  const fastestMs = source.fastestMs + (nowMs - source.fastestAtMs) * CLOCK_DRIFT;
  if (tookMs > fastestMs) return tookMs - fastestMs;
  source.fastestMs = tookMs;
  source.fastestAtMs = nowMs;
  return 0;
}
