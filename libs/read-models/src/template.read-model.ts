import type { DiscountType, TemplateId, TemplateStatus, TemplateType } from '@coupon/domain';
import { columnOf } from '@coupon/cache-bus';
import { jsonCodec } from '@coupon/cache';
import type { PrismaClient } from '@coupon/persistence';
import { z } from 'zod';
import { TEMPLATE_COLUMNS_OF_COUNTS } from './counted-columns';
import { inOrder } from './in-order';
import type { ReadModel } from './read-model';
import { templateRecordOf } from './records';
import type { TemplateRecord } from './records';
import { code, count, id, minor, ms, withTextForBigInts } from './schema-parts';

/** What moves with every coupon that is issued or used. */
export type TemplateCounts = Pick<TemplateRecord, 'usedCount' | 'allocatedCount' | 'updatedAtMs'>;
/** What its author has decided: everything else. */
export type TemplateTerms = Omit<TemplateRecord, keyof TemplateCounts>;

const ids = z.array(z.string()).nullable();

const termsSchema: z.ZodType<TemplateTerms> = z.object({
  id: id<TemplateId>(),
  name: z.string(),
  type: code<TemplateType>(),
  discountType: code<DiscountType>(),
  discountValueMinor: minor,
  minAmountMinor: minor,
  totalCount: count,
  perUserLimit: count,
  validStartMs: ms,
  validEndMs: ms,
  applicableGoods: ids,
  applicableCategories: ids,
  status: code<TemplateStatus>(),
  maxDiscountMinor: minor.nullable(),
  priority: z.int(),
  stackGroup: z.string().nullable(),
  stackable: z.boolean(),
  excludedGoods: ids,
  excludedCategories: ids,
  validDaysAfterClaim: z.int().nullable(),
  timeZone: z.string(),
  ruleArgs: z.record(z.string(), z.json()).nullable(),
  version: count,
  createdAtMs: ms,
});

const countsSchema: z.ZodType<TemplateCounts> = z.object({ usedCount: count, allocatedCount: count, updatedAtMs: ms });

/** Cache `template`: the terms of a template, by its id. */
export const templateTerms: ReadModel<TemplateId, TemplateTerms> = {
  name: 'template',
  keyOf: String,
  tables: [{ table: 'coupon_templates', keys: (row) => [columnOf(row, 'id')], ignores: TEMPLATE_COLUMNS_OF_COUNTS }],
  codec: jsonCodec({ version: 1, parse: (json) => termsSchema.parse(json), toJson: withTextForBigInts }),
  loader: (prisma) => async (keys) => {
    const rows = await prisma.couponTemplate.findMany({ where: { id: { in: keys.map(BigInt) } } });
    return inOrder(
      keys,
      rows,
      ({ usedCount: _used, allocatedCount: _allocated, updatedAtMs: _updated, ...terms }) => terms,
      templateRecordOf,
    );
  },
};

/** Cache `template-counts`. */
export const templateCounts: ReadModel<TemplateId, TemplateCounts> = {
  name: 'template-counts',
  keyOf: String,
  tables: [{ table: 'coupon_templates', keys: (row) => [columnOf(row, 'id')] }],
  codec: jsonCodec({ version: 1, parse: (json) => countsSchema.parse(json) }),
  loader: (prisma) => async (keys) => {
    const rows = await prisma.couponTemplate.findMany({ where: { id: { in: keys.map(BigInt) } } });
    return inOrder(
      keys,
      rows,
      ({ usedCount, allocatedCount, updatedAtMs }) => ({ usedCount, allocatedCount, updatedAtMs }),
      templateRecordOf,
    );
  },
};

/** Templates that are on sale or soon will be first, then those of which most coupons are in use. */
export async function hottestTemplates(prisma: PrismaClient, most: number): Promise<TemplateId[]> {
  const rows = await prisma.$queryRaw<{ id: bigint }[]>`
    SELECT t.id FROM coupon_templates t
    LEFT JOIN (SELECT coupon_id, MIN(start_time) AS start_time FROM flash_sale_activities WHERE status IN (1, 2) GROUP BY coupon_id) a
      ON a.coupon_id = t.id
    WHERE t.status = 1
    ORDER BY a.start_time IS NULL, a.start_time, t.used_count DESC, t.id DESC LIMIT ${most}`;
  return rows.map((row) => String(row.id) as TemplateId);
}
