import type { OrderFacts, OrderStatus } from './order-transitions';

/** A coupon the order came with. APPLIED takes something off; NO_EFFECT would have taken nothing and is left out: it is not locked. */
export interface OrderCoupon {
  readonly userCouponId: string;
  readonly couponSn: string;
  readonly templateId: string | null;
  readonly discountMinor: bigint;
  readonly code: 'APPLIED' | 'NO_EFFECT';
}

export interface OrderItemRow {
  readonly productId: string;
  readonly categoryId: string | null;
  readonly quantity: number;
  readonly priceMinor: bigint;
  readonly discountMinor: bigint;
  /** In unit order, covering all units of the line. */
  readonly unitDiscounts: readonly { readonly count: number; readonly amountMinor: bigint }[];
}

export interface OrderAmounts {
  readonly shippingFeeMinor: bigint;
  readonly shippingDiscountMinor: bigint;
  readonly originalMinor: bigint;
  readonly discountMinor: bigint;
  readonly finalMinor: bigint;
}

/** An order as it is stored. */
export interface Order extends OrderAmounts {
  readonly orderSn: string;
  readonly userId: string;
  readonly status: OrderStatus;
  readonly reasonCode: string | null;
  readonly requestHash: string;
  readonly paymentSn: string;
  readonly coupons: readonly OrderCoupon[];
  readonly paymentDeadline: Date | null;
  readonly createdAt: Date;
  readonly paidAt: Date | null;
  readonly closedAt: Date | null;
  readonly version: number;
}

/** An order that is just being made. */
export type NewOrder = Omit<
  Order,
  'status' | 'reasonCode' | 'paymentDeadline' | 'createdAt' | 'paidAt' | 'closedAt' | 'version'
>;

/** The same under the lock of its row, with what its payment says and the database's time. */
export interface LockedOrder extends Order {
  readonly facts: OrderFacts;
  readonly now: Date;
}

export function appliedCoupons(
  order: Pick<Order, 'coupons'>,
): { readonly id: string; readonly discountMinor: string }[] {
  return order.coupons
    .filter(({ code }) => code === 'APPLIED')
    .map(({ userCouponId, discountMinor }) => ({ id: userCouponId, discountMinor: String(discountMinor) }));
}
