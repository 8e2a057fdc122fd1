import { AppError, InvalidArgumentError, parseId } from '@coupon/domain';
import type { UserCouponId, UserId } from '@coupon/domain';

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
const ORDER_SN = /^[A-Za-z0-9_-]{1,64}$/;
/** What DTM searches answers for; an order number ends in the gid of its sagas. */
const MAGIC_WORDS = /FAILURE|ONGOING/i;

/** @throws InvalidArgumentError; TOO_MANY_COUPONS */
export function readOrderCoupons(message: OrderCouponsMessage, mostCoupons = MOST_COUPONS): OrderCoupons {
  const { orderSn, userCouponId, userCouponIds } = message;
  if (!ORDER_SN.test(orderSn) || MAGIC_WORDS.test(orderSn)) {
    throw InvalidArgumentError.of(
      'order_sn',
      'must be 1 to 64 letters, digits, _ or -, without the words FAILURE and ONGOING',
    );
  }
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
