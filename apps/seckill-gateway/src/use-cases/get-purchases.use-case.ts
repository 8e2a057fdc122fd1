import { AppError } from '@coupon/domain';
import type { ActivityId, UserId } from '@coupon/domain';
import type { ActivityStore } from '@coupon/lua';
import type { ActivityDirectory } from './activity-directory';
import { notLoadedError } from './get-activity-stats.use-case';

export interface Purchases {
  readonly purchased: boolean;
  /** Units, without those given back. */
  readonly count: number;
  readonly claims: readonly {
    readonly claim_id: string;
    readonly coupon_sns: readonly string[];
    readonly persisted: boolean;
  }[];
}

/** @throws ACTIVITY_NOT_FOUND, ENDED, NOT_READY, also for receipts that are not replicated yet in mode `replicated` */
export async function getPurchases(
  deps: {
    readonly store: Pick<ActivityStore, 'purchased'>;
    readonly directory: ActivityDirectory;
    /** Present in mode `replicated`: whether enough replicas have what was just read. */
    readonly barrier?: (() => Promise<boolean>) | undefined;
  },
  activityId: ActivityId,
  userId: UserId,
): Promise<Purchases> {
  const found = await deps.store.purchased(activityId, userId);
  if (found === null) throw notLoadedError(await deps.directory.whyNotLoaded(activityId));
  if (found.count > 0 && deps.barrier !== undefined && !(await deps.barrier())) {
    throw new AppError('NOT_READY', 'the receipts are not replicated yet, please try again', {
      details: { retry_after_ms: 1_000 },
    });
  }
  return {
    purchased: found.count > 0,
    count: found.count,
    claims: found.claims
      .filter((claim) => !claim.released)
      .map((claim) => ({ claim_id: claim.claimId, coupon_sns: claim.couponSns, persisted: claim.persisted })),
  };
}
