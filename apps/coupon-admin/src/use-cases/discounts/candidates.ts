import type { Candidate, OwnedCoupon } from '@coupon/discount';
import { InvalidArgumentError } from '@coupon/domain';
import type { UserId } from '@coupon/domain';
import type { AdminDatabase, CouponWithTemplate } from '../ports';

/** The coupons a caller names: by serial number or by user coupon id. */
export type Named = { readonly by: 'sns' | 'ids'; readonly names: readonly string[] };

const FIELD = { sns: 'coupon_sns', ids: 'coupon_ids' } as const;

/**
 * Every coupon named, as it is in the database now. One that is unknown or somebody else's is told apart from neither.
 * @throws InvalidArgumentError when one is named twice.
 */
export async function namedCandidates(database: AdminDatabase, userId: UserId, named: Named): Promise<Candidate[]> {
  const { by, names } = named;
  names.forEach((name, index) => {
    if (names.indexOf(name) < index) throw InvalidArgumentError.of(`${FIELD[by]}[${index}]`, 'is in the list twice');
  });
  if (names.length === 0) return [];
  const rows = await database.coupons.findForDiscount(userId, by === 'sns' ? { by, sns: names } : { by, ids: names });
  const found = new Map(rows.map((row) => [by === 'sns' ? row.coupon.couponSn : row.coupon.id, row]));
  return names.map((name) => {
    const row = found.get(name);
    if (row !== undefined) return ownedCoupon(row);
    return by === 'sns' ? { owned: false, id: null, sn: name } : { owned: false, id: name, sn: null };
  });
}

export function ownedCoupon({ coupon, template }: CouponWithTemplate): OwnedCoupon {
  return {
    owned: true,
    id: coupon.id,
    sn: coupon.couponSn,
    templateId: template.id,
    status: coupon.status,
    orderSn: coupon.orderSn,
    validStartMs: coupon.validStartMs,
    validEndMs: coupon.validEndMs,
    templateStatus: template.status,
    terms: {
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
    },
  };
}
