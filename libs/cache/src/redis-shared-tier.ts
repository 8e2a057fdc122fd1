import { Cluster } from 'ioredis';
import type { Redis } from 'ioredis';
import {
  assertCacheName,
  beginCacheFill,
  invalidateCacheKey,
  readCacheEntries,
  readRunId,
  releaseCacheLease,
  storeCacheValue,
} from '@coupon/lua';
import type { BeginFillReply, CacheEntry } from '@coupon/lua';
import { SharedTierLostError } from './errors';
import type { LeaseOutcome, SharedEntry, SharedGeneration, SharedTier, SharedValue } from './tier';

const KEYS_PER_SCAN = 200;

export interface RedisSharedTierOptions {
  /**
   * Of the cache Redis: no offline queue and no resending (`createClaimRedis`), with a command timeout of a few hundred milliseconds. On a
   * Cluster run ids are not compared: after a failover there a lost invalidation is made good by the time to live alone.
   */
  readonly redis: Redis | Cluster;
  /** First part of the keys, `coupon:<name>:<key>`. */
  readonly name: string;
  /** Never the same twice in the fleet, one word: `randomUUID`. */
  readonly newToken: () => string;
  /** How long a mark lasts. A value that takes longer from begin to fill is not stored. @default 10000 */
  readonly markMs?: number;
}

/** L2 in Redis, by the scripts of libs/lua/src/scripts/cache. */
export class RedisSharedTier implements SharedTier {
  private readonly redis: Redis | Cluster;
  private readonly name: string;
  private readonly newToken: () => string;
  private readonly markMs: number;
  private runId: Promise<string> | undefined;

  /** @throws RangeError for the name of another kind of key */
  constructor({ redis, name, newToken, markMs = 10_000 }: RedisSharedTierOptions) {
    assertCacheName(name);
    this.redis = redis;
    this.name = name;
    this.newToken = newToken;
    this.markMs = markMs;
    // Before a command goes out over the next connection, which may lead to another run or another server.
    redis.on('close', () => {
      this.runId = undefined;
    });
  }

  async read(key: string): Promise<SharedEntry | undefined> {
    return (await this.readMany([key]))[0];
  }

  async readMany(keys: readonly string[]): Promise<(SharedEntry | undefined)[]> {
    return this.inRun(async (run) => {
      const entries = await readCacheEntries(this.redis, this.name, keys);
      return entries.map((entry) => (entry?.run === run ? toSharedEntry(entry) : undefined));
    });
  }

  async begin(key: string): Promise<SharedGeneration> {
    const [run, reply] = await this.inRun(async (id) => [id, await this.beginFill(key, id, null, 1)] as const);
    // A value that is there stays: a fill under its generation is refused, for there is no mark of it.
    return {
      run,
      generation: reply.kind === 'value' ? reply.entry.generation : reply.generation,
      leaseToken: null,
    };
  }

  async lease(key: string, leaseMs: number, rejected?: string): Promise<LeaseOutcome> {
    const token = this.newToken();
    const [run, reply] = await this.inRun(
      async (id) => [id, await this.beginFill(key, id, token, leaseMs, rejected)] as const,
    );
    if (reply.kind === 'wait') {
      const generation = { run, generation: reply.generation, leaseToken: null };
      return { kind: 'taken', generation, forMs: reply.forMs };
    }
    if (reply.kind === 'load')
      return { kind: 'granted', generation: { run, generation: reply.generation, leaseToken: token } };
    const entry = toSharedEntry(reply.entry);
    if (entry !== undefined) return { kind: 'value', entry };
    // What another release of this program has written and this one cannot read: replaced, unless it was the rejected one already.
    if (rejected === reply.entry.generation) throw new Error(`an entry of ${this.name} that cannot be replaced`);
    return this.lease(key, leaseMs, reply.entry.generation);
  }

  async fill(key: string, generation: SharedGeneration, value: SharedValue, ttlMs: number): Promise<boolean> {
    return storeCacheValue(this.redis, this.name, key, {
      run: generation.run,
      generation: generation.generation,
      body: bodyOf(value),
      ttlMs: Math.max(Math.round(ttlMs), 1),
      leaseToken: generation.leaseToken,
    });
  }

  async abandon(key: string, { leaseToken }: SharedGeneration): Promise<void> {
    if (leaseToken !== null) await releaseCacheLease(this.redis, this.name, key, leaseToken);
  }

  async invalidate(key: string, version: string): Promise<void> {
    const { name, markMs } = this;
    await this.inRun((run) => {
      const change = { run, newGeneration: this.newToken(), version, markMs };
      return invalidateCacheKey(this.redis, name, key, change);
    });
  }

  /**
   * By SCAN, which misses no key that is there all the time: a value or mark of before the change is, until it is invalidated here, and what
   * is begun after the change is read after it.
   */
  async invalidateAll(version: string): Promise<void> {
    const prefix = `coupon:${this.name}:`;
    const nodes = this.redis instanceof Cluster ? this.redis.nodes('master') : [this.redis];
    for (const node of nodes) {
      let cursor = '0';
      do {
        const [next, names] = await node.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', KEYS_PER_SCAN);
        await Promise.all(names.map((name) => this.invalidate(name.slice(prefix.length), version)));
        cursor = next;
      } while (cursor !== '0');
    }
  }

  private beginFill(
    key: string,
    run: string,
    leaseToken: string | null,
    leaseMs: number,
    rejected?: string,
  ): Promise<BeginFillReply> {
    const newGeneration = this.newToken();
    const fill = { run, newGeneration, markMs: this.markMs, leaseToken, leaseMs: Math.max(Math.round(leaseMs), 1) };
    return beginCacheFill(this.redis, this.name, key, { ...fill, rejected });
  }

  /** Rejects when the connection was lost on the way: the run id may not be that of the server that has answered. */
  private async inRun<T>(work: (run: string) => Promise<T>): Promise<T> {
    const reading = this.run();
    const result = await work(await reading);
    if (this.runId !== reading) throw new SharedTierLostError(this.name);
    return result;
  }

  /** Of the connection as it is; read anew after every loss. */
  private run(): Promise<string> {
    if (this.runId !== undefined) return this.runId;
    const reading: Promise<string> = this.redis instanceof Cluster ? Promise.resolve('cluster') : readRunId(this.redis);
    this.runId = reading;
    reading.catch(() => {
      if (this.runId === reading) this.runId = undefined;
    });
    return reading;
  }
}

/** `<version of the codec> <P or A>`, a line end, the payload. */
function bodyOf({ codecVersion, payload }: SharedValue): string {
  return `${codecVersion} ${payload === null ? 'A' : 'P'}\n${payload ?? ''}`;
}

function toSharedEntry({ generation, versions, body }: CacheEntry): SharedEntry | undefined {
  const [head, codecVersion, kind] = /^(\d{1,6}) ([PA])\n/.exec(body) ?? [];
  if (head === undefined) return undefined;
  return {
    generation,
    versions,
    codecVersion: Number(codecVersion),
    payload: kind === 'A' ? null : body.slice(head.length),
  };
}
