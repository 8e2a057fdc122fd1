import { COUPON_UNLOCKED } from '@coupon/contracts';
import type { UnlockCouponRequest } from '@coupon/contracts';
import { USER_COUPON_STATUS } from '@coupon/domain';
import { eventFields, timeText } from './event-fields';
import type { NewEventId } from './event-fields';
import { readOrderCoupons } from './order-coupons';
import type { OrderCoupons } from './order-coupons';
import type { HeldCoupon, HeldCoupons, OrderCouponStore } from './ports';

export interface UnlockDeps {
  readonly store: OrderCouponStore;
  readonly newEventId: NewEventId;
}

/** Frees those of the coupons that the order has locked; about others it says and does nothing. @throws InvalidArgumentError */
export async function unlockCoupons(deps: UnlockDeps, request: UnlockCouponRequest): Promise<void> {
  const order = readOrderCoupons(request);
  const held = await deps.store.hold(order);
  await free(deps, order, held, locksOf(order, held), 'unlock');
}

/**
 * Frees those of the coupons whose lock has come to its end, and only these: a lock may have been made again meanwhile.
 * @returns how many
 */
export async function freeExpiredLocks(deps: UnlockDeps, order: OrderCoupons): Promise<number> {
  const held = await deps.store.hold(order);
  const expired = locksOf(order, held).filter(({ lockExpiresMs }) => (lockExpiresMs ?? 0) < held.nowMs);
  await free(deps, order, held, expired, 'lock_expired');
  return expired.length;
}

function locksOf({ orderSn }: OrderCoupons, { coupons }: HeldCoupons): HeldCoupon[] {
  return coupons.filter((coupon) => coupon.status === USER_COUPON_STATUS.locked && coupon.orderSn === orderSn);
}

async function free(
  { store, newEventId }: UnlockDeps,
  order: OrderCoupons,
  { nowMs }: HeldCoupons,
  coupons: readonly HeldCoupon[],
  reason: 'unlock' | 'lock_expired',
): Promise<void> {
  if (coupons.length === 0) return;
  await store.unlock(order, coupons, reason);
  const body = { ...eventFields(newEventId, order, coupons), unlocked_at: timeText(nowMs), reason };
  await store.append({ type: COUPON_UNLOCKED, body }, order.orderSn);
}
