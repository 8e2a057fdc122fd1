import type { Codec } from './codec';
import type { CacheClock } from './clock';
import type { Freshness } from './freshness';
import type { SharedTier } from './tier';

/** One value per key, in order; null where there is none. Must read what is committed, from the primary or something as good. */
export type CacheLoader<K, V> = (keys: readonly K[]) => Promise<readonly (V | null)[]>;

export interface CacheTimings {
  /** @default 600000 (10 min) */
  readonly l1TtlMs: number;
  /** @default 1800000 (30 min) */
  readonly l2TtlMs: number;
  /** Time to live of "there is no such value", in both levels. @default 30000 */
  readonly negativeTtlMs: number;
  /** How long one process may load a value before another one may begin. @default 2000 */
  readonly leaseMs: number;
  /** How long to wait for the value of another process before loading it too. @default 3000 */
  readonly waitMs: number;
  /** @default 5000 */
  readonly loadTimeoutMs: number;
  /**
   * How long a value may be answered, marked, when loading fails: past its end, or past the last heartbeat by which its changes were heard, whichever
   * came first. 0: never. @default 60000
   */
  readonly staleOnErrorMs: number;
  /** How long reads leave L2 alone after it has failed. @default 100 */
  readonly l2RestMs: number;
  /** The longest that the process that drops L2 may lag behind. @default 60000 */
  readonly dropMemoryMs: number;
  /**
   * A key that was read at most so long ago is loaded again as soon as it is dropped from L1, so that its next reader need not; 0: when
   * somebody reads it. @default 0
   */
  readonly reloadReadWithinMs: number;
}

export interface TieredCacheOptions<K, V> extends Partial<CacheTimings> {
  /** Label of the metrics. */
  readonly name: string;
  /** Different for different keys; for L2, at most 256 printable characters without spaces and braces. */
  readonly keyOf: (key: K) => string;
  readonly codec: Codec<V>;
  readonly load: CacheLoader<K, V>;
  /** Null: L1 and the origin only. */
  readonly l2: SharedTier | null;
  readonly maxWeightBytes: number;
  readonly freshness: Freshness;
  /** Part of a time to live by which it is shortened at random, 0 to 0.5, so that values do not end together. @default 0.1 */
  readonly jitter?: number;
  /** The most changes to remember for L2. @default 100000 */
  readonly mostPendingDrops?: number;
  readonly clock?: CacheClock;
  /** 0 to below 1. */
  readonly random?: () => number;
}

export interface CompiledOptions<K, V> extends CacheTimings {
  readonly name: string;
  readonly keyOf: (key: K) => string;
  readonly codec: Codec<V>;
  readonly load: CacheLoader<K, V>;
  readonly l2: SharedTier | null;
  readonly freshness: Freshness;
  readonly maxWeightBytes: number;
  readonly jitter: number;
  readonly mostPendingDrops: number;
}

const DEFAULTS: CacheTimings = {
  l1TtlMs: 600_000,
  l2TtlMs: 1_800_000,
  negativeTtlMs: 30_000,
  leaseMs: 2_000,
  waitMs: 3_000,
  loadTimeoutMs: 5_000,
  staleOnErrorMs: 60_000,
  l2RestMs: 100,
  dropMemoryMs: 60_000,
  reloadReadWithinMs: 0,
};
const MAY_BE_ZERO = new Set<keyof CacheTimings>(['staleOnErrorMs', 'l2RestMs', 'waitMs', 'reloadReadWithinMs']);

/** @throws RangeError with every field that is out of range */
export function compileOptions<K, V>(options: TieredCacheOptions<K, V>): CompiledOptions<K, V> {
  const { name, keyOf, codec, load, l2, freshness, maxWeightBytes, jitter = 0.1, mostPendingDrops = 100_000 } = options;
  const problems: string[] = [];
  const timings = Object.fromEntries(
    (Object.keys(DEFAULTS) as (keyof CacheTimings)[]).map((field) => {
      const value = options[field] ?? DEFAULTS[field];
      const least = MAY_BE_ZERO.has(field) ? 0 : 1;
      if (!(value >= least && value <= 2 ** 31 - 1)) problems.push(`${field} must be ${least} to 2147483647`);
      return [field, value];
    }),
  ) as unknown as CacheTimings;
  if (name === '') problems.push('name must not be empty');
  if (!(jitter >= 0 && jitter <= 0.5)) problems.push('jitter must be 0 to 0.5');
  if (!(maxWeightBytes >= 1024 && Number.isSafeInteger(maxWeightBytes)))
    problems.push('maxWeightBytes must be a whole number of at least 1024');
  if (!(mostPendingDrops >= 1)) problems.push('mostPendingDrops must be at least 1');
  if (!(Number.isInteger(codec.version) && codec.version >= 0 && codec.version <= 999_999))
    problems.push('codec.version must be a whole number from 0 to 999999');
  if (problems.length > 0) throw new RangeError(`cache ${name}: ${problems.join('; ')}`);
  return Object.freeze({
    ...timings,
    name,
    keyOf,
    codec,
    load,
    l2,
    freshness,
    maxWeightBytes,
    jitter,
    mostPendingDrops,
  });
}
