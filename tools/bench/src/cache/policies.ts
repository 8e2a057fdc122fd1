import { FrequencyStore } from '@coupon/cache';
import { BoundedCache } from 'transitory';

/** Reads a key and keeps it if it was not there. @returns whether it was. */
export type Policy = (key: number) => boolean;

/** L1 of libs/cache, every entry of weight 1. */
export function frequencyStore(size: number): Policy {
  const store = new FrequencyStore<number>(size, () => undefined);
  return (key) => {
    const name = `key:${key}`;
    if (store.get(name) !== undefined) return true;
    store.set(name, key, 1);
    return false;
  };
}

/** W-TinyLFU of the package transitory. `end` stops its timer. */
export function transitory(size: number): { readonly read: Policy; readonly end: () => void } {
  const cache = new BoundedCache<string, number>({ maxSize: size });
  const read = (key: number): boolean => {
    const name = `key:${key}`;
    if (cache.getIfPresent(name) !== null) return true;
    cache.set(name, key);
    return false;
  };
  return { read, end: () => cache.clear() };
}

export function leastRecentlyUsed(size: number): Policy {
  const entries = new Set<number>();
  return (key) => {
    const hit = entries.delete(key);
    entries.add(key);
    if (entries.size > size) entries.delete(entries.values().next().value as number);
    return hit;
  };
}

/** Hit rate of a policy over the reads from `from` on; the ones before warm it up. */
export function hitRate(keys: Int32Array, from: number, read: Policy): number {
  let hits = 0;
  for (const [index, key] of keys.entries()) if (read(key) && index >= from) hits += 1;
  return hits / (keys.length - from);
}

/** Pins the keys that are the most frequent from `from` on, known beforehand. */
export function staticOracle(keys: Int32Array, from: number, size: number): number {
  const counts = new Map<number, number>();
  for (const key of keys.subarray(from)) counts.set(key, (counts.get(key) ?? 0) + 1);
  const pinned = [...counts.values()].sort((a, b) => b - a).slice(0, size);
  return pinned.reduce((sum, count) => sum + count, 0) / (keys.length - from);
}

/**
 * Belady's optimum (1966), with the right not to keep what was read: always lets go what is needed last. By a heap over the next use of what
 * is kept; an entry whose next use has moved on is stale and skipped.
 */
export function belady(keys: Int32Array, from: number, size: number): number {
  const never = keys.length;
  const nextUse = nextUses(keys);
  const kept = new Map<number, number>();
  const heap = new LatestFirst();
  let hits = 0;
  for (const [index, key] of keys.entries()) {
    const next = nextUse[index] ?? never;
    if (kept.has(key)) {
      if (index >= from) hits += 1;
    } else if (next === never) continue;
    kept.set(key, next);
    heap.push(next, key);
    while (kept.size > size) {
      const [use, candidate] = heap.pop();
      if (kept.get(candidate) === use) kept.delete(candidate);
    }
  }
  return hits / (keys.length - from);
}

function nextUses(keys: Int32Array): Int32Array {
  const last = new Map<number, number>();
  const next = new Int32Array(keys.length);
  for (let index = keys.length - 1; index >= 0; index -= 1) {
    const key = keys[index] ?? 0;
    next[index] = last.get(key) ?? keys.length;
    last.set(key, index);
  }
  return next;
}

/** Binary heap of (next use, key), the latest use on top. */
class LatestFirst {
  private readonly items: (readonly [use: number, key: number])[] = [];

  push(use: number, key: number): void {
    const { items } = this;
    let at = items.push([use, key]) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && this.use(parent) < use; parent = (at - 1) >> 1) {
      this.swap(at, parent);
      at = parent;
    }
  }

  pop(): readonly [use: number, key: number] {
    const { items } = this;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined) throw new Error('the heap is empty');
    if (items.length > 0) {
      items[0] = last;
      this.sink(0);
    }
    return top;
  }

  private sink(start: number): void {
    for (let at = start; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const later = this.use(right) > this.use(left) ? right : left;
      if (this.use(later) <= this.use(at)) return;
      this.swap(at, later);
      at = later;
    }
  }

  private use(index: number): number {
    return this.items[index]?.[0] ?? -1;
  }

  private swap(a: number, b: number): void {
    const [x, y] = [this.items[a], this.items[b]];
    if (x === undefined || y === undefined) return;
    this.items[a] = y;
    this.items[b] = x;
  }
}
