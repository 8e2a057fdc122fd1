import { AppError } from '@coupon/domain';
import { CacheLoadTimeoutError } from '@coupon/cache';
import { classifyMysqlError } from '@coupon/persistence';
import type { ReadModels } from '@coupon/read-models';
import type { DisplayReads } from '../use-cases/display-reads';

/** Display reads over the caches. */
export function cachedReads(models: ReadModels): DisplayReads {
  return {
    template: (id, onStale) =>
      reading(async () => {
        const [terms, counts] = await Promise.all([
          models.templates.get(id, onStale),
          models.templateCounts.get(id, onStale),
        ]);
        return terms === null || counts === null ? null : { ...terms, ...counts };
      }),
    activity: (id, onStale) =>
      reading(async () => {
        const [terms, counts] = await Promise.all([
          models.activities.get(id, onStale),
          models.activityCounts.get(id, onStale),
        ]);
        return terms === null || counts === null ? null : { ...terms, ...counts };
      }),
    coupons: (userId, onStale) =>
      reading(async () => {
        const held = await models.userCoupons.get(userId, onStale);
        return held?.complete === true ? held.coupons : null;
      }),
    withTemplates: (coupons, onStale) =>
      reading(async () => {
        const ids = [...new Set(coupons.map(({ couponId }) => couponId))];
        const found = await models.templates.getMany(ids, onStale);
        const byId = new Map(ids.map((id, index) => [id, found[index]]));
        const rows = coupons.flatMap((coupon) => {
          const template = byId.get(coupon.couponId);
          return template === undefined || template === null ? [] : [{ coupon, template }];
        });
        return rows.length === coupons.length ? rows : null;
      }),
  };
}

/** @throws AppError NOT_READY in place of whatever keeps the database from being read */
async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { kind } = classifyMysqlError(error);
    if (kind !== 'infrastructure' && kind !== 'retryable' && !(error instanceof CacheLoadTimeoutError)) throw error;
    throw new AppError('NOT_READY', 'the database cannot be used at the moment', { cause: error });
  }
}
