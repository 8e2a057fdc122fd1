import type { Minor } from '../arithmetic/minor';
import type { OwnedCoupon } from '../model';
import type { AmountOf } from '../rules/rule';

/** The amounts of an order as the calculator works with them. */
export interface Cart {
  readonly prices: readonly Minor[];
  readonly quantities: readonly number[];
  readonly lineTotals: readonly Minor[];
  readonly goodsTotal: Minor;
  readonly shippingFee: Minor;
}

/** A coupon that may be used for the order, as far as it alone is concerned. */
export interface PreparedCoupon {
  readonly coupon: OwnedCoupon;
  readonly idNumber: bigint;
  readonly takesFrom: 'goods' | 'shipping';
  /** Applicable lines, ascending. */
  readonly lines: readonly number[];
  readonly amountOf: AmountOf;
  readonly readsLines: boolean;
}

/** Ascending by integer value. */
export function compareIds(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Order of application: (priority, type, id) ascending. */
export function compareApplication(a: PreparedCoupon, b: PreparedCoupon): number {
  return (
    a.coupon.terms.priority - b.coupon.terms.priority ||
    a.coupon.terms.type - b.coupon.terms.type ||
    compareIds(a.idNumber, b.idNumber)
  );
}
