import { randomUUID } from 'node:crypto';
import { RedisSharedTier, TieredCache, alwaysFresh, jsonCodec } from '@coupon/cache';
import { createClaimRedis } from '@coupon/lua';

/** One process of the stampede. Argument 1: URL of Redis. Every message is a key to read by so many readers at once. */
interface Order {
  readonly key: string;
  readonly readers: number;
  readonly loadMs: number;
}

async function main(url: string): Promise<void> {
  const redis = createClaimRedis(url);
  await redis.connect();
  let loadMs = 0;
  const cache = new TieredCache<string, string>({
    name: 'stampede',
    keyOf: (key) => key,
    codec: jsonCodec({ version: 1, parse: String }),
    load: async (keys) => {
      await new Promise((resolve) => setTimeout(resolve, loadMs));
      return keys.map(() => 'x'.repeat(1_024));
    },
    l2: new RedisSharedTier({ redis, name: 'template', newToken: randomUUID }),
    maxWeightBytes: 2 ** 20,
    freshness: alwaysFresh,
  });
  process.on('message', (order: Order) => {
    void (async () => {
      ({ loadMs } = order);
      const before = cache.statistics.loads;
      const startedMs = performance.now();
      await Promise.all(Array.from({ length: order.readers }, () => cache.get(order.key)));
      process.send?.({ loads: cache.statistics.loads - before, tookMs: performance.now() - startedMs });
    })();
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

void main(process.argv[2] ?? '');
