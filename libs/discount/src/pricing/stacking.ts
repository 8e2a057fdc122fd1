import { TEMPLATE_TYPE } from '@coupon/domain';
import type { OwnedCoupon, StackingCode } from '../model';
import { compareIds } from './prepared';
import type { PreparedCoupon } from './prepared';

export type PairCode = Exclude<StackingCode, 'TOO_MANY_COUPONS'>;

/** Why two coupons may not be used together; the first of EXCLUSIVE_GROUP, NOT_STACKABLE. */
export function pairConflict(a: OwnedCoupon, b: OwnedCoupon): PairCode | undefined {
  if (a.terms.stackGroup !== null && a.terms.stackGroup === b.terms.stackGroup) return 'EXCLUSIVE_GROUP';
  return excludes(a, b) || excludes(b, a) ? 'NOT_STACKABLE' : undefined;
}

/**
 * A non-stackable shipping coupon excludes every other; a non-stackable goods coupon every goods coupon and every non-stackable
 * shipping coupon (which excludes it anyway).
 */
function excludes(a: OwnedCoupon, b: OwnedCoupon): boolean {
  return !a.terms.stackable && (isShipping(a) || !isShipping(b));
}

function isShipping(coupon: OwnedCoupon): boolean {
  return coupon.terms.type === TEMPLATE_TYPE.freeShipping;
}

/** The verdict on coupons that are to be used together: the first violated code with every coupon that takes part in a violation of it. */
export function stackingVerdict(
  coupons: readonly PreparedCoupon[],
  maxStackCount: number,
): { readonly code: StackingCode; readonly couponIds: readonly string[] } | undefined {
  if (coupons.length > maxStackCount) return { code: 'TOO_MANY_COUPONS', couponIds: sortedIds(coupons) };
  for (const code of ['EXCLUSIVE_GROUP', 'NOT_STACKABLE'] as const) {
    const involved = coupons.filter(({ coupon }) =>
      coupons.some((other) => other.coupon !== coupon && hasConflict(code, coupon, other.coupon)),
    );
    if (involved.length > 0) return { code, couponIds: sortedIds(involved) };
  }
  return undefined;
}

function hasConflict(code: PairCode, a: OwnedCoupon, b: OwnedCoupon): boolean {
  return pairConflict(a, b) === code;
}

function sortedIds(coupons: readonly PreparedCoupon[]): readonly string[] {
  return [...coupons].sort((a, b) => compareIds(a.idNumber, b.idNumber)).map(({ coupon }) => coupon.id);
}
