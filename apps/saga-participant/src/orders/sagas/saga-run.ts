import type { SagaKind } from '../order-transitions';

// What the table saga_runs holds of a saga: everything that is needed to submit it, whoever does so and whenever.

/** Amounts are minor units, ids decimals, both as text: the row keeps it as JSON. */
export interface SagaInput {
  readonly orderSn: string;
  readonly userId: string;
  readonly paymentSn: string;
  readonly originalMinor: string;
  readonly discountMinor: string;
  readonly finalMinor: string;
  readonly shippingFeeMinor: string;
  readonly coupons: readonly { readonly id: string; readonly discountMinor: string }[];
  /** Empty for sagas that need none. */
  readonly items: readonly SagaItem[];
  /** Of a refund: the provider's idempotency key, the same for every attempt at the same money. */
  readonly refundSn?: string;
  readonly reason?: string;
}

export interface SagaItem {
  readonly productId: string;
  readonly categoryId: string | null;
  readonly quantity: number;
  readonly priceMinor: string;
}

export interface SagaRun {
  readonly gid: string;
  readonly kind: SagaKind;
  readonly orderSn: string;
  readonly input: SagaInput;
}

/**
 * A saga is known by the order or by its payment; `attempt` above 1 for those that are repeated until they are through. It stands before the
 * first hyphen: users choose the numbers of orders, and one that ends in `-2` would be another order's second attempt.
 */
export function gidOf(
  kind: SagaKind,
  order: { readonly orderSn: string; readonly paymentSn: string },
  attempt = 1,
): string {
  const isOfOrder = kind === 'checkout' || kind === 'cancel';
  const what = attempt === 1 ? kind : `${kind}${attempt}`;
  return `${what}-${isOfOrder ? order.orderSn : order.paymentSn}`;
}
