import type { OwnedCoupon } from '@coupon/discount';
import { AppError, InvalidArgumentError, USER_COUPON_STATUS, parseId } from '@coupon/domain';
import type { OrderDiscountRequest } from '@coupon/contracts';
import type { Clock } from '@coupon/service-kit';
import type { CouponDatabase, ShopTransaction } from '../../adapters/databases';
import { readCoupons } from '../adapters/coupon-rows';
import { readProducts } from '../adapters/product-rows';
import { parseOrderSn } from '../../serial-number';
import { quoteOrder } from '../quote';
import type { CheckoutRequest, PricedOrder } from '../quote';

export interface ConfirmDiscountDeps {
  readonly coupons: CouponDatabase;
  readonly clock: Clock;
  readonly maxStackCount: number;
}

/** Why a quote no longer holds: a code of the calculator, or one of these. */
export const PRICE_CHANGED = 'PRICE_CHANGED';
export const COUPON_NOT_LOCKED = 'COUPON_NOT_LOCKED';

export type Confirmation =
  | { readonly kind: 'confirmed'; readonly priced: PricedOrder }
  /** `cause` names the field of a request that makes no sense. */
  | { readonly kind: 'refused'; readonly code: string; readonly cause?: InvalidArgumentError };

/**
 * Prices an order again with what the databases say now, and compares it with the quote in the request. Nothing is written.
 * @param isLocked the coupons have to be locked for this order
 */
export async function confirmDiscount(
  deps: ConfirmDiscountDeps,
  shop: ShopTransaction,
  message: OrderDiscountRequest,
  { isLocked }: { readonly isLocked: boolean },
): Promise<Confirmation> {
  const invalid = violationOf(message);
  if (invalid !== undefined) return { kind: 'refused', code: invalid.code, cause: invalid };
  const { userId, orderSn, userCouponIds, orderItems } = message;
  const [products, coupons] = await Promise.all([
    readProducts(
      shop,
      orderItems.map(({ goodsId }) => goodsId),
    ),
    readCoupons(deps.coupons.client, userId, { by: 'ids', names: userCouponIds }),
  ]);
  if (coupons.length < userCouponIds.length) return { kind: 'refused', code: 'NOT_OWNED' };
  const reason = isLocked ? unlockedReason(coupons, orderSn) : undefined;
  if (reason !== undefined) return { kind: 'refused', code: reason };
  const priced = priceAgain(deps, message, { products, coupons });
  if (typeof priced === 'string') return { kind: 'refused', code: priced };
  const isSame =
    String(priced.discountMinor) === message.discountMinor && String(priced.finalMinor) === message.finalMinor;
  return isSame ? { kind: 'confirmed', priced } : { kind: 'refused', code: PRICE_CHANGED };
}

/** What the reading cannot do without; the calculator sees to the rest. Over HTTP every field may be any text. */
function checkRequest(message: OrderDiscountRequest): void {
  parseOrderSn(message.orderSn);
  parseId<'user'>(message.userId, 'user_id');
  if (message.orderItems.length === 0) throw InvalidArgumentError.of('order_items', 'must not be empty');
  message.orderItems.forEach(({ goodsId, priceMinor }, index) => {
    parseId<'goods'>(goodsId, `order_items[${index}].goods_id`);
    if (priceMinor !== undefined) checkMinor(priceMinor, `order_items[${index}].price_minor`);
  });
  message.userCouponIds.forEach((id, index, ids) => {
    const field = `user_coupon_ids[${index}]`;
    parseId<'user-coupon'>(id, field);
    if (ids.indexOf(id) < index) throw InvalidArgumentError.of(field, 'is in the list twice');
  });
  checkMinor(message.shippingFeeMinor, 'shipping_fee_minor');
}

function violationOf(message: OrderDiscountRequest): InvalidArgumentError | undefined {
  try {
    checkRequest(message);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error;
    throw error;
  }
}

function checkMinor(text: string, field: string): void {
  if (!/^\d{1,18}$/.test(text)) throw InvalidArgumentError.of(field, 'must be an amount in minor units of at least 0');
}

function unlockedReason(coupons: readonly OwnedCoupon[], orderSn: string): string | undefined {
  const isOwn = (one: OwnedCoupon): boolean => one.status === USER_COUPON_STATUS.locked && one.orderSn === orderSn;
  return coupons.every(isOwn) ? undefined : COUPON_NOT_LOCKED;
}

function priceAgain(
  { clock, maxStackCount }: ConfirmDiscountDeps,
  message: OrderDiscountRequest,
  found: Pick<Parameters<typeof quoteOrder>[1], 'products' | 'coupons'>,
): PricedOrder | string {
  try {
    return quoteOrder(requestOf(message, found.coupons), {
      ...found,
      nowMs: clock.nowMs(),
      maxStackCount,
      locale: 'en',
    });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // A product with another price, in another category, or none any more.
    const isOfProduct = error.code === 'CONFLICT' || error.code === 'NOT_FOUND';
    return isOfProduct ? PRICE_CHANGED : error.code;
  }
}

function requestOf(message: OrderDiscountRequest, coupons: readonly OwnedCoupon[]): CheckoutRequest {
  return {
    orderSn: message.orderSn,
    userId: message.userId,
    couponSns: coupons.map(({ sn }) => sn ?? ''),
    items: message.orderItems.map(({ goodsId, quantity, priceMinor }) => ({
      goodsId,
      // The catalogue's: when it has changed, what follows from it counts.
      categoryId: undefined,
      quantity,
      priceMinor: priceMinor === undefined ? undefined : BigInt(priceMinor),
    })),
    shippingFeeMinor: BigInt(message.shippingFeeMinor),
  };
}
