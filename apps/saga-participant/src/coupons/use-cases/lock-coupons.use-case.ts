import { COUPON_LOCKED } from '@coupon/contracts';
import type { LockCouponRequest } from '@coupon/contracts';
import { InvalidArgumentError, USER_COUPON_STATUS } from '@coupon/domain';
import { eventFields, timeText } from './event-fields';
import type { NewEventId } from './event-fields';
import { readOrderCoupons } from './order-coupons';
import type { HeldCoupon, OrderCouponStore } from './ports';
import { refusal, whyNotLockable } from './refusals';

export interface LockDeps {
  readonly store: OrderCouponStore;
  readonly newEventId: NewEventId;
  readonly mostCoupons: number;
  /** For requests without a time of their own. */
  readonly lockTtlMs: number;
}

/** Whatever is longer is a mistake of units. */
const LONGEST_LOCK_S = 30 * 86_400;

/**
 * Locks all coupons for the order, or none. Those that the order has locked already stay so, with the later of the two ends.
 * @throws InvalidArgumentError; AppError TOO_MANY_COUPONS, NOT_OWNED, TEMPLATE_DISABLED, ALREADY_USED, LOCKED_BY_ANOTHER_ORDER,
 * NOT_YET_VALID, EXPIRED
 */
export async function lockCoupons(deps: LockDeps, request: LockCouponRequest): Promise<void> {
  const order = readOrderCoupons(request, deps.mostCoupons);
  const ttlMs = lockMs(request.lockTimeout) ?? deps.lockTtlMs;
  const { coupons, nowMs } = await deps.store.hold(order);
  const found = new Map(coupons.map((coupon) => [coupon.id, coupon]));
  const fresh: HeldCoupon[] = [];
  const ending: HeldCoupon[] = [];
  const expiresMs = nowMs + ttlMs;
  for (const id of order.ids) {
    const coupon = found.get(id);
    if (coupon === undefined) throw refusal('NOT_OWNED', id);
    if (coupon.status === USER_COUPON_STATUS.locked && coupon.orderSn === order.orderSn) {
      if ((coupon.lockExpiresMs ?? 0) < expiresMs) ending.push(coupon);
      continue;
    }
    const reason = whyNotLockable(coupon, nowMs);
    if (reason !== undefined) throw refusal(reason, id, reason === 'NOT_OWNED' ? undefined : coupon);
    fresh.push(coupon);
  }
  if (ending.length > 0) await deps.store.extend(order, ending, expiresMs);
  if (fresh.length === 0) return;
  await deps.store.lock(order, fresh, expiresMs);
  const body = {
    ...eventFields(deps.newEventId, order, fresh),
    locked_at: timeText(nowMs),
    lock_expires_at: timeText(expiresMs),
  };
  await deps.store.append({ type: COUPON_LOCKED, body }, order.orderSn);
}

function lockMs(seconds: number): number | undefined {
  if (seconds === 0) return undefined;
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > LONGEST_LOCK_S) {
    throw InvalidArgumentError.of('lock_timeout', `must be a whole number of seconds up to ${LONGEST_LOCK_S}`);
  }
  return seconds * 1_000;
}
