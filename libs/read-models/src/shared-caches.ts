import { RedisSharedTier } from '@coupon/cache';
import type { RedisSharedTierOptions } from '@coupon/cache';
import type { SharedCache } from '@coupon/cache-bus';
import { activityCounts, activityTerms } from './activity.read-model';
import { templateCounts, templateTerms } from './template.read-model';
import { userCoupons } from './user-coupons.read-model';

/** All caches that have a part in L2: for the one process that drops it. */
export function sharedCaches({ redis, newToken }: Pick<RedisSharedTierOptions, 'redis' | 'newToken'>): SharedCache[] {
  return [templateTerms, templateCounts, activityTerms, activityCounts, userCoupons].map(({ name, tables }) => ({
    name,
    tables,
    tier: new RedisSharedTier({ redis, name, newToken }),
  }));
}
