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

/** Hash: worker instance id -> what it sees of the work queue (JSON). */
export const PIPELINE_KEY = 'coupon:pipeline';
