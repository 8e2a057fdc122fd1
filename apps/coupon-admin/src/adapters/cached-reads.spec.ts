import { AppError } from '@coupon/domain';
import type { ActivityId, TemplateId } from '@coupon/domain';
import type { ActivityCounts, ActivityTerms, ReadModels, TemplateCounts, TemplateTerms } from '@coupon/read-models';
import type { AdminDatabase } from '../use-cases/ports';
import { cachedReads } from './cached-reads';

const ID = '7';
const ROW = { id: ID, name: 'the row' };
const activityTerms = {
  id: ID,
  totalCount: 10,
  version: 3,
  createdAtMs: 1_000,
  loadedAtMs: null,
  pausedAtMs: null,
  drainedAtMs: null,
  archivedAtMs: null,
} as unknown as ActivityTerms;
const activityCounts: ActivityCounts = { successCount: 4, updatedAtMs: 5_000 };
const templateTerms = { id: ID, totalCount: 10, version: 3, createdAtMs: 1_000 } as unknown as TemplateTerms;
const templateCounts: TemplateCounts = { usedCount: 2, allocatedCount: 4, updatedAtMs: 5_000 };

/** Two caches that hold this, and a table with another row. */
function reads(held: { terms: object | null; counts: object | null }, row: () => Promise<unknown> = async () => ROW) {
  const [terms, counts] = [held.terms, held.counts].map((value) => ({ get: () => Promise.resolve(value) }));
  const models = { templates: terms, activities: terms, templateCounts: counts, activityCounts: counts };
  const tables = { templates: { get: row }, activities: { get: row } };
  return cachedReads(models as unknown as ReadModels, tables as unknown as AdminDatabase);
}
const activity = (terms: object | null, counts: object | null) => reads({ terms, counts }).activity(ID as ActivityId);
const template = (terms: object | null, counts: object | null) => reads({ terms, counts }).template(ID as TemplateId);

describe('what two caches hold, shown together', () => {
  it('has the version of the terms and the time of the counts', async () => {
    expect(await activity(activityTerms, activityCounts)).toEqual({ ...activityTerms, ...activityCounts });
    expect(await template(templateTerms, templateCounts)).toEqual({ ...templateTerms, ...templateCounts });
  });

  it.each(['createdAtMs', 'loadedAtMs', 'pausedAtMs', 'drainedAtMs', 'archivedAtMs'])(
    'is never older than its own %s',
    async (time) => {
      const shown = await activity({ ...activityTerms, [time]: 6_000 }, activityCounts);
      expect(shown).toMatchObject({ [time]: 6_000, updatedAtMs: 6_000, version: 3 });
    },
  );

  it('never has more sold, given out or used than there is: the row is read then', async () => {
    expect(await activity(activityTerms, { ...activityCounts, successCount: 10 })).toMatchObject({ successCount: 10 });
    expect(await activity(activityTerms, { ...activityCounts, successCount: 11 })).toEqual(ROW);
    expect(await template(templateTerms, { ...templateCounts, allocatedCount: 10 })).toMatchObject({ version: 3 });
    expect(await template(templateTerms, { ...templateCounts, allocatedCount: 11 })).toEqual(ROW);
    expect(await template(templateTerms, { ...templateCounts, usedCount: 11 })).toEqual(ROW);
  });

  it('is not missing because one of both was read before it was there', async () => {
    expect(await activity(null, activityCounts)).toEqual(ROW);
    expect(await template(templateTerms, null)).toEqual(ROW);
    expect(await activity(null, null)).toBeNull();
  });

  it('is NOT_READY when it contradicts itself and the row cannot be read', async () => {
    const broken = reads({ terms: null, counts: activityCounts }, () =>
      Promise.reject(new AppError('NOT_READY', 'the database cannot be used')),
    );
    await expect(broken.activity(ID as ActivityId)).rejects.toMatchObject({ code: 'NOT_READY' });
  });
});
