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
