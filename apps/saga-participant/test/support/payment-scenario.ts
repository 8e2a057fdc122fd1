import { createHmac } from 'node:crypto';
import type { MysqlDatabase } from '@coupon/testing';
import type { ShopTransaction } from '../../src/adapters/databases';
import type { PaymentArbiter } from '../../src/payments/ports';
import { WEBHOOK_SECRET } from './service-under-test';

/** The arbiter's rules on payments, without its sagas; its decisions are rows of the same transaction. */
export class ArbiterDouble implements PaymentArbiter {
  /** Thrown by the next calls. */
  failure: Error | undefined;

  async paymentCaptured(tx: ShopTransaction, orderSn: string): Promise<void> {
    await this.decide(tx, orderSn, 'captured', (status) =>
      status === 'AWAITING_PAYMENT' ? 'SETTLING' : status === 'CANCELLING' ? 'REACQUIRING' : status,
    );
  }

  async paymentDeclined(tx: ShopTransaction, orderSn: string): Promise<void> {
    await this.decide(tx, orderSn, 'declined', (status) => (status === 'AWAITING_PAYMENT' ? 'CANCELLING' : status));
  }

  private async decide(
    tx: ShopTransaction,
    orderSn: string,
    what: string,
    next: (status: string) => string,
  ): Promise<void> {
    const [order] = await tx.$queryRaw<{ status: string }[]>`
      SELECT status FROM orders WHERE order_sn = ${orderSn} FOR UPDATE`;
    if (order !== undefined) {
      await tx.$executeRaw`UPDATE orders SET status = ${next(order.status)} WHERE order_sn = ${orderSn}`;
    }
    await tx.$executeRaw`INSERT INTO decisions (order_sn, what) VALUES (${orderSn}, ${what})`;
    if (this.failure !== undefined) throw this.failure;
  }
}

/** Orders and payments of a test, each under numbers of its own. */
export class PaymentScenario {
  private next = 0;

  constructor(private readonly database: Pick<MysqlDatabase, 'query'>) {}

  /** For `ArbiterDouble`. */
  async prepare(): Promise<void> {
    await this.database.query(
      'CREATE TABLE decisions (id BIGINT AUTO_INCREMENT PRIMARY KEY, order_sn VARCHAR(64), what VARCHAR(16))',
    );
  }

  /** An order that waits for its payment of 80.00. */
  async order(payment = 'CREATED'): Promise<{ orderSn: string; paymentSn: string }> {
    this.next += 1;
    const orderSn = `o-${this.next}`;
    const paymentSn = `p-${this.next}`;
    await this.database.query(
      `INSERT INTO orders (order_sn, user_id, status, request_hash, payment_sn, shipping_fee, shipping_discount, original_amount,
         discount_amount, final_amount, coupons) VALUES (?, 1001, 'AWAITING_PAYMENT', REPEAT('0', 64), ?, 0, 0, 100, 20, 80, '[]')`,
      [orderSn, paymentSn],
    );
    await this.database.query(
      `INSERT INTO payments (payment_sn, order_sn, user_id, amount, status, provider_ref)
         VALUES (?, ?, 1001, ?, ?, IF(? IN ('CAPTURED', 'REFUNDED'), CONCAT('first-', ?), NULL))`,
      [paymentSn, orderSn, payment === 'NOT_REQUIRED' ? 0 : 80, payment, payment, paymentSn],
    );
    return { orderSn, paymentSn };
  }

  async state(orderSn: string): Promise<{
    order: string | undefined;
    payment: string | undefined;
    providerRef: string | null | undefined;
    decisions: string[];
    refunds: string[];
    notifications: number;
  }> {
    const { query } = this.database;
    const [order] = await query<{ status: string }>('SELECT status FROM orders WHERE order_sn = ?', [orderSn]);
    const [payment] = await query<{ payment_sn: string; status: string; provider_ref: string | null }>(
      'SELECT payment_sn, status, provider_ref FROM payments WHERE order_sn = ?',
      [orderSn],
    );
    const decisions = await query<{ what: string }>('SELECT what FROM decisions WHERE order_sn = ? ORDER BY id', [
      orderSn,
    ]);
    const refunds = await query<{ text: string }>(
      `SELECT CONCAT(reason, ' ', provider_ref, ' ', amount) AS text FROM refunds WHERE order_sn = ? ORDER BY provider_ref`,
      [orderSn],
    );
    const notifications = await query('SELECT 1 FROM payment_notifications WHERE payment_sn = ?', [
      payment?.payment_sn ?? '',
    ]);
    return {
      order: order?.status,
      payment: payment?.status,
      providerRef: payment?.provider_ref,
      decisions: decisions.map(({ what }) => what),
      refunds: refunds.map(({ text }) => text),
      notifications: notifications.length,
    };
  }
}

export function signatureOf(body: string, secret = WEBHOOK_SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** What the provider sends; `signature: null` leaves the header out. */
export async function notify(
  base: string,
  paymentSn: string,
  body: unknown,
  options: { signature?: string | null; type?: string } = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { signature = signatureOf(text), type = 'application/json' } = options;
  const response = await fetch(`${base}/api/v1/payments/${paymentSn}/notify`, {
    method: 'POST',
    body: text,
    headers: { 'content-type': type, ...(signature === null ? {} : { 'x-signature': signature }) },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
