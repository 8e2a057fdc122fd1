import { allocationOf, calculate, refusalDetails, refusalText, stackingText } from '@coupon/discount';
import type {
  Calculation,
  CalculationRequest,
  Candidate,
  Locale,
  Order,
  OwnedCoupon,
  Quote,
  Refusal,
  StackingRefusal,
} from '@coupon/discount';
import { AppError, InvalidArgumentError, formatMoney } from '@coupon/domain';
import type { ErrorCode } from '@coupon/domain';
import type { PricedProduct } from './adapters/product-rows';
import type { OrderAmounts, OrderCoupon, OrderItemRow } from './order';

// The price of an order: products at the catalogue's prices, coupons in mode given. Pure; `CheckoutRequest` names what the messages name.

export interface RequestedItem {
  readonly goodsId: string;
  /** undefined: whatever the catalogue says; else it has to be what the catalogue says. */
  readonly categoryId: string | undefined;
  readonly quantity: number;
  readonly priceMinor: bigint | undefined;
}

export interface CheckoutRequest {
  readonly orderSn: string;
  readonly userId: string;
  readonly couponSns: readonly string[];
  readonly items: readonly RequestedItem[];
  readonly shippingFeeMinor: bigint;
}

export interface QuoteContext {
  readonly products: ReadonlyMap<string, PricedProduct>;
  /** Those of the named ones that are the user's. */
  readonly coupons: readonly OwnedCoupon[];
  readonly nowMs: number;
  readonly maxStackCount: number;
  readonly locale: Locale;
}

export interface PricedOrder extends OrderAmounts {
  readonly items: readonly OrderItemRow[];
  /** Applied ones in order of application, then those without effect. */
  readonly coupons: readonly OrderCoupon[];
}

/**
 * @throws AppError NOT_FOUND for a product, CONFLICT for a price or category that is not the product's, the calculator's code for a coupon;
 * each names its field
 */
export function quoteOrder(request: CheckoutRequest, context: QuoteContext): PricedOrder {
  const lines = request.items.map((item, index) => lineOf(item, index, context.products));
  const order = { lines, shippingFeeMinor: request.shippingFeeMinor };
  const calculation = calculateAs({
    order,
    coupons: candidatesOf(request.couponSns, context.coupons),
    mode: 'given',
    nowMs: context.nowMs,
    orderSn: request.orderSn,
    maxStackCount: context.maxStackCount,
  });
  if (calculation.outcome === 'refused') throw stackingError(calculation, request, context);
  const refused = calculation.refused.filter(({ reason }) => reason.code !== 'NO_EFFECT');
  if (refused.length > 0) throw refusalError(refused, request, context.locale);
  return pricedOrder(order, calculation);
}

function lineOf(
  { goodsId, categoryId, quantity, priceMinor }: RequestedItem,
  index: number,
  products: QuoteContext['products'],
): { goodsId: string; categoryId: string | null; quantity: number; priceMinor: bigint } {
  const product = products.get(goodsId);
  const path = `items[${index}]`;
  if (product === undefined) {
    throw new AppError('NOT_FOUND', `${path}.goods_id: there is no such product`, {
      details: { field: `${path}.goods_id` },
    });
  }
  if (priceMinor !== undefined && priceMinor !== product.priceMinor) {
    const price = formatMoney(product.priceMinor);
    throw new AppError('CONFLICT', `${path}.price: the price is ${price}`, {
      details: { field: `${path}.price`, price },
    });
  }
  if (categoryId !== undefined && categoryId !== product.categoryId) {
    throw new AppError('CONFLICT', `${path}.category_id: is not the category of the product`, {
      details: { field: `${path}.category_id`, category_id: product.categoryId },
    });
  }
  return { goodsId, categoryId: product.categoryId, quantity, priceMinor: product.priceMinor };
}

function candidatesOf(sns: readonly string[], owned: readonly OwnedCoupon[]): Candidate[] {
  return sns.map((sn) => owned.find((one) => one.sn === sn) ?? { owned: false, id: null, sn });
}

/** The calculator's own violations, by the names of this request. */
function calculateAs(input: CalculationRequest): Calculation {
  try {
    return calculate(input);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(
      error.violations.map(({ field, message }) => ({
        field: field.replace(/^order_items/, 'items').replace(/^coupons/, 'coupon_sns'),
        message,
      })),
    );
  }
}

function refusalError(refused: readonly Refusal[], { couponSns }: CheckoutRequest, locale: Locale): AppError {
  const byPosition = refused
    .map((refusal) => ({ refusal, index: couponSns.indexOf(refusal.sn ?? '') }))
    .sort((a, b) => a.index - b.index);
  const views = byPosition.map(({ refusal, index }) => ({
    field: `coupon_sns[${index}]`,
    coupon_sn: refusal.sn,
    code: refusal.reason.code,
    message: refusalText(refusal.reason, locale),
    ...refusalDetails(refusal.reason),
  }));
  const [first] = views;
  if (first === undefined) throw new Error('nothing was refused');
  const { code, message, ...details } = first;
  // In mode given nothing is left out for being not in the best.
  return new AppError(code as ErrorCode, `${first.field}: ${message}`, { details: { ...details, refused: views } });
}

function stackingError(
  refusal: StackingRefusal,
  { couponSns }: CheckoutRequest,
  { coupons, locale }: QuoteContext,
): AppError {
  const sns = new Set(coupons.filter(({ id }) => refusal.couponIds.includes(id)).map(({ sn }) => sn));
  const fields = couponSns.flatMap((sn, index) => (sns.has(sn) ? [`coupon_sns[${index}]`] : []));
  return new AppError(refusal.code, `${fields.join(', ')}: ${stackingText(refusal, locale)}`, {
    details: { field: fields[0] ?? 'coupon_sns', fields },
  });
}

function pricedOrder(order: Order, quote: Quote): PricedOrder {
  const allocation = allocationOf(order, quote);
  const items = order.lines.map(({ goodsId, categoryId, quantity, priceMinor }, index): OrderItemRow => {
    const unitDiscounts = allocation.lines[index]?.discounts ?? [];
    const discountMinor = unitDiscounts.reduce((sum, { count, amountMinor }) => sum + BigInt(count) * amountMinor, 0n);
    return { productId: goodsId, categoryId, quantity, priceMinor, discountMinor, unitDiscounts };
  });
  const coupons = [
    ...quote.applied.map(({ amountMinor, ...coupon }) => couponOf(coupon, amountMinor, 'APPLIED')),
    ...quote.refused.map((coupon) => couponOf(coupon, 0n, 'NO_EFFECT')),
  ];
  return {
    items,
    coupons,
    shippingFeeMinor: order.shippingFeeMinor,
    shippingDiscountMinor: quote.shippingDiscountMinor,
    originalMinor: quote.originalMinor,
    discountMinor: quote.discountMinor,
    finalMinor: quote.finalMinor,
  };
}

function couponOf(
  {
    id,
    sn,
    templateId,
  }: { readonly id: string | null; readonly sn: string | null; readonly templateId: string | null },
  discountMinor: bigint,
  code: OrderCoupon['code'],
): OrderCoupon {
  return { userCouponId: id ?? '', couponSn: sn ?? '', templateId, discountMinor, code };
}
