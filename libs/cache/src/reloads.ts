import type { CacheClock } from './clock';

/** When a key was last read here. An answer of L1 and a read under way both say it. */
export interface Used<K> {
  readonly key: K;
  readonly usedAtMs: number;
}

/** A key that is being loaded again; `promise` ends with the load, whatever comes of it. */
export interface ReloadUnderWay {
  readonly id: string;
  readonly promise: Promise<unknown>;
}

interface Dropped<K> extends Used<K> {
  readonly droppedAtMs: number;
}

/** Changes are announced in bursts: a key that is dropped several times within this is loaded once. */
const BURST_MS = 1;
/** Keys per call of the loader. */
const BATCH_KEYS = 50;
const BATCHES_AT_ONCE = 4;
/** Of more keys that wait only those that were read last are loaded again. */
const MOST_WAITING = 1_000;

/**
 * Keys that were dropped while they were being read, to be loaded again before the next reader comes. Bounded, for this is work that nobody has
 * asked for: one load of a key at once and one more for all drops meanwhile, a few small batches at once, and what would be late is left to its readers.
 */
export class Reloads<K> {
  private readonly due = new Map<string, Dropped<K>>();
  /** With what was dropped since it was begun, and is to be loaded once more. */
  private readonly underWay = new Map<string, { used: Used<K>; again: Dropped<K> | undefined }>();
  private batches = 0;
  private cancel: (() => void) | undefined;
  private closed = false;

  /**
   * @param withinMs how long ago the last read may be; 0: nothing is loaded again
   * @param reload begins to load these keys with one call; returns those that it has begun with
   */
  constructor(
    private readonly withinMs: number,
    private readonly clock: CacheClock,
    private readonly reload: (due: ReadonlyMap<string, Used<K>>) => readonly ReloadUnderWay[],
  ) {}

  /** `id` was dropped. */
  dropped(id: string, used: Used<K> | undefined, nowMs: number): void {
    if (this.withinMs === 0) return;
    const running = this.underWay.get(id);
    const last = latest(used, running?.again ?? running?.used ?? this.due.get(id));
    if (last === undefined || nowMs - last.usedAtMs >= this.withinMs) return;
    const dropped = { key: last.key, usedAtMs: last.usedAtMs, droppedAtMs: nowMs };
    if (running === undefined) this.add(id, dropped);
    else running.again = dropped;
  }

  /** Nothing is begun any more. */
  close(): void {
    this.closed = true;
    this.cancel?.();
    this.due.clear();
  }

  private add(id: string, dropped: Dropped<K>): void {
    if (this.closed) return;
    this.due.set(id, dropped);
    this.cancel ??= this.clock.after(BURST_MS, () => {
      this.cancel = undefined;
      this.beginDue();
    });
  }

  private beginDue(): void {
    if (this.closed || this.due.size === 0 || this.batches >= BATCHES_AT_ONCE) return;
    const now = this.clock.nowMs();
    const waiting = [...this.due]
      .filter(([, { droppedAtMs }]) => now - droppedAtMs <= this.withinMs)
      .sort(([, a], [, b]) => b.usedAtMs - a.usedAtMs)
      .slice(0, MOST_WAITING);
    this.due.clear();
    let begun = 0;
    for (; begun < waiting.length && this.batches < BATCHES_AT_ONCE; begun += BATCH_KEYS)
      this.begin(new Map(waiting.slice(begun, begun + BATCH_KEYS)));
    for (const [id, dropped] of waiting.slice(begun)) this.due.set(id, dropped);
  }

  private begin(batch: ReadonlyMap<string, Dropped<K>>): void {
    const started = this.reload(batch);
    if (started.length === 0) return;
    this.batches += 1;
    for (const { id } of started) {
      const used = batch.get(id);
      if (used !== undefined) this.underWay.set(id, { used, again: undefined });
    }
    const ends = started.map(({ id, promise }) => {
      const end = (): void => this.ended(id);
      // Whoever reads the key next is told of the error.
      return promise.then(end, end);
    });
    void Promise.all(ends).then(() => {
      this.batches -= 1;
      this.beginDue();
    });
  }

  private ended(id: string): void {
    const again = this.underWay.get(id)?.again;
    this.underWay.delete(id);
    if (again !== undefined) this.add(id, again);
  }
}

function latest<K>(one: Used<K> | undefined, other: Used<K> | undefined): Used<K> | undefined {
  return one === undefined || (other !== undefined && other.usedAtMs > one.usedAtMs) ? other : one;
}
