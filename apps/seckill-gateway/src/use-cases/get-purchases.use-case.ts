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

export async function getPurchases(
  deps: { readonly store: Pick<ActivityStore, 'purchased'>; readonly directory: ActivityDirectory },
  activityId: ActivityId,
  userId: UserId,
): Promise<Purchases> {
  const found = await deps.store.purchased(activityId, userId);
  if (found === null) throw notLoadedError(await deps.directory.whyNotLoaded(activityId));
  return {
    purchased: found.count > 0,
    count: found.count,
    claims: found.claims
      .filter((claim) => !claim.released)
      .map((claim) => ({ claim_id: claim.claimId, coupon_sns: claim.couponSns, persisted: claim.persisted })),
  };
}
