import { randomUUID } from 'node:crypto';
import { createClaimRedis } from '@coupon/lua';
import { TcpProxy, eventually, seededRandom, useOwnServers } from '@coupon/testing';
import type { Redis } from 'ioredis';
import { alwaysFresh } from '../../src/freshness';
import { RedisSharedTier } from '../../src/redis-shared-tier';
import { TieredCache } from '../../src/tiered-cache';
import { rowCodec } from '../support/world';
import type { Row } from '../support/world';

const own = useOwnServers(['redis'], { arguments: { redis: ['--save', '', '--appendonly', 'no'] } });
const clients: Redis[] = [];
const caches: TieredCache<string, Row>[] = [];
let proxy: Awaited<ReturnType<typeof TcpProxy.inFrontOf>>;
const rows = new Map<string, number>();

beforeAll(async () => {
  proxy = await TcpProxy.inFrontOf(own.endpoints.redis.url);
});
afterEach(async () => {
  for (const cache of caches.splice(0)) await cache.close();
  for (const client of clients.splice(0)) client.disconnect();
  proxy.setMode('pass');
});
afterAll(() => proxy.stop());

async function cacheOver(url: string): Promise<TieredCache<string, Row>> {
  const redis = createClaimRedis(url, { commandTimeoutMs: 100 });
  clients.push(redis);
  redis.on('error', () => undefined);
  await redis.connect();
  const cache = new TieredCache<string, Row>({
    name: 'row',
    keyOf: (key) => key,
    codec: rowCodec,
    load: async (keys) => keys.map((id) => ({ id, version: rows.get(id) ?? 0 })),
    l2: new RedisSharedTier({ redis, name: 'template', newToken: randomUUID }),
    maxWeightBytes: 1_000_000,
    freshness: alwaysFresh,
    l1TtlMs: 5,
    l2RestMs: 20,
  });
  caches.push(cache);
  return cache;
}

describe('Redis fails', () => {
  test.each(['refuse', 'half-open', 'drop-replies'] as const)(
    '%s: every read is answered from the origin',
    async (mode) => {
      const cache = await cacheOver(proxy.url);
      await cache.get('warm');
      proxy.setMode(mode);
      if (mode === 'refuse') proxy.cut();
      for (let read = 0; read < 20; read += 1)
        expect(await cache.get(randomUUID())).toMatchObject({ kind: 'found', level: 'l3' });
      expect(cache.statistics.l2Errors).toBeGreaterThan(0);
      proxy.setMode('pass');
      proxy.cut();
      await eventually(async () => {
        const key = randomUUID();
        await cache.get(key);
        await eventually(() => cache.getLocal(key) === undefined, { intervalMs: 5 });
        expect(await cache.get(key)).toMatchObject({ level: 'l2' });
      });
    },
  );

  test('restarts, cuts and lost answers at any moment: no read fails, none is older than the last confirmed invalidation', async () => {
    const random = seededRandom(5);
    const [through, direct] = [await cacheOver(proxy.url), await cacheOver(own.endpoints.redis.url)];
    const keys = ['a', 'b', 'c'];
    const confirmed = new Map<string, number>();
    let going = true;
    const problems: string[] = [];
    let reads = 0;
    const reader = async (cache: TieredCache<string, Row>): Promise<void> => {
      while (going) {
        const key = keys[random.int(0, 2)] ?? 'a';
        const least = confirmed.get(key) ?? 0;
        const result = await cache.get(key);
        reads += 1;
        if (result.kind !== 'found' || result.value.version < least)
          problems.push(`at least ${least} expected: ${JSON.stringify(result)}`);
        await new Promise((resolve) => setTimeout(resolve, random.int(0, 3)));
      }
    };
    const writer = async (): Promise<void> => {
      for (let change = 1; going; change += 1) {
        const key = keys[random.int(0, 2)] ?? 'a';
        rows.set(key, change);
        // As the bus does it: announced to all, and repeated until L2 has confirmed it.
        through.drop([key], `v${change}`);
        await eventually(() => direct.invalidate([key], `v${change}`), { timeoutMs: 20_000, intervalMs: 5 });
        confirmed.set(key, change);
        await new Promise((resolve) => setTimeout(resolve, random.int(0, 20)));
      }
    };
    const running = [reader(through), reader(through), reader(direct), writer()];
    for (const fault of ['cut', 'drop-replies', 'restart', 'half-open', 'cut', 'restart', 'refuse'] as const) {
      const before = reads;
      await eventually(() => reads > before + 100);
      if (fault === 'restart') {
        await own.servers.redis.kill();
        await own.servers.redis.start();
      } else if (fault === 'cut') proxy.cut();
      else {
        proxy.setMode(fault);
        const during = reads;
        await eventually(() => reads > during + 20);
        proxy.setMode('pass');
        proxy.cut();
      }
    }
    going = false;
    await Promise.all(running);
    expect(problems).toEqual([]);
  }, 60_000);
});
