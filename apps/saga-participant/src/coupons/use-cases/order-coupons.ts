import { AppError, InvalidArgumentError, parseId } from '@coupon/domain';
import type { UserCouponId, UserId } from '@coupon/domain';
import { parseOrderSn } from '../../serial-number';

/** The coupons of one order: what every request of the coupon branches says. */
export interface OrderCoupons {
  /** Owner of the locks. */
  readonly orderSn: string;
  readonly userId: UserId;
  /** At least one, each once, ascending. */
  readonly ids: readonly UserCouponId[];
}

/** The part that the messages share; 0 is an absent id. */
export interface OrderCouponsMessage {
  readonly orderSn: string;
  readonly userId: string;
  readonly userCouponId: string;
  readonly userCouponIds: readonly string[];
}

/** Most coupons per order that any configuration allows. */
const MOST_COUPONS = 5;

/** @throws InvalidArgumentError; TOO_MANY_COUPONS */
export function readOrderCoupons(message: OrderCouponsMessage, mostCoupons = MOST_COUPONS): OrderCoupons {
  const { userCouponId, userCouponIds } = message;
  const orderSn = parseOrderSn(message.orderSn);
  const userId = parseId<'user'>(message.userId, 'user_id');
  const named = userCouponIds.map((id, index) => parseId<'user-coupon'>(id, `user_coupon_ids[${index}]`));
  if (userCouponId !== '0') named.push(parseId<'user-coupon'>(userCouponId, 'user_coupon_id'));
  const ids = [...new Set(named)].sort(ascending);
  if (ids.length === 0) throw InvalidArgumentError.of('user_coupon_ids', 'must name a coupon');
  if (ids.length > mostCoupons) {
    throw new AppError('TOO_MANY_COUPONS', `at most ${mostCoupons} coupons per order`, {
      details: { max_stack_count: mostCoupons },
    });
  }
  return { orderSn, userId, ids };
}

/** Ids are decimal texts without leading zeros. */
function ascending(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : 1);
}
