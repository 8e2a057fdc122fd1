import { COUPON_REVERTED } from '@coupon/contracts';
import type { RevertCouponRequest } from '@coupon/contracts';
import { USER_COUPON_STATUS } from '@coupon/domain';
import { eventFields, timeText } from './event-fields';
import type { NewEventId } from './event-fields';
import { readOrderCoupons } from './order-coupons';
import type { OrderCouponStore } from './ports';

export interface RevertDeps {
  readonly store: OrderCouponStore;
  readonly newEventId: NewEventId;
}

/** Gives those of the coupons back that the order has used; about others it says and does nothing. @throws InvalidArgumentError */
export async function revertCoupons({ store, newEventId }: RevertDeps, request: RevertCouponRequest): Promise<void> {
  const order = readOrderCoupons(request);
  const { coupons, nowMs } = await store.hold(order);
  const used = coupons.filter(
    (coupon) => coupon.status === USER_COUPON_STATUS.used && coupon.orderSn === order.orderSn,
  );
  if (used.length === 0) return;
  await store.revert(order, used);
  await store.logReverts(order, used, nowMs);
  const body = { ...eventFields(newEventId, order, used), reverted_at: timeText(nowMs) };
  await store.append({ type: COUPON_REVERTED, body }, order.orderSn);
  await store.count(used, -1);
}
