import type { ActivityId } from '@coupon/domain';

/** Keys of one activity. All carry the hash tag `{id}`: a Redis cluster keeps them in one slot, so one script may touch them all. */
export interface ActivityKeys {
  readonly activity: string;
  readonly stock: string;
  readonly user: string;
  readonly rateEven: string;
  readonly rateOdd: string;
  readonly outbox: string;
  readonly log: string;
  readonly stats: string;
  readonly persisted: string;
  readonly queue: string;
  readonly tickets: string;
  readonly finishedTickets: string;
}

export function activityKeys(id: ActivityId): ActivityKeys {
  return {
    activity: `coupon:activity:{${id}}`,
    stock: `coupon:stock:{${id}}`,
    user: `coupon:user:{${id}}`,
    rateEven: `coupon:rate:{${id}}:0`,
    rateOdd: `coupon:rate:{${id}}:1`,
    outbox: `coupon:outbox:{${id}}`,
    log: `coupon:log:{${id}}`,
    stats: `coupon:stats:{${id}}`,
    persisted: `coupon:persisted:{${id}}`,
    queue: `coupon:queue:{${id}}`,
    tickets: `coupon:tickets:{${id}}`,
    finishedTickets: `coupon:tickets:{${id}}:finished`,
  };
}

/** Set of all loaded activities; a slot of its own. */
export const REGISTRY_KEY = 'coupon:activities';

/** Sorted set: activities with a queue of tickets, by the time (epoch ms) of their last registration. */
export const QUEUES_KEY = 'coupon:queues';

/** String without a meaning, written for its place in the order of replication only. */
export const REPLICATION_MARK_KEY = 'coupon:replication-mark';

/** Hash: worker instance id -> what it sees of the work queue (JSON). */
export const PIPELINE_KEY = 'coupon:pipeline';

export type FlowLimitKind = 'bucket' | 'sliding' | 'fixed' | 'lease';

/**
 * Key of one shared limit, in a slot of its own. `name` says what is limited, for example `activity:42` or an address.
 * @throws RangeError for an empty name or one with braces: it would change the hash tag.
 */
export function flowLimitKey(kind: FlowLimitKind, name: string): string {
  if (name === '' || /[{}]/.test(name)) throw new RangeError(`not a name of a limit: ${JSON.stringify(name)}`);
  return `coupon:flow:${kind}:{${name}}`;
}

/** Hash: the flow-control settings of all gateways, with their version. */
export const FLOW_SETTINGS_KEY = 'coupon:flow:settings';

/**
 * Key of a distributed lock, in a slot of its own.
 * @throws RangeError for a name that is not 1 to 128 letters, digits, `:`, `_` and `-`
 */
export function lockKey(name: string): string {
  if (!/^[\w:-]{1,128}$/.test(name)) throw new RangeError(`not a name of a lock: ${JSON.stringify(name)}`);
  return `coupon:lock:${name}`;
}

/** First words of keys that are no cache. */
const NOT_A_CACHE = new Set(
  'activities activity flow lease lock log outbox persisted pipeline queue queues rate replication-mark stats stock tickets user'.split(
    ' ',
  ),
);

export interface CacheKeys {
  readonly value: string;
  /** In the slot of the value: its hash tag is the whole key of the value. */
  readonly lease: string;
}

/**
 * Keys of one cached value, `coupon:<name>:<key>` and its lease.
 * @param name of the cache: letters, digits, `-` and `:`, such as `template` or `cache:activity`
 * @param key 1 to 256 printable characters without spaces and braces
 * @throws RangeError for another name or key, or the name of something else
 */
export function cacheKeys(name: string, key: string): CacheKeys {
  assertCacheName(name);
  if (!/^[!-z|~]{1,256}$/.test(key)) throw new RangeError(`not a key of a cache: ${JSON.stringify(key)}`);
  const value = `coupon:${name}:${key}`;
  return { value, lease: `coupon:lease:{${value}}` };
}

/** @throws RangeError for a name that no cache may have: see {@link cacheKeys} */
export function assertCacheName(name: string): void {
  if (!/^[a-z][a-z\d-]*(:[a-z\d-]+)*$/.test(name) || NOT_A_CACHE.has(name.split(':')[0] ?? ''))
    throw new RangeError(`not a name of a cache: ${JSON.stringify(name)}`);
}
