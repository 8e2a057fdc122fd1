import { randomUUID } from 'node:crypto';
import { createClaimRedis } from '@coupon/lua';
import { eventually, useOwnServers, useRedisDatabase } from '@coupon/testing';
import type { Redis } from 'ioredis';
import { RedisSharedTier } from '../../src/redis-shared-tier';
import { describeCacheTier } from '../support/cache-tier.conformance';
import { describeLeases } from '../support/lease.conformance';
import { sharedTierUnderTest } from '../support/tiers';

const database = useRedisDatabase();
let redis: Redis;
let tier: RedisSharedTier;
beforeAll(async () => {
  redis = createClaimRedis(database.url);
  await redis.connect();
  tier = new RedisSharedTier({ redis, name: 'template', newToken: randomUUID });
});
afterAll(() => {
  redis.disconnect();
});

describeCacheTier('L2 in Redis', () => sharedTierUnderTest(tier), 150);
describeLeases('L2 in Redis', () => ({ tier, advance: () => undefined }));

const LONG_MS = 60_000;
const one = { codecVersion: 3, payload: '{"a":"ä\\n"}\n v1' };

describe('L2 in Redis', () => {
  test('a mark that has ended refuses what was begun under it', async () => {
    const short = new RedisSharedTier({ redis, name: 'template', newToken: randomUUID, markMs: 20 });
    const generation = await short.begin('ended');
    await eventually(async () => (await redis.exists('coupon:template:ended')) === 0);
    expect(await short.fill('ended', generation, one, LONG_MS)).toBe(false);
  });

  test('keeps the payload as it is, under the key of the contract, for as long as it was told', async () => {
    await tier.fill('42', await tier.begin('42'), one, LONG_MS);
    expect(await tier.read('42')).toMatchObject(one);
    const ttlMs = await redis.pttl('coupon:template:42');
    expect(ttlMs).toBeGreaterThan(LONG_MS / 2);
    expect(ttlMs).toBeLessThanOrEqual(LONG_MS);
  });

  test.each(['', 'v1', 'v1 a b c', 'v2 a b c d', 'nonsense', '{"json":true}'])(
    'what it has not written (%j) is a miss and is replaced',
    async (text) => {
      await redis.set('coupon:template:strange', text);
      expect(await tier.read('strange')).toBeUndefined();
      const outcome = await tier.lease('strange', LONG_MS);
      if (outcome.kind !== 'granted') throw new Error(outcome.kind);
      expect(await tier.fill('strange', outcome.generation, one, LONG_MS)).toBe(true);
      await tier.invalidate('strange', randomUUID());
    },
  );

  test('an entry in the right frame with another content is a miss and is replaced', async () => {
    const { run } = await tier.begin('frame');
    await redis.set('coupon:template:frame', `v1 ${run} g1 - rubbish`);
    expect(await tier.read('frame')).toBeUndefined();
    expect((await tier.lease('frame', LONG_MS)).kind).toBe('granted');
  });

  test('two caches on one server do not share keys; names of other keys are refused', async () => {
    const other = new RedisSharedTier({ redis, name: 'cache:activity', newToken: randomUUID });
    await tier.fill('same', await tier.begin('same'), one, LONG_MS);
    expect(await other.read('same')).toBeUndefined();
    for (const name of ['stock', 'lock:a', 'outbox', '', 'A', 'a b', 'a{'])
      expect(() => new RedisSharedTier({ redis, name, newToken: randomUUID })).toThrow(RangeError);
    for (const key of ['', 'a b', '{a}', 'a\n', 'x'.repeat(257)])
      await expect(tier.begin(key)).rejects.toThrow(RangeError);
  });
});

describe('after a restart of Redis', () => {
  const own = useOwnServers(['redis'], { arguments: { redis: ['--save', '', '--appendonly', 'no'] } });
  let client: Redis;
  beforeAll(async () => {
    client = createClaimRedis(own.endpoints.redis.url);
    client.on('error', () => undefined);
    await client.connect();
  });
  afterAll(() => {
    client.disconnect();
  });

  test('a value that the restart has brought back is not read, and a fill begun before it is refused', async () => {
    const shared = new RedisSharedTier({ redis: client, name: 'template', newToken: randomUUID });
    await shared.fill('back', await shared.begin('back'), one, LONG_MS);
    const slow = await shared.begin('slow');
    // The snapshot is older than the invalidation that follows: so it comes back as if that had never been.
    await client.save();
    await shared.invalidate('back', 'v1');
    await shared.invalidate('slow', 'v2');
    await own.servers.redis.kill();
    await own.servers.redis.start();
    await eventually(async () => (await client.ping()) === 'PONG');
    expect(await client.get('coupon:template:back')).toContain(one.payload);
    expect(await shared.read('back')).toBeUndefined();
    expect(await shared.fill('slow', slow, { ...one, payload: 'old' }, LONG_MS)).toBe(true);
    expect(await shared.read('slow')).toBeUndefined();
    expect((await shared.lease('back', LONG_MS)).kind).toBe('granted');
  });
});
