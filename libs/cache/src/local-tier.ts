import type { BoundedStore } from './bounded-store';
import type { CacheTier } from './tier';

/** What L1 keeps of a value besides the value. */
export interface LocalEntry<T> {
  readonly value: T;
  readonly filledAtMs: number;
  readonly expiresAtMs: number;
  /** `Freshness.lapses` when the fill began. */
  readonly lapses: number;
}

export interface LocalValue<T> {
  readonly value: T;
  readonly weight: number;
}

/** A fill under way. One per key, however many share it. */
export interface LocalGeneration {
  valid: boolean;
  sharers: number;
  readonly lapses: number;
}

export interface LocalTierOptions<T> {
  readonly store: BoundedStore<LocalEntry<T>>;
  readonly nowMs: () => number;
  readonly lapses: () => number;
}

/**
 * L1. A fill that was under way when its key was invalidated is refused, exactly: every fill is known here from its begin to its end, so
 * nothing has to be remembered about keys that nobody reads.
 */
export class LocalTier<T> implements CacheTier<T, LocalValue<T>, LocalGeneration> {
  private readonly underWay = new Map<string, LocalGeneration>();
  private readonly store: BoundedStore<LocalEntry<T>>;
  private readonly nowMs: () => number;
  private readonly lapses: () => number;

  constructor({ store, nowMs, lapses }: LocalTierOptions<T>) {
    this.store = store;
    this.nowMs = nowMs;
    this.lapses = lapses;
  }

  /** A value that may be answered, for a caller who has looked at the clock and at the lapses. */
  find(key: string, nowMs: number, lapses: number): T | undefined {
    const entry = this.store.get(key);
    return entry !== undefined && nowMs < entry.expiresAtMs && entry.lapses === lapses ? entry.value : undefined;
  }

  read(key: string): T | undefined {
    return this.find(key, this.nowMs(), this.lapses());
  }

  /** Also one that has expired or was filled before the last lapse; never one that was invalidated. */
  last(key: string): LocalEntry<T> | undefined {
    return this.store.peek(key);
  }

  begin(key: string): LocalGeneration {
    const known = this.underWay.get(key);
    const lapses = this.lapses();
    if (known?.lapses === lapses) {
      known.sharers += 1;
      return known;
    }
    const generation = { valid: true, sharers: 1, lapses };
    this.underWay.set(key, generation);
    // The older one still has to be reached by an invalidation; a value of before the lapse is never answered, so it may as well end here.
    if (known !== undefined) known.valid = false;
    return generation;
  }

  fill(key: string, generation: LocalGeneration, { value, weight }: LocalValue<T>, ttlMs: number): boolean {
    const { valid, lapses } = generation;
    this.abandon(key, generation);
    if (!valid) return false;
    const now = this.nowMs();
    this.store.set(key, { value, filledAtMs: now, expiresAtMs: now + ttlMs, lapses }, weight);
    return true;
  }

  abandon(key: string, generation: LocalGeneration): void {
    generation.sharers -= 1;
    if (generation.sharers === 0 && this.underWay.get(key) === generation) this.underWay.delete(key);
  }

  invalidate(key: string): void {
    this.store.delete(key);
    const generation = this.underWay.get(key);
    if (generation === undefined) return;
    generation.valid = false;
    this.underWay.delete(key);
  }

  clear(): void {
    for (const generation of this.underWay.values()) generation.valid = false;
    this.underWay.clear();
    this.store.clear();
  }

  get size(): number {
    return this.store.size;
  }

  get weight(): number {
    return this.store.weight;
  }

  /** Fills under way, for tests and statistics. */
  get fills(): number {
    return this.underWay.size;
  }
}
