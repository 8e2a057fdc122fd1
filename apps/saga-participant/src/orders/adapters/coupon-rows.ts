import type { OwnedCoupon } from '@coupon/discount';
import type { TemplateStatus, UserCouponStatus } from '@coupon/domain';
import { Prisma } from '@coupon/persistence';
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
    owned: true,
    id: String(row.id),
    sn: row.sn,
    templateId: String(row.templateId),
    status: Number(row.status) as UserCouponStatus,
    orderSn: row.orderSn,
    validStartMs: row.validStart.getTime(),
    validEndMs: row.validEnd.getTime(),
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
