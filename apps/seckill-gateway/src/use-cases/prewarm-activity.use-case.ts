import { AppError } from '@coupon/domain';
import type { ActivityId, ActivityStatusName } from '@coupon/domain';
import type { Identity } from '@coupon/service-kit';
import type { StatsReader } from './get-activity-stats.use-case';
import { statusOf } from './get-activity-stats.use-case';

/** Who asks, as coupon-admin is to be told. */
export interface PrewarmCaller {
  readonly authorization: string | undefined;
  readonly identity: Identity;
  readonly requestId: string;
  /** '' without one. */
  readonly idempotencyKey: string;
}

/** Has coupon-admin load an activity on behalf of its caller, who must be an operator there, too. Rejects with an AppError. */
export type LoadActivity = (id: ActivityId, caller: PrewarmCaller) => Promise<{ readonly statusName: string }>;

/** What Redis holds after it was loaded. Counters are units. */
export interface PrewarmedActivity {
  readonly activity_id: ActivityId;
  readonly status: ActivityStatusName;
  readonly total: number;
  readonly available: number;
  readonly claimed: number;
  readonly per_user_limit: number;
  readonly start_time: string;
  readonly end_time: string;
  readonly epoch: number;
}

/**
 * Loads an activity through coupon-admin and reads it back from the Redis that this gateway sells from. One that is loaded is left as it is.
 * @throws ACTIVITY_NOT_FOUND, CONFLICT, ENDED, OUTCOME_UNKNOWN; NOT_READY when coupon-admin cannot be reached or Redis does not have it (yet)
 */
export async function prewarmActivity(
  deps: { readonly load: LoadActivity; readonly store: () => Pick<StatsReader, 'snapshot'> },
  id: ActivityId,
  caller: PrewarmCaller,
): Promise<PrewarmedActivity> {
  const { statusName } = await deps.load(id, caller);
  const found = await deps.store().snapshot(id);
  if (found === null && statusName === 'ended') throw new AppError('ENDED', 'the sale is over');
  if (found === null) {
    throw new AppError('NOT_READY', 'the activity is loaded, and not in the Redis this gateway sells from', {
      details: { activity_id: id, retry_after_ms: 1_000 },
    });
  }
  return {
    activity_id: id,
    status: statusOf(found),
    total: found.total,
    available: found.available,
    claimed: found.claimed,
    per_user_limit: found.perUserLimit,
    start_time: new Date(found.startMs).toISOString(),
    end_time: new Date(found.endMs).toISOString(),
    epoch: found.epoch,
  };
}
