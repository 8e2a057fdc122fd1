import type { ShopTransaction } from '../adapters/databases';
import type { OrderStatus } from './order-transitions';

/**
 * Decides what becomes of an order, inside a transaction of the caller on database `shop`. The caller takes the order's row first and its
 * payment's row second, as the arbiter does; the payment already says what is reported here. Whatever saga follows is written in the same
 * transaction and driven after the commit without the caller's help.
 */
export interface OrderArbiter {
  /** The payment says CAPTURED. An order that is not there is no error: the payment was not made for one of these. */
  paymentCaptured(tx: ShopTransaction, orderSn: string): Promise<void>;
  /** The payment says DECLINED. */
  paymentDeclined(tx: ShopTransaction, orderSn: string): Promise<void>;
}

/** Orders for the other modules, in transactions of its own. */
export interface OrderDesk {
  /** Cancels the order if it still waits for its payment and the time is over, else does nothing. */
  paymentDue(orderSn: string): Promise<void>;
  /** Orders that are not there are missing in the answer. */
  statusOf(orderSns: readonly string[]): Promise<Map<string, OrderStatus>>;
  /** Looks for sagas that can be driven now, and not with the next poll. */
  driveSoon(): void;
}
