import type { CacheLoader, Codec } from '@coupon/cache';
import type { TableKeys } from '@coupon/cache-bus';
import type { PrismaClient } from '@coupon/persistence';

/** A cache, declared: everything but the servers and the process it lives in. */
export interface ReadModel<K, V> {
  /** Of the cache and of its keys in Redis. */
  readonly name: string;
  readonly keyOf: (key: K) => string;
  readonly tables: readonly TableKeys[];
  readonly codec: Codec<V>;
  /** Reads what is committed; the client must be one of the primary. */
  readonly loader: (prisma: PrismaClient) => CacheLoader<K, V>;
}
