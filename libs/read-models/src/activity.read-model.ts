import type { ActivityId, ActivityStatus, TemplateId } from '@coupon/domain';
import { columnOf } from '@coupon/cache-bus';
import { jsonCodec } from '@coupon/cache';
import type { PrismaClient } from '@coupon/persistence';
import { z } from 'zod';
import { ACTIVITY_COLUMNS_OF_COUNTS } from './counted-columns';
import { inOrder } from './in-order';
import type { ReadModel } from './read-model';
import { activityRecordOf } from './records';
import type { ActivityRecord } from './records';
import { code, count, id, ms } from './schema-parts';

/** What moves with every batch of claims that is stored. */
export type ActivityCounts = Pick<ActivityRecord, 'successCount' | 'updatedAtMs'>;
/** Status, limits and times: everything else. */
export type ActivityTerms = Omit<ActivityRecord, keyof ActivityCounts>;

const termsSchema: z.ZodType<ActivityTerms> = z.object({
  id: id<ActivityId>(),
  couponId: id<TemplateId>(),
  name: z.string(),
  totalCount: count,
  startMs: ms,
  endMs: ms,
  perUserLimit: count,
  hiddenPath: z.boolean(),
  status: code<ActivityStatus>(),
  pausedAtMs: ms.nullable(),
  epoch: count,
  drainedAtMs: ms.nullable(),
  archivedAtMs: ms.nullable(),
  loadedAtMs: ms.nullable(),
  version: count,
  createdAtMs: ms,
});

const countsSchema: z.ZodType<ActivityCounts> = z.object({ successCount: count, updatedAtMs: ms });

/** Cache `sale`: status, limits and times of an activity, by its id. (The keys `coupon:activity:…` are the claims' own.) */
export const activityTerms: ReadModel<ActivityId, ActivityTerms> = {
  name: 'sale',
  keyOf: String,
  tables: [
    { table: 'flash_sale_activities', keys: (row) => [columnOf(row, 'id')], ignores: ACTIVITY_COLUMNS_OF_COUNTS },
  ],
  codec: jsonCodec({ version: 1, parse: (json) => termsSchema.parse(json) }),
  loader: (prisma) => async (keys) => {
    const rows = await prisma.flashSaleActivity.findMany({ where: { id: { in: keys.map(BigInt) } } });
    return inOrder(
      keys,
      rows,
      ({ successCount: _success, updatedAtMs: _updated, ...terms }) => terms,
      activityRecordOf,
    );
  },
};

/** Cache `sale-counts`. */
export const activityCounts: ReadModel<ActivityId, ActivityCounts> = {
  name: 'sale-counts',
  keyOf: String,
  tables: [{ table: 'flash_sale_activities', keys: (row) => [columnOf(row, 'id')] }],
  codec: jsonCodec({ version: 1, parse: (json) => countsSchema.parse(json) }),
  loader: (prisma) => async (keys) => {
    const rows = await prisma.flashSaleActivity.findMany({ where: { id: { in: keys.map(BigInt) } } });
    return inOrder(keys, rows, ({ successCount, updatedAtMs }) => ({ successCount, updatedAtMs }), activityRecordOf);
  },
};

/** Activities that are on first, then those that come soonest; none that is over. */
export async function hottestActivities(prisma: PrismaClient, most: number): Promise<ActivityId[]> {
  const rows = await prisma.$queryRaw<{ id: bigint }[]>`
    SELECT id FROM flash_sale_activities
    WHERE status IN (1, 2) AND end_time > CURRENT_TIMESTAMP(3)
    ORDER BY status = 1, start_time, id LIMIT ${most}`;
  return rows.map((row) => String(row.id) as ActivityId);
}
