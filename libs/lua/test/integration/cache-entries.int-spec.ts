import { randomUUID } from 'node:crypto';
import { eventually, useRedisDatabase } from '@coupon/testing';
import type { Redis } from 'ioredis';
import {
  beginCacheFill,
  invalidateCacheKey,
  readCacheEntries,
  releaseCacheLease,
  storeCacheValue,
} from '../../src/cache-entries';
import type { BeginFill } from '../../src/cache-entries';
import { createClaimRedis } from '../../src/claim-redis';
import { cacheKeys } from '../../src/keys';

const database = useRedisDatabase();
let redis: Redis;
beforeAll(async () => {
  redis = createClaimRedis(database.url);
  await redis.connect();
});
afterAll(() => redis.disconnect());

const NAME = 'template';
const RUN = 'run1';
const LONG_MS = 60_000;
const begin = (key: string, over: Partial<BeginFill> = {}): ReturnType<typeof beginCacheFill> =>
  beginCacheFill(redis, NAME, key, {
    run: RUN,
    newGeneration: randomUUID(),
    markMs: LONG_MS,
    leaseToken: null,
    leaseMs: LONG_MS,
    ...over,
  });
const store = (key: string, generation: string, over: Partial<Parameters<typeof storeCacheValue>[3]> = {}) =>
  storeCacheValue(redis, NAME, key, { run: RUN, generation, body: 'b', ttlMs: LONG_MS, leaseToken: null, ...over });
const invalidate = (key: string, version: string, run = RUN): Promise<boolean> =>
  invalidateCacheKey(redis, NAME, key, { run, newGeneration: randomUUID(), version, markMs: LONG_MS });
const generationOf = async (key: string, over: Partial<BeginFill> = {}): Promise<string> => {
  const reply = await begin(key, over);
  if (reply.kind === 'value') throw new Error('there is a value');
  return reply.generation;
};

// What the scripts promise together is in the conformance suite of libs/cache; here is what one call does.
describe('scripts of the cache', () => {
  test('a value is stored under the generation of the mark only, once, in the run it was begun in', async () => {
    const key = randomUUID();
    expect(await store(key, 'g1')).toBe(false);
    const generation = await generationOf(key);
    expect(await generationOf(key)).toBe(generation);
    expect(await store(key, randomUUID())).toBe(false);
    expect(await store(key, generation, { run: 'run2' })).toBe(false);
    expect(await store(key, generation, { body: 'one' })).toBe(true);
    expect(await store(key, generation, { body: 'two' })).toBe(false);
    const [entry] = await readCacheEntries(redis, NAME, [key]);
    expect(entry).toEqual({ run: RUN, generation, versions: [], body: 'one' });
    expect(await begin(key)).toEqual({ kind: 'value', entry });
  });

  test('a value of another run, and one that the reader rejects, are replaced by a mark', async () => {
    const key = randomUUID();
    const first = await generationOf(key);
    await store(key, first);
    const second = await generationOf(key, { run: 'run2' });
    expect(second).not.toBe(first);
    await store(key, second, { run: 'run2' });
    expect(await generationOf(key, { run: 'run2', rejected: second })).not.toBe(second);
  });

  test('a mark lasts as long as the last who began asks for, and never shorter', async () => {
    const key = randomUUID();
    await generationOf(key, { markMs: 1_000 });
    await generationOf(key);
    await generationOf(key, { markMs: 10 });
    expect(await redis.pttl(cacheKeys(NAME, key).value)).toBeGreaterThan(LONG_MS / 2);
  });

  test('one token has the lease; it is given back by its token alone, by storing too, and ends by itself', async () => {
    const key = randomUUID();
    const { lease } = cacheKeys(NAME, key);
    const [mine, theirs] = [randomUUID(), randomUUID()];
    expect((await begin(key, { leaseToken: mine })).kind).toBe('load');
    expect((await begin(key, { leaseToken: mine })).kind).toBe('load');
    expect(await begin(key, { leaseToken: theirs })).toMatchObject({ kind: 'wait' });
    expect(await releaseCacheLease(redis, NAME, key, theirs)).toBe(false);
    expect(await releaseCacheLease(redis, NAME, key, mine)).toBe(true);
    expect((await begin(key, { leaseToken: theirs, leaseMs: 20 })).kind).toBe('load');
    await eventually(async () => (await begin(key, { leaseToken: mine })).kind === 'load');
    await store(key, await generationOf(key), { leaseToken: mine });
    expect(await redis.exists(lease)).toBe(0);
  });

  test('an invalidation replaces what is there, ends the lease, and knows itself again among the last four', async () => {
    const key = randomUUID();
    const token = randomUUID();
    await begin(key, { leaseToken: token });
    expect(await invalidate(key, 'v1')).toBe(true);
    expect(await releaseCacheLease(redis, NAME, key, token)).toBe(false);
    expect(await invalidate(key, 'v1')).toBe(false);
    for (const version of ['v2', 'v3', 'v4', 'v5']) expect(await invalidate(key, version)).toBe(true);
    await store(key, await generationOf(key));
    expect((await readCacheEntries(redis, NAME, [key]))[0]?.versions).toEqual(['v5', 'v4', 'v3', 'v2']);
    expect(await invalidate(key, 'v2')).toBe(false);
    expect(await invalidate(key, 'v5', 'run2')).toBe(true);
    expect(await readCacheEntries(redis, NAME, [key])).toEqual([undefined]);
  });

  test.each(['', 'a b', 'a,b', 'a\nb'])('a change is not called %j', async (version) => {
    await expect(invalidate(randomUUID(), version)).rejects.toThrow('unexpected reply');
  });

  test('value and lease are in one slot of a cluster', () => {
    const { value, lease } = cacheKeys(NAME, '42');
    expect([value, lease]).toEqual(['coupon:template:42', 'coupon:lease:{coupon:template:42}']);
  });
});
