import type { Used } from './reloads';
import type { CacheLevel } from './statistics';

/** What a read found. Frozen, and shared by all readers of a hit. */
export type CacheResult<V> =
  | {
      readonly kind: 'found';
      readonly value: V;
      /** Where the value came from for this read. */
      readonly level: CacheLevel;
      /** Answered in place of an error: older than its time to live allows, or perhaps changed since. */
      readonly stale: boolean;
    }
  | { readonly kind: 'absent'; readonly level: CacheLevel; readonly stale: boolean };

/** What L1 holds for a key: everything a hit needs, made once. */
export interface LocalAnswer<K, V> {
  readonly key: K;
  /** Of the last hit, or of the last reader who waited for the value. */
  usedAtMs: number;
  readonly result: CacheResult<V>;
  /** Resolved with `result`, so that a hit makes no promise. */
  readonly settled: Promise<CacheResult<V>>;
}

export function found<V>(value: V, level: CacheLevel, stale = false): CacheResult<V> {
  return Object.freeze({ kind: 'found', value, level, stale });
}

export function absent<V>(level: CacheLevel, stale = false): CacheResult<V> {
  return Object.freeze({ kind: 'absent', level, stale });
}

export function toLocalAnswer<K, V>({ key, usedAtMs }: Used<K>, result: CacheResult<V>): LocalAnswer<K, V> {
  const local = atLevel(result, 'l1', false);
  return { key, usedAtMs, result: local, settled: Promise.resolve(local) };
}

export function atLevel<V>(result: CacheResult<V>, level: CacheLevel, stale: boolean): CacheResult<V> {
  return result.kind === 'found' ? found(result.value, level, stale) : absent(level, stale);
}

/** Bytes that an entry of L1 takes, roughly: two per character of key and payload, and what surrounds them. */
export function weightOf(key: string, payload: string | null): number {
  return 400 + 2 * (key.length + (payload?.length ?? 0));
}
