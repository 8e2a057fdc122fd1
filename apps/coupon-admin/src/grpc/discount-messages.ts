import { appliedText, refusalText } from '@coupon/discount';
import type { Locale, Quote, Refusal } from '@coupon/discount';
import type { CouponRefusal, DiscountResponse, OrderItem } from '@coupon/contracts';
import { InvalidArgumentError, formatMoney } from '@coupon/domain';

interface OrderMessage {
  readonly orderItems: readonly OrderItem[];
  readonly shippingFee: number;
  readonly shippingFeeMinor?: string | undefined;
}

/** The body that `parseOrder` reads. Category 0 is none; an exact amount wins over the double. */
export function orderBody({ orderItems, shippingFee, shippingFeeMinor }: OrderMessage): unknown {
  return {
    order_items: orderItems.map((item, index) => ({
      goods_id: item.goodsId,
      category_id: item.categoryId === '0' ? null : item.categoryId,
      quantity: item.quantity,
      price: amount(item.price, item.priceMinor, `order_items[${index}].price_minor`),
    })),
    shipping_fee: amount(shippingFee, shippingFeeMinor, 'shipping_fee_minor'),
  };
}

function amount(double: number, minor: string | undefined, field: string): number | string {
  if (minor === undefined) return double;
  if (minor.startsWith('-')) throw InvalidArgumentError.of(field, 'must not be negative');
  return formatMoney(BigInt(minor));
}

export function discountMessage(quote: Quote, locale: Locale): DiscountResponse {
  return {
    originalAmount: double(quote.originalMinor),
    discountAmount: double(quote.discountMinor),
    finalAmount: double(quote.finalMinor),
    couponDiscounts: quote.applied.map(({ id, sn, amountMinor, facts }) => ({
      couponId: id,
      discountAmount: double(amountMinor),
      discountReason: appliedText(facts, locale),
      discountMinor: String(amountMinor),
      couponSn: sn ?? '',
    })),
    originalMinor: String(quote.originalMinor),
    discountMinor: String(quote.discountMinor),
    finalMinor: String(quote.finalMinor),
    refused: quote.refused.map((refusal) => refusalMessage(refusal, locale)),
    optimal: quote.optimal,
  };
}

export function refusalMessage({ id, sn, reason }: Refusal, locale: Locale): CouponRefusal {
  return { couponId: id ?? '0', code: reason.code, message: refusalText(reason, locale), couponSn: sn ?? '' };
}

/** The double nearest to the amount, for clients of the reference; the integer fields are exact. */
function double(minor: bigint): number {
  return Number(formatMoney(minor));
}
