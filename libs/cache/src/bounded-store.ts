import { BoundedCache, RemovalReason } from 'transitory';

/** A map that holds at most `maxWeight` and decides itself what to let go. */
export interface BoundedStore<E> {
  /** Counts as a use. */
  get(key: string): E | undefined;
  /** Not a use. */
  peek(key: string): E | undefined;
  set(key: string, entry: E, weight: number): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
  readonly weight: number;
}

interface Weighed<E> {
  readonly entry: E;
  readonly weight: number;
}

/** W-TinyLFU by weight (Einziger, Friedman, Manes: TinyLFU, 2017), by the package transitory. */
export class TinyLfuStore<E> implements BoundedStore<E> {
  private readonly cache: BoundedCache<string, Weighed<E>>;

  constructor(maxWeight: number, onEvict: () => void) {
    this.cache = new BoundedCache({
      maxSize: maxWeight,
      weigher: (_, { weight }) => weight,
      removalListener: (_key, _entry, reason) => {
        if (reason === RemovalReason.SIZE) onEvict();
      },
    });
  }

  get(key: string): E | undefined {
    return this.cache.getIfPresent(key)?.entry;
  }

  peek(key: string): E | undefined {
    return this.cache.peek(key)?.entry;
  }

  set(key: string, entry: E, weight: number): void {
    this.cache.set(key, { entry, weight });
  }

  delete(key: string): void {
    this.cache.delete(key);
  }

  clear(): void {
    this.cache.clear();
  }

  get size(): number {
    return this.cache.size;
  }

  get weight(): number {
    return this.cache.weightedSize;
  }
}
