import { formatMoney, parseMoney } from '@coupon/domain';
import type { ShopTransaction } from '../../adapters/databases';
import type { PaymentNotification } from '../notification';
import type { Payment, PaymentStatus } from '../payment';

interface PaymentRow {
  readonly payment_sn: string;
  readonly order_sn: string;
  readonly user_id: bigint;
  readonly amount: string;
  readonly status: string;
  readonly provider_ref: string | null;
}

/** @returns false when the order or the number has a payment already. */
export async function insertPayment(tx: ShopTransaction, payment: Payment): Promise<boolean> {
  const { paymentSn, orderSn, userId, amountMinor, status } = payment;
  // IGNORE hides values that do not fit; all of them are bounded by patterns that are narrower than the columns.
  const inserted = await tx.$executeRaw`
    INSERT IGNORE INTO payments (payment_sn, order_sn, user_id, amount, status)
    VALUES (${paymentSn}, ${orderSn}, ${userId}, ${formatMoney(amountMinor)}, ${status})`;
  return inserted > 0;
}

/** The order's payment, locked until the end of the transaction. */
export async function lockPaymentOfOrder(tx: ShopTransaction, orderSn: string): Promise<Payment | undefined> {
  const rows = await tx.$queryRaw<PaymentRow[]>`
    SELECT payment_sn, order_sn, user_id, CAST(amount AS CHAR) AS amount, status, provider_ref
    FROM payments WHERE order_sn = ${orderSn} FOR UPDATE`;
  return toPayment(rows);
}

/**
 * The payment, locked until the end of the transaction, after its order: that is the order of locks everywhere in this database. The order's
 * row may be missing where a shop has an order service of its own.
 */
export async function lockOrderAndPayment(tx: ShopTransaction, paymentSn: string): Promise<Payment | undefined> {
  const [found] = await tx.$queryRaw<Pick<PaymentRow, 'order_sn'>[]>`
    SELECT order_sn FROM payments WHERE payment_sn = ${paymentSn}`;
  if (found === undefined) return undefined;
  await tx.$queryRaw`SELECT order_sn FROM orders WHERE order_sn = ${found.order_sn} FOR UPDATE`;
  const rows = await tx.$queryRaw<PaymentRow[]>`
    SELECT payment_sn, order_sn, user_id, CAST(amount AS CHAR) AS amount, status, provider_ref
    FROM payments WHERE payment_sn = ${paymentSn} FOR UPDATE`;
  return toPayment(rows);
}

/** Only while it is CREATED. */
export async function cancelPayment(tx: ShopTransaction, orderSn: string): Promise<void> {
  await tx.$executeRaw`UPDATE payments SET status = 'CANCELLED' WHERE order_sn = ${orderSn} AND status = 'CREATED'`;
}

export async function markCaptured(tx: ShopTransaction, paymentSn: string, providerRef: string): Promise<void> {
  await tx.$executeRaw`
    UPDATE payments SET status = 'CAPTURED', provider_ref = ${providerRef}, captured_at = CURRENT_TIMESTAMP(3)
    WHERE payment_sn = ${paymentSn}`;
}

export async function markPayment(
  tx: ShopTransaction,
  paymentSn: string,
  status: 'DECLINED' | 'REFUNDED',
): Promise<void> {
  await tx.$executeRaw`UPDATE payments SET status = ${status} WHERE payment_sn = ${paymentSn}`;
}

/** @returns false when the reference is known already. */
export async function insertNotification(tx: ShopTransaction, notification: PaymentNotification): Promise<boolean> {
  const inserted = await tx.$executeRaw`
    INSERT IGNORE INTO payment_notifications (provider_ref, payment_sn, status)
    VALUES (${notification.providerRef}, ${notification.paymentSn}, ${notification.status})`;
  return inserted > 0;
}

export async function readNotification(
  tx: ShopTransaction,
  providerRef: string,
): Promise<{ readonly paymentSn: string; readonly status: string } | undefined> {
  const [row] = await tx.$queryRaw<{ payment_sn: string; status: string }[]>`
    SELECT payment_sn, status FROM payment_notifications WHERE provider_ref = ${providerRef}`;
  return row === undefined ? undefined : { paymentSn: row.payment_sn, status: row.status };
}

function toPayment([row]: readonly PaymentRow[]): Payment | undefined {
  if (row === undefined) return undefined;
  return {
    paymentSn: row.payment_sn,
    orderSn: row.order_sn,
    userId: row.user_id.toString(),
    amountMinor: parseMoney(row.amount, 'amount'),
    // Written by this module alone.
    status: row.status as PaymentStatus,
    providerRef: row.provider_ref,
  };
}
