import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { LATENCY_BOUNDS_S } from './statistics';
import type { CacheLevel, CacheStatistics } from './statistics';
import type { TieredCache } from './tiered-cache';

type AnyCache = Pick<TieredCache<never, unknown>, 'name' | 'statistics' | 'stats'>;
type Count = (statistics: CacheStatistics) => number;

const COUNTERS: readonly (readonly [name: string, help: string, level: CacheLevel, count: Count])[] = [
  ['hits', 'Reads answered by a level', 'l1', (s) => s.l1Hits],
  ['hits', '', 'l2', (s) => s.l2Hits],
  ['misses', 'Reads a level could not answer', 'l1', (s) => s.l1Misses],
  ['misses', '', 'l2', (s) => s.l2Misses],
  ['loads', 'Keys asked of the origin', 'l3', (s) => s.loads],
  ['errors', 'Failed calls of a level', 'l2', (s) => s.l2Errors],
  ['errors', '', 'l3', (s) => s.loadErrors],
  ['absent', 'Keys the origin does not have', 'l3', (s) => s.absent],
  ['evictions', 'Values let go for want of room', 'l1', (s) => s.l1Evictions],
  ['drops', 'Keys dropped because they changed', 'l1', (s) => s.drops],
  ['reloads', 'Dropped keys loaded again at once, for they were being read', 'l1', (s) => s.reloads],
  ['refused_fills', 'Values not stored because their key changed after they were read', 'l1', (s) => s.l1RefusedFills],
  ['refused_fills', '', 'l2', (s) => s.l2RefusedFills],
  ['decode_errors', 'Values that could not be decoded and were loaded anew', 'l2', (s) => s.decodeErrors],
  ['encode_errors', 'Values that could not be encoded and were not stored', 'l2', (s) => s.encodeErrors],
  ['lease_waits', 'Misses that found another process loading', 'l2', (s) => s.leaseWaits],
  ['lease_timeouts', 'Waits for another process that ended without a value', 'l2', (s) => s.leaseTimeouts],
  ['coalesced', 'Misses that joined a read under way', 'l1', (s) => s.coalesced],
  [
    'bypassed',
    'Reads past L1 and L2 for want of a heartbeat (l3); past L2, for whoever drops it was behind (l2)',
    'l3',
    (s) => s.bypassed,
  ],
  ['bypassed', '', 'l2', (s) => s.l2Bypassed],
  ['stale_answers', 'Values answered in place of an error', 'l1', (s) => s.staleAnswers],
];

/** `coupon_cache_*` of these caches, labelled with cache and level, read when they are asked for. Once per registry. */
export function registerCacheMetrics(registry: Registry, caches: readonly AnyCache[]): void {
  const registers = [registry];
  const labelNames = ['cache', 'level'] as const;
  for (const name of new Set(COUNTERS.map(([counter]) => counter))) {
    const rows = COUNTERS.filter(([counter]) => counter === name);
    new Counter({
      name: `coupon_cache_${name}_total`,
      help: rows[0]?.[1] ?? '',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { name: cache, statistics } of caches)
          for (const [, , level, count] of rows) this.inc({ cache, level }, count(statistics));
      },
    });
  }
  registerGauges(registers, caches);
  const latency = new Histogram({
    name: 'coupon_cache_latency_seconds',
    help: 'Time of a level: hits of L1 (one in 1,024), round trips to L2, calls of the loader',
    labelNames,
    registers,
    buckets: [...LATENCY_BOUNDS_S],
  });
  for (const { name: cache, statistics } of caches) {
    statistics.l1Latency.observer = (seconds) => latency.observe({ cache, level: 'l1' }, seconds);
    statistics.l2Latency.observer = (seconds) => latency.observe({ cache, level: 'l2' }, seconds);
    statistics.l3Latency.observer = (seconds) => latency.observe({ cache, level: 'l3' }, seconds);
  }
}

function registerGauges(registers: Registry[], caches: readonly AnyCache[]): void {
  const gauge = (name: string, help: string, value: (cache: AnyCache) => number): void => {
    new Gauge({
      name: `coupon_cache_${name}`,
      help,
      labelNames: ['cache'],
      registers,
      collect() {
        for (const cache of caches) this.set({ cache: cache.name }, value(cache));
      },
    });
  };
  gauge('l1_entries', 'Values in L1', (cache) => cache.stats().l1.entries);
  gauge('l1_weight_bytes', 'Weight of L1, roughly', (cache) => cache.stats().l1.weight_bytes);
  gauge('fresh', '1 while the heartbeat of the invalidation bus is heard', (cache) => (cache.stats().fresh ? 1 : 0));
}
