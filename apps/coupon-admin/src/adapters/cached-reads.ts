import { AppError } from '@coupon/domain';
import { CacheLoadTimeoutError } from '@coupon/cache';
import { classifyMysqlError } from '@coupon/persistence';
import type { ReadModels } from '@coupon/read-models';
import type { ActivityCounts, ActivityTerms, TemplateCounts, TemplateTerms } from '@coupon/read-models';
import type { DisplayReads } from '../use-cases/display-reads';
import type { Activity, Template } from '../use-cases/model';
import type { AdminDatabase } from '../use-cases/ports';

/**
 * Display reads over the caches. What is counted is cached apart from everything else, so that both may be of different moments, less than a
 * second apart: `version` belongs to the terms, and the counts may know of a moment before or after it. What is shown together never
 * contradicts itself: nothing is later than `updatedAtMs`, and where more is counted than there is, or only one of both is there, the row is read instead.
 */
export function cachedReads(models: ReadModels, tables: Pick<AdminDatabase, 'templates' | 'activities'>): DisplayReads {
  return {
    template: (id, onStale) =>
      reading(async () => {
        const [terms, counts] = await Promise.all([
          models.templates.get(id, onStale),
          models.templateCounts.get(id, onStale),
        ]);
        if (terms === null && counts === null) return null;
        return templateOf(terms, counts) ?? tables.templates.get(id);
      }),
    activity: (id, onStale) =>
      reading(async () => {
        const [terms, counts] = await Promise.all([
          models.activities.get(id, onStale),
          models.activityCounts.get(id, onStale),
        ]);
        if (terms === null && counts === null) return null;
        return activityOf(terms, counts) ?? tables.activities.get(id);
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

/** Null: the terms are older than units that were added since, some of which are counted already; or one of both is older than the row. */
function templateOf(terms: TemplateTerms | null, counts: TemplateCounts | null): Template | null {
  if (terms === null || counts === null) return null;
  if (counts.allocatedCount > terms.totalCount || counts.usedCount > terms.totalCount) return null;
  return { ...terms, ...counts, updatedAtMs: Math.max(counts.updatedAtMs, terms.createdAtMs) };
}

/** Null as for a template. */
function activityOf(terms: ActivityTerms | null, counts: ActivityCounts | null): Activity | null {
  if (terms === null || counts === null) return null;
  if (counts.successCount > terms.totalCount) return null;
  const { createdAtMs, loadedAtMs, pausedAtMs, drainedAtMs, archivedAtMs } = terms;
  const changes = [createdAtMs, loadedAtMs, pausedAtMs, drainedAtMs, archivedAtMs].map((ms) => ms ?? 0);
  return { ...terms, ...counts, updatedAtMs: Math.max(counts.updatedAtMs, ...changes) };
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
