import { COUPON_USED } from '@coupon/contracts';
import type { UseCouponRequest } from '@coupon/contracts';
import { InvalidArgumentError, MAX_AMOUNT_MINOR, USER_COUPON_STATUS } from '@coupon/domain';
import { eventCoupon, eventFields, timeText } from './event-fields';
import type { NewEventId } from './event-fields';
import { readOrderCoupons } from './order-coupons';
import type { HeldCoupon, OrderAmounts, OrderCouponStore, Use } from './ports';
import { refusal, whyNotUsable } from './refusals';

export interface UseDeps {
  readonly store: OrderCouponStore;
  readonly newEventId: NewEventId;
}

/**
 * Uses all coupons that the order has locked, or none; those it has used already stay so. Only status and order count, not the clock: a lock
 * that is past its end and still there is a lock.
 * @returns when the coupons were used, epoch milliseconds
 * @throws InvalidArgumentError; AppError NOT_OWNED, ALREADY_USED, LOCKED_BY_ANOTHER_ORDER, EXPIRED, CONFLICT when a coupon is not locked
 */
export async function useCoupons(deps: UseDeps, request: UseCouponRequest): Promise<number> {
  const { store, newEventId } = deps;
  const order = readOrderCoupons(request);
  const amounts: OrderAmounts = {
    originalMinor: readAmount(request.originalMinor, 'original_minor'),
    finalMinor: readAmount(request.finalMinor, 'final_minor'),
  };
  const shares = readShares(request, order.ids);
  const { coupons, nowMs } = await store.hold(order);
  const found = new Map(coupons.map((coupon) => [coupon.id, coupon]));
  const locked: HeldCoupon[] = [];
  let usedMs = 0;
  for (const id of order.ids) {
    const coupon = found.get(id);
    if (coupon === undefined) throw refusal('NOT_OWNED', id);
    const isOurs = coupon.orderSn === order.orderSn;
    if (isOurs && coupon.status === USER_COUPON_STATUS.locked) locked.push(coupon);
    else if (isOurs && coupon.status === USER_COUPON_STATUS.used) usedMs = Math.max(usedMs, coupon.usedMs ?? 0);
    else throw refusal(whyNotUsable(coupon), id, coupon);
  }
  if (locked.length === 0) return usedMs;
  const uses: Use[] = locked.map((coupon) => ({ coupon, discountMinor: shares.get(coupon.id) ?? 0n }));
  await store.use(order, locked, nowMs);
  await store.logUses(order, uses, amounts, nowMs);
  const body = {
    ...eventFields(newEventId, order, locked),
    coupons: uses.map((use) => ({ ...eventCoupon(use.coupon), discount_minor: String(use.discountMinor) })),
    used_at: timeText(nowMs),
    original_minor: String(amounts.originalMinor),
    final_minor: String(amounts.finalMinor),
  };
  await store.append({ type: COUPON_USED, body }, order.orderSn);
  await store.count(locked, 1);
  return nowMs;
}

function readShares({ couponShares }: UseCouponRequest, ids: readonly string[]): ReadonlyMap<string, bigint> {
  const shares = new Map<string, bigint>();
  couponShares.forEach(({ userCouponId, discountMinor }, index) => {
    const path = `coupon_shares[${index}]`;
    if (!ids.includes(userCouponId)) {
      throw InvalidArgumentError.of(`${path}.user_coupon_id`, 'is not among the coupons');
    }
    if (shares.has(userCouponId)) throw InvalidArgumentError.of(`${path}.user_coupon_id`, 'is in the list twice');
    shares.set(userCouponId, readAmount(discountMinor, `${path}.discount_minor`));
  });
  return shares;
}

function readAmount(text: string, field: string): bigint {
  if (!/^\d{1,18}$/.test(text) || BigInt(text) > MAX_AMOUNT_MINOR) {
    throw InvalidArgumentError.of(field, `must be minor units from 0 to ${MAX_AMOUNT_MINOR}`);
  }
  return BigInt(text);
}
