import { Cluster } from 'ioredis';
import { cacheKeys } from './keys';
import { UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

/** A value as Redis holds it. A mark is never told: it is nothing to read. */
export interface CacheEntry {
  /** Run id of the Redis it was stored in; of another run it must not be used. */
  readonly run: string;
  readonly generation: string;
  /** The last changes that it is known to come after, at most four. */
  readonly versions: readonly string[];
  /** What was passed to {@link storeCacheValue}. */
  readonly body: string;
}

export type BeginFillReply =
  | { readonly kind: 'value'; readonly entry: CacheEntry }
  | { readonly kind: 'load'; readonly generation: string }
  | { readonly kind: 'wait'; readonly generation: string; readonly forMs: number };

export interface BeginFill {
  readonly run: string;
  /** Never used before, one word. */
  readonly newGeneration: string;
  readonly markMs: number;
  /** Never used before; null: no lease wanted. */
  readonly leaseToken: string | null;
  readonly leaseMs: number;
  /** Generation of a value that was read and cannot be used. */
  readonly rejected?: string | undefined;
}

/** The values of several keys, in one round trip (on a cluster one per key); undefined where there is none. Rejects with the error of Redis. */
export async function readCacheEntries(
  redis: ClaimRedis,
  name: string,
  keys: readonly string[],
): Promise<(CacheEntry | undefined)[]> {
  if (keys.length === 0) return [];
  const names = keys.map((key) => cacheKeys(name, key).value);
  const texts =
    redis instanceof Cluster ? await Promise.all(names.map((key) => redis.get(key))) : await redis.mget(...names);
  return texts.map((text) => (text === null ? undefined : parseCacheEntry(text)));
}

/** See begin-cache-fill.lua. Rejects with the error of Redis. */
export async function beginCacheFill(
  redis: ClaimRedis,
  name: string,
  key: string,
  fill: BeginFill,
): Promise<BeginFillReply> {
  const keys = cacheKeys(name, key);
  const reply = await runScript(
    redis,
    'beginCacheFill',
    [keys.value, keys.lease],
    [fill.run, fill.newGeneration, fill.markMs, fill.leaseToken ?? '', fill.leaseMs, fill.rejected ?? ''],
  );
  const [status, text, forMs] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (typeof text === 'string') {
    const entry = status === 1 ? parseCacheEntry(text) : undefined;
    if (entry !== undefined) return { kind: 'value', entry };
    if (status === 2) return { kind: 'load', generation: text };
    if (status === 3 && typeof forMs === 'number') return { kind: 'wait', generation: text, forMs };
  }
  throw new UnexpectedReplyError('begin-cache-fill', reply);
}

export interface StoreValue {
  readonly run: string;
  readonly generation: string;
  readonly body: string;
  readonly ttlMs: number;
  readonly leaseToken: string | null;
}

/** @returns false when the key was invalidated since {@link beginCacheFill}, or that is too long ago. Rejects with the error of Redis. */
export async function storeCacheValue(
  redis: ClaimRedis,
  name: string,
  key: string,
  value: StoreValue,
): Promise<boolean> {
  const { run, generation, body, ttlMs, leaseToken } = value;
  const keys = cacheKeys(name, key);
  const args = [run, generation, body, ttlMs, leaseToken ?? ''];
  return yesOrNo('storeCacheValue', await runScript(redis, 'storeCacheValue', [keys.value, keys.lease], args));
}

export interface InvalidateKey {
  readonly run: string;
  /** Never used before, one word. */
  readonly newGeneration: string;
  /** One word without commas; the same for all who hear of the same change. Compared for equality only. */
  readonly version: string;
  readonly markMs: number;
}

/** @returns false when what is there came after this very change and stays. May be repeated. Rejects with the error of Redis. */
export async function invalidateCacheKey(
  redis: ClaimRedis,
  name: string,
  key: string,
  change: InvalidateKey,
): Promise<boolean> {
  const { run, newGeneration, version, markMs } = change;
  const keys = cacheKeys(name, key);
  const args = [run, newGeneration, version, markMs];
  return yesOrNo('invalidateCacheKey', await runScript(redis, 'invalidateCacheKey', [keys.value, keys.lease], args));
}

/** @returns false when the lease had ended before. Rejects with the error of Redis. */
export async function releaseCacheLease(
  redis: ClaimRedis,
  name: string,
  key: string,
  leaseToken: string,
): Promise<boolean> {
  const reply = await runScript(redis, 'releaseCacheLease', [cacheKeys(name, key).lease], [leaseToken]);
  return yesOrNo('releaseCacheLease', reply);
}

/** Undefined for a mark and for anything these scripts have not written. */
function parseCacheEntry(text: string): CacheEntry | undefined {
  const [, run, generation, versions, body] = /^v1 (\S+) (\S+) (\S+) ([\s\S]*)$/.exec(text) ?? [];
  if (run === undefined || generation === undefined || versions === undefined || body === undefined) return undefined;
  return { run, generation, versions: versions === '-' ? [] : versions.split(','), body };
}

function yesOrNo(script: string, reply: unknown): boolean {
  if (reply !== 0 && reply !== 1) throw new UnexpectedReplyError(script, reply);
  return reply === 1;
}
