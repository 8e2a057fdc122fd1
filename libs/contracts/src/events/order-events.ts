/**
 * Bodies of the events of an order, as they travel through the outbox of database `shop` and RabbitMQ. Ids and amounts are decimal strings
 * (amounts with two digits: "12.30"), times RFC 3339 UTC with milliseconds. Fields this version does not know are allowed.
 */
export interface OrderEventBody {
  readonly schema_version: 1;
  readonly event_id: string;
  readonly order_sn: string;
  readonly user_id: string;
  readonly payment_sn: string;
  readonly original_amount: string;
  readonly discount_amount: string;
  readonly final_amount: string;
  /** Of an order that waits for its payment. */
  readonly payment_deadline?: string | undefined;
  /** Why it was cancelled or refunded. */
  readonly reason_code?: string | undefined;
  /** When it happened. */
  readonly at: string;
}

/** The order waits for its payment, or has nothing to pay. */
export const ORDER_CREATED = 'order.created.v1';
export const ORDER_PAID = 'order.paid.v1';
export const ORDER_CANCELLED = 'order.cancelled.v1';
export const ORDER_REFUNDED = 'order.refunded.v1';
/** The message of `order.created.v1` once more, after the time to pay: the broker dead-letters it under this key. Its header `event_type` stays. */
export const ORDER_PAYMENT_TIMEOUT = 'order.payment_timeout.v1';

export const ORDER_EVENT_TYPES = [
  ORDER_CREATED,
  ORDER_PAID,
  ORDER_CANCELLED,
  ORDER_REFUNDED,
  ORDER_PAYMENT_TIMEOUT,
] as const;
export type OrderEventType = (typeof ORDER_EVENT_TYPES)[number];
