import type { OwnedCoupon } from '@coupon/discount';
import type { TemplateId, TemplateStatus, UserCouponStatus } from '@coupon/domain';
import { Prisma } from '@coupon/persistence';
import type { Reads, TemplateTerms } from '@coupon/read-models';
import type { CouponTransaction } from '../../adapters/databases';
import { minorOf, parseJson } from './sql';

/** The coupons of one user among those named, with the terms of their templates. */
export async function readCoupons(
  db: CouponTransaction,
  userId: string,
  named: { readonly by: 'sns' | 'ids'; readonly names: readonly string[] },
): Promise<OwnedCoupon[]> {
  if (named.names.length === 0) return [];
  const which =
    named.by === 'sns'
      ? Prisma.sql`uc.coupon_sn IN (${Prisma.join([...named.names])})`
      : Prisma.sql`uc.id IN (${Prisma.join(named.names.map(BigInt))})`;
  const rows = await db.$queryRaw<CouponRow[]>`
    SELECT uc.id, uc.coupon_sn AS sn, uc.coupon_id AS templateId, uc.status, uc.order_sn AS orderSn,
      uc.valid_start_time AS validStart, uc.valid_end_time AS validEnd, t.status AS templateStatus, t.type,
      t.discount_type AS discountType, CAST(t.discount_value AS CHAR) AS discountValue,
      CAST(t.min_amount AS CHAR) AS minAmount, CAST(t.max_discount AS CHAR) AS maxDiscount, t.rule_args AS ruleArgs,
      t.applicable_goods AS goods, t.applicable_categories AS categories, t.excluded_goods AS excludedGoods,
      t.excluded_categories AS excludedCategories, t.priority, t.stack_group AS stackGroup, t.stackable
    FROM user_coupons uc JOIN coupon_templates t ON t.id = uc.coupon_id
    WHERE ${which} AND uc.user_id = ${BigInt(userId)}`;
  return rows.map(couponOf);
}

/**
 * The same by serial number, for a quote: the coupons' rows as they are, the terms of their templates as they were announced. The order branch
 * reads both rows again before anything is taken off.
 * @param onStale called when terms are the last ones known, because the database could not be read; the coupons' rows never are
 */
export async function readCouponsNow(
  db: CouponTransaction,
  templates: Pick<Reads<TemplateId, TemplateTerms>, 'getMany'>,
  userId: string,
  sns: readonly string[],
  onStale?: () => void,
): Promise<OwnedCoupon[]> {
  if (sns.length === 0) return [];
  const rows = await db.$queryRaw<StateRow[]>`
    SELECT id, coupon_sn AS sn, coupon_id AS templateId, status, order_sn AS orderSn, valid_start_time AS validStart,
      valid_end_time AS validEnd
    FROM user_coupons WHERE coupon_sn IN (${Prisma.join([...sns])}) AND user_id = ${BigInt(userId)}`;
  const ids = [...new Set(rows.map(({ templateId }) => String(templateId) as TemplateId))];
  const found = await templates.getMany(ids, onStale);
  const terms = new Map(ids.map((id, index) => [id as string, found[index] ?? null]));
  const coupons = rows.flatMap((row) => {
    const template = terms.get(String(row.templateId)) ?? null;
    return template === null ? [] : [{ ...stateOf(row), templateStatus: template.status, terms: termsOf(template) }];
  });
  // A foreign key holds the template: that it is missing was true before this coupon was.
  return coupons.length === rows.length ? coupons : readCoupons(db, userId, { by: 'sns', names: sns });
}

type StateRow = Pick<CouponRow, 'id' | 'sn' | 'templateId' | 'status' | 'orderSn' | 'validStart' | 'validEnd'>;

function stateOf(row: StateRow): Omit<OwnedCoupon, 'templateStatus' | 'terms'> {
  return {
    owned: true,
    id: String(row.id),
    sn: row.sn,
    templateId: String(row.templateId),
    status: Number(row.status) as UserCouponStatus,
    orderSn: row.orderSn,
    validStartMs: row.validStart.getTime(),
    validEndMs: row.validEnd.getTime(),
  };
}

function termsOf(template: TemplateTerms): OwnedCoupon['terms'] {
  return {
    type: template.type,
    discountType: template.discountType,
    discountValueMinor: template.discountValueMinor,
    minAmountMinor: template.minAmountMinor,
    maxDiscountMinor: template.maxDiscountMinor,
    ruleArgs: template.ruleArgs,
    applicableGoods: template.applicableGoods,
    applicableCategories: template.applicableCategories,
    excludedGoods: template.excludedGoods ?? [],
    excludedCategories: template.excludedCategories ?? [],
    priority: template.priority,
    stackGroup: template.stackGroup,
    stackable: template.stackable,
  };
}

interface CouponRow {
  readonly id: bigint;
  readonly sn: string;
  readonly templateId: bigint;
  readonly status: number;
  readonly orderSn: string | null;
  readonly validStart: Date;
  readonly validEnd: Date;
  readonly templateStatus: number;
  readonly type: number;
  readonly discountType: number;
  readonly discountValue: string;
  readonly minAmount: string;
  readonly maxDiscount: string | null;
  readonly ruleArgs: unknown;
  readonly goods: string | null;
  readonly categories: string | null;
  readonly excludedGoods: string | null;
  readonly excludedCategories: string | null;
  readonly priority: number;
  readonly stackGroup: string | null;
  readonly stackable: number | boolean;
}

function couponOf(row: CouponRow): OwnedCoupon {
  return {
    ...stateOf(row),
    templateStatus: Number(row.templateStatus) as TemplateStatus,
    terms: {
      type: Number(row.type),
      discountType: Number(row.discountType),
      discountValueMinor: minorOf(row.discountValue),
      minAmountMinor: minorOf(row.minAmount),
      maxDiscountMinor: row.maxDiscount === null ? null : minorOf(row.maxDiscount),
      ruleArgs: row.ruleArgs === null ? null : parseJson(row.ruleArgs),
      applicableGoods: idsOf(row.goods),
      applicableCategories: idsOf(row.categories),
      excludedGoods: idsOf(row.excludedGoods) ?? [],
      excludedCategories: idsOf(row.excludedCategories) ?? [],
      priority: Number(row.priority),
      stackGroup: row.stackGroup,
      stackable: Number(row.stackable) !== 0,
    },
  };
}

/** A list written by somebody else may hold numbers. */
function idsOf(text: string | null): string[] | null {
  if (text === null) return null;
  const list = JSON.parse(text) as unknown;
  return Array.isArray(list) ? list.map(String) : null;
}
