import type { CacheClock } from './clock';

/** When a key was last read here. An answer of L1 and a read under way both say it. */
export interface Used<K> {
  readonly key: K;
  readonly usedAtMs: number;
}

/** Changes are announced in bursts: a key that is dropped several times within this is loaded once. */
const BURST_MS = 1;

/** Keys that were dropped while they were being read, to be loaded again before the next reader comes. */
export class Reloads<K> {
  private readonly due = new Map<string, Used<K>>();
  private cancel: (() => void) | undefined;

  /** @param withinMs how long ago the last read may be; 0: nothing is loaded again */
  constructor(
    private readonly withinMs: number,
    private readonly clock: CacheClock,
    private readonly reload: (due: ReadonlyMap<string, Used<K>>) => void,
  ) {}

  /** `id` was dropped. */
  dropped(id: string, used: Used<K> | undefined, nowMs: number): void {
    if (used === undefined || nowMs - used.usedAtMs >= this.withinMs) return;
    this.due.set(id, used);
    this.cancel ??= this.clock.after(BURST_MS, () => {
      this.cancel = undefined;
      const due = new Map(this.due);
      this.due.clear();
      this.reload(due);
    });
  }

  clear(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.due.clear();
  }
}
