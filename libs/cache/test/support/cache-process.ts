import { randomUUID } from 'node:crypto';
import { createClaimRedis } from '@coupon/lua';
import { alwaysFresh } from '../../src/freshness';
import { RedisSharedTier } from '../../src/redis-shared-tier';
import { TieredCache } from '../../src/tiered-cache';
import { rowCodec } from './world';
import type { Row } from './world';

export interface ReadOrder {
  readonly key: string;
  readonly readers: number;
  readonly loadMs: number;
  readonly leaseMs: number;
  readonly waitMs: number;
}

/** What one process of a fleet tells its test. */
export type CacheProcessMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'loading' }
  | {
      readonly kind: 'read';
      readonly loads: number;
      readonly versions: readonly number[];
      readonly levels: readonly string[];
    };

/** One process of the fleet: reads when it is told to, says when its loader is asked. The process id stands for the version of the value. */
async function main(url: string): Promise<void> {
  const tell = (message: CacheProcessMessage): void => void process.send?.(message);
  const redis = createClaimRedis(url);
  await redis.connect();
  process.on('message', (order: ReadOrder) => {
    void read(order);
  });
  const read = async ({ key, readers, loadMs, leaseMs, waitMs }: ReadOrder): Promise<void> => {
    const cache = new TieredCache<string, Row>({
      name: 'row',
      keyOf: (id) => id,
      codec: rowCodec,
      load: async (keys) => {
        tell({ kind: 'loading' });
        await new Promise((resolve) => setTimeout(resolve, loadMs));
        return keys.map((id) => ({ id, version: process.pid }));
      },
      l2: new RedisSharedTier({ redis, name: 'template', newToken: randomUUID }),
      maxWeightBytes: 1_000_000,
      freshness: alwaysFresh,
      leaseMs,
      waitMs,
    });
    const results = await Promise.all(Array.from({ length: readers }, () => cache.get(key)));
    await cache.close();
    tell({
      kind: 'read',
      loads: cache.statistics.loads,
      versions: [...new Set(results.map((result) => (result.kind === 'found' ? result.value.version : -1)))],
      levels: [...new Set(results.map(({ level }) => level))],
    });
  };
  tell({ kind: 'ready' });
}

void main(process.argv[2] ?? '');
