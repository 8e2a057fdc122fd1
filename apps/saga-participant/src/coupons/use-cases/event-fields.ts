import type { CouponEventCoupon } from '@coupon/contracts';
import type { OrderCoupons } from './order-coupons';
import type { HeldCoupon } from './ports';

/** A new id per event, at most 64 characters. */
export type NewEventId = () => string;

interface EventFields {
  readonly schema_version: 1;
  readonly event_id: string;
  readonly order_sn: string;
  readonly user_id: string;
  readonly coupons: readonly CouponEventCoupon[];
}

/** What the events of coupons have in common. */
export function eventFields(
  newEventId: NewEventId,
  { orderSn, userId }: Pick<OrderCoupons, 'orderSn' | 'userId'>,
  coupons: readonly HeldCoupon[],
): EventFields {
  return {
    schema_version: 1,
    event_id: newEventId(),
    order_sn: orderSn,
    user_id: userId,
    coupons: coupons.map(eventCoupon),
  };
}

export function eventCoupon({ id, couponSn, templateId }: HeldCoupon): CouponEventCoupon {
  return { user_coupon_id: id, coupon_sn: couponSn, template_id: templateId };
}

/** RFC 3339 UTC with milliseconds. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
