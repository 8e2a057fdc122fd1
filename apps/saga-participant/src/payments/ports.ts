import type { ShopTransaction } from '../adapters/databases';

/** Decides what a payment means for its order; called in the transaction that holds the order's row and has changed the payment's. */
export interface PaymentArbiter {
  /** The payment is CAPTURED, in time or late. */
  paymentCaptured(tx: ShopTransaction, orderSn: string): Promise<void>;
  /** The payment is DECLINED. */
  paymentDeclined(tx: ShopTransaction, orderSn: string): Promise<void>;
}

export interface RefundOrder {
  /** 1 to 96 characters; the idempotency key. */
  readonly refundSn: string;
  readonly paymentSn: string;
  readonly orderSn: string;
  /** The capture that is given back, as the provider calls it. */
  readonly providerRef: string;
  readonly amountMinor: bigint;
  /** A code such as USER_REFUND or DUPLICATE_CAPTURE. */
  readonly reason: string;
}

/**
 * Whoever holds the customers' money. The reference provider is a table of the same database. A real one is an HTTP client behind this
 * interface: `POST <provider>/refunds` with `Idempotency-Key: <refundSn>`, an answer within 2 seconds (DTM gives up a branch after 3), and
 * the row in `refunds` as the reference provider writes it.
 */
export interface PaymentProvider {
  /**
   * Gives a capture back; resolves when the provider has taken the order on. Called in a transaction that may still roll back and be
   * repeated, so a repetition of `refundSn` with the same content is a success without a second refund; with other content it throws CONFLICT.
   * Whatever else it throws rolls back: the saga or the payment provider's notification comes again.
   */
  refund(tx: ShopTransaction, order: RefundOrder): Promise<void>;
}
