import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RedisSharedTier, TieredCache, alwaysFresh, jsonCodec } from '@coupon/cache';
import { createClaimRedis } from '@coupon/lua';
import type { BenchContext, Numbers } from '../bench';
import { LatencyHistogram } from '../load/latency-histogram';

const KEYS = 1_000;
const HITS = 2_000_000;
const ALLOCATION_HITS = 200_000;
const SHARED_READS = 20_000;
const TOGETHER = 64;
const VALUE_BYTES = 1_024;

interface Value {
  readonly id: string;
  readonly text: string;
}

const codec = jsonCodec<Value>({ version: 1, parse: (json) => json as Value });
const valueOf = (id: string): Value => ({ id, text: 'x'.repeat(VALUE_BYTES) });

/** One core, this process: hits of L1 and of a bare Map; bytes allocated per hit. */
export async function measureLocal(): Promise<Numbers> {
  const cache = new TieredCache<string, Value>({
    ...common('bench'),
    l2: null,
    maxWeightBytes: 100 * 2 ** 20,
    load: async (keys) => keys.map(valueOf),
  });
  const keys = Array.from({ length: KEYS }, (_, index) => `template:${index}`);
  const map = new Map(keys.map((key) => [key, valueOf(key)]));
  await cache.warmUp(keys);
  const local = (key: string): number => (cache.getLocal(key)?.kind === 'found' ? 1 : 0);
  const bare = (key: string): number => (map.get(key) === undefined ? 0 : 1);
  for (const read of [local, bare]) perSecond(keys, read);
  const figures = {
    l1_hits_per_second: perSecond(keys, local),
    l1_awaited_hits_per_second: await perSecondAwaited(keys, cache),
    l1_bytes_per_hit: bytesPerHit(keys, local),
    l1_awaited_bytes_per_hit: await bytesPerAwaitedHit(keys, cache),
    floor_map_reads_per_second: perSecond(keys, bare),
  };
  await cache.close();
  return figures;
}

function perSecond(keys: readonly string[], read: (key: string) => number): number {
  let hits = 0;
  const startedMs = performance.now();
  for (let round = 0; round < HITS / KEYS; round += 1) for (const key of keys) hits += read(key);
  const tookMs = performance.now() - startedMs;
  if (hits !== HITS) throw new Error(`${HITS - hits} reads were no hits`);
  return Math.round(HITS / (tookMs / 1_000));
}

async function perSecondAwaited(keys: readonly string[], cache: TieredCache<string, Value>): Promise<number> {
  const startedMs = performance.now();
  for (let round = 0; round < HITS / KEYS; round += 1) for (const key of keys) await cache.get(key);
  return Math.round(HITS / ((performance.now() - startedMs) / 1_000));
}

/** The growth of the heap between two collections' ends would be zero: what is read is the growth without a collection in between. */
function bytesPerHit(keys: readonly string[], read: (key: string) => number): number {
  const collect = collector();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < ALLOCATION_HITS / KEYS; round += 1) for (const key of keys) read(key);
  return Math.max(Math.round(((process.memoryUsage().heapUsed - before) / ALLOCATION_HITS) * 10) / 10, 0);
}

async function bytesPerAwaitedHit(keys: readonly string[], cache: TieredCache<string, Value>): Promise<number> {
  const collect = collector();
  collect();
  const before = process.memoryUsage().heapUsed;
  // Few enough for the young generation to take them without a collection.
  const rounds = 10;
  for (let round = 0; round < rounds; round += 1) for (const key of keys) await cache.get(key);
  return Math.max(Math.round(((process.memoryUsage().heapUsed - before) / (rounds * KEYS)) * 10) / 10, 0);
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Reads that L2 answers, and reads that nobody has: one at a time, and 64 under way. The floor is a bare GET of the same server. */
export async function measureShared(url: string, defer: BenchContext['defer']): Promise<Numbers> {
  const redis = createClaimRedis(url);
  defer(() => redis.disconnect());
  await redis.connect();
  const cache = new TieredCache<string, Value>({
    ...common('bench'),
    l2: new RedisSharedTier({ redis, name: 'template', newToken: randomUUID }),
    // Nothing fits: every read goes to L2.
    maxWeightBytes: 1_024,
    load: async (keys) => keys.map(valueOf),
  });
  const run = randomUUID();
  const stored = Array.from({ length: KEYS }, (_, index) => `${run}:${index}`);
  await cache.warmUp(stored);
  const fresh = (index: number): string => `${run}:new:${index}`;
  const hit = (index: number): Promise<unknown> => cache.get(stored[index % KEYS] ?? '');
  const bare = (index: number): Promise<unknown> => redis.get(`coupon:template:${stored[index % KEYS]}`);
  let loads = 0;
  const load = (): Promise<unknown> => cache.get(fresh((loads += 1)));
  const before = cache.statistics.loads;
  const l2 = await measureReads('l2_hit', hit);
  if (cache.statistics.loads !== before) throw new Error('reads that L2 should have answered were loaded');
  const figures = { ...l2, ...(await measureReads('l3_load', load)), ...(await measureReads('floor_get', bare)) };
  if (cache.statistics.loads - before !== loads) throw new Error('not every new key was loaded once');
  await cache.close();
  return figures;
}

async function measureReads(name: string, read: (index: number) => Promise<unknown>): Promise<Numbers> {
  const latency = new LatencyHistogram();
  for (let index = 0; index < SHARED_READS / 10; index += 1) {
    const startedMs = performance.now();
    await read(index);
    latency.recordUs((performance.now() - startedMs) * 1_000);
  }
  const startedMs = performance.now();
  let next = 0;
  const reader = async (): Promise<void> => {
    while (next < SHARED_READS) await read((next += 1));
  };
  await Promise.all(Array.from({ length: TOGETHER }, reader));
  const perSecondTogether = SHARED_READS / ((performance.now() - startedMs) / 1_000);
  return {
    [`${name}_p50_us`]: latency.percentileUs(0.5),
    [`${name}_p99_us`]: latency.percentileUs(0.99),
    [`${name}s_per_second`]: Math.round(perSecondTogether),
  };
}

function common(name: string): {
  readonly name: string;
  readonly keyOf: (key: string) => string;
  readonly codec: typeof codec;
  readonly freshness: typeof alwaysFresh;
} {
  return { name, keyOf: (key) => key, codec, freshness: alwaysFresh };
}
