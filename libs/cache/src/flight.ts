import type { CacheResult } from './answer';
import type { LocalGeneration } from './local-tier';
import type { SharedGeneration } from './tier';

/** One read of one key under way, shared by all who want it. */
export class Flight<K, V> {
  readonly promise: Promise<CacheResult<V>>;
  resolve!: (result: CacheResult<V>) => void;
  reject!: (error: unknown) => void;
  settled = false;
  /** Of the last reader who has joined; of one that nobody has joined, when the value before it was last read. */
  usedAtMs = -Infinity;
  /** Under which L2 may be filled; null: not at all. */
  shared: SharedGeneration | null = null;

  /**
   * @param local under which L1 may be filled; null while L1 and L2 are bypassed
   * @param lapses `Freshness.lapses` when it began
   * @param beganAtMs nothing was read before
   */
  constructor(
    readonly key: K,
    readonly id: string,
    readonly local: LocalGeneration | null,
    readonly lapses: number,
    readonly beganAtMs: number,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** False after an invalidation: what this flight finds is for its own readers only. */
  get current(): boolean {
    return this.local === null || this.local.valid;
  }
}
