import { createPool } from 'mysql2/promise';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { FINAL_STATUSES } from './truth';
import type { RedemptionTruth } from './truth';

/** Number of orders by status. */
export type OrderCounts = Readonly<Record<string, number>>;

interface Row {
  readonly [column: string]: string | number | null;
}

/** Both databases, asked with the administrator's account and plain SQL: none of the platform's code is in between. */
export class RedemptionDatabases {
  readonly #coupon: Pool;
  readonly #shop: Pool;

  constructor(urls: { readonly coupon: string; readonly shop: string }) {
    this.#coupon = openPool(urls.coupon);
    this.#shop = openPool(urls.shop);
  }

  async orderCounts(): Promise<OrderCounts> {
    const rows = await this.#shopRows('SELECT status, COUNT(*) AS n FROM orders GROUP BY status');
    return Object.fromEntries(rows.map((row) => [text(row['status']), Number(row['n'])]));
  }

  /** True when no order and no saga is under way and every event was published. */
  async isAtRest(): Promise<boolean> {
    const open = Object.keys(await this.orderCounts()).some((status) => !FINAL_STATUSES.has(status));
    return !open && (await this.#unfinishedSagas()).length === 0 && (await this.#unpublishedEvents()) === 0;
  }

  async read(): Promise<RedemptionTruth> {
    return {
      ...(await this.#readCoupons()),
      ...(await this.#readOrders()),
      ...(await this.#readPayments()),
      ...(await this.#readStock()),
      unfinishedSagas: await this.#unfinishedSagas(),
      unpublishedEvents: await this.#unpublishedEvents(),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#coupon.end(), this.#shop.end()]);
  }

  async #readCoupons(): Promise<Pick<RedemptionTruth, 'coupons' | 'transitions' | 'usage' | 'templates'>> {
    const coupons = await this.#couponRows(
      `SELECT id, coupon_id, status, order_sn, used_time IS NOT NULL AS is_used, lock_expires_at IS NOT NULL AS is_locked
       FROM user_coupons ORDER BY id`,
    );
    const transitions = await this.#couponRows(
      'SELECT user_coupon_id, from_status, to_status, order_sn FROM user_coupon_transitions ORDER BY id',
    );
    const usage = await this.#couponRows(
      `SELECT user_coupon_id, order_sn, original_amount, discount_amount, final_amount, reverted_time IS NOT NULL AS is_reverted
       FROM coupon_usage_logs`,
    );
    const templates = await this.#couponRows('SELECT id, used_count FROM coupon_templates');
    return {
      coupons: coupons.map((row) => ({
        id: text(row['id']),
        templateId: text(row['coupon_id']),
        status: Number(row['status']),
        orderSn: optionalText(row['order_sn']),
        hasUsedTime: isTrue(row['is_used']),
        hasLockExpiry: isTrue(row['is_locked']),
      })),
      transitions: transitions.map((row) => ({
        couponId: text(row['user_coupon_id']),
        from: Number(row['from_status']),
        to: Number(row['to_status']),
        orderSn: optionalText(row['order_sn']),
      })),
      usage: usage.map((row) => ({
        couponId: text(row['user_coupon_id']),
        orderSn: text(row['order_sn']),
        original: minor(row['original_amount']),
        discount: minor(row['discount_amount']),
        final: minor(row['final_amount']),
        reverted: isTrue(row['is_reverted']),
      })),
      templates: templates.map((row) => ({ id: text(row['id']), usedCount: Number(row['used_count']) })),
    };
  }

  async #readOrders(): Promise<Pick<RedemptionTruth, 'orders' | 'items'>> {
    const orders = await this.#shopRows(
      `SELECT order_sn, status, reason_code, payment_sn, shipping_fee, shipping_discount, original_amount, discount_amount,
         final_amount, CAST(coupons AS CHAR) AS coupons FROM orders`,
    );
    const items = await this.#shopRows(
      `SELECT order_sn, product_id, quantity, price, discount_amount, CAST(unit_discounts AS CHAR) AS units
       FROM order_items ORDER BY order_sn, line_index`,
    );
    return {
      orders: orders.map((row) => ({
        orderSn: text(row['order_sn']),
        status: text(row['status']),
        reasonCode: optionalText(row['reason_code']),
        paymentSn: text(row['payment_sn']),
        shippingFee: minor(row['shipping_fee']),
        shippingDiscount: minor(row['shipping_discount']),
        original: minor(row['original_amount']),
        discount: minor(row['discount_amount']),
        final: minor(row['final_amount']),
        coupons: appliedCoupons(text(row['coupons'])),
      })),
      items: items.map((row) => ({
        orderSn: text(row['order_sn']),
        productId: text(row['product_id']),
        quantity: Number(row['quantity']),
        price: minor(row['price']),
        discount: minor(row['discount_amount']),
        units: (JSON.parse(text(row['units'])) as { count: number; amount: string }[]).map(({ count, amount }) => ({
          count,
          amount: minor(amount),
        })),
      })),
    };
  }

  async #readPayments(): Promise<Pick<RedemptionTruth, 'payments' | 'notifications' | 'refunds'>> {
    const payments = await this.#shopRows('SELECT payment_sn, order_sn, amount, status FROM payments');
    const notifications = await this.#shopRows('SELECT provider_ref, payment_sn, status FROM payment_notifications');
    const refunds = await this.#shopRows('SELECT order_sn, provider_ref, amount FROM refunds');
    return {
      payments: payments.map((row) => ({
        paymentSn: text(row['payment_sn']),
        orderSn: text(row['order_sn']),
        amount: minor(row['amount']),
        status: text(row['status']),
      })),
      notifications: notifications.map((row) => ({
        providerRef: text(row['provider_ref']),
        paymentSn: text(row['payment_sn']),
        status: text(row['status']),
      })),
      refunds: refunds.map((row) => ({
        orderSn: text(row['order_sn']),
        providerRef: text(row['provider_ref']),
        amount: minor(row['amount']),
      })),
    };
  }

  async #readStock(): Promise<Pick<RedemptionTruth, 'products' | 'reservations'>> {
    const products = await this.#shopRows('SELECT id, stock, reserved FROM products');
    const reservations = await this.#shopRows('SELECT order_sn, product_id, quantity, state FROM stock_reservations');
    return {
      products: products.map((row) => ({
        id: text(row['id']),
        stock: Number(row['stock']),
        reserved: Number(row['reserved']),
      })),
      reservations: reservations.map((row) => ({
        orderSn: text(row['order_sn']),
        productId: text(row['product_id']),
        quantity: Number(row['quantity']),
        state: text(row['state']),
      })),
    };
  }

  async #unfinishedSagas(): Promise<{ gid: string; state: string }[]> {
    const rows = await this.#shopRows('SELECT gid, state FROM saga_runs WHERE finished_at IS NULL');
    return rows.map((row) => ({ gid: text(row['gid']), state: text(row['state']) }));
  }

  async #unpublishedEvents(): Promise<number> {
    const count = 'SELECT COUNT(*) AS n FROM outbox WHERE published_at IS NULL';
    const [coupon, shop] = [await this.#couponRows(count), await this.#shopRows(count)];
    return Number(coupon[0]?.['n']) + Number(shop[0]?.['n']);
  }

  #couponRows(sql: string): Promise<Row[]> {
    return rowsOf(this.#coupon, sql);
  }

  #shopRows(sql: string): Promise<Row[]> {
    return rowsOf(this.#shop, sql);
  }
}

function openPool(uri: string): Pool {
  return createPool({
    uri,
    connectionLimit: 2,
    connectTimeout: 5_000,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
}

async function rowsOf(pool: Pool, sql: string): Promise<Row[]> {
  const [rows] = await pool.query<RowDataPacket[]>(sql);
  return rows;
}

/** What was left out because it would have taken nothing off is in the list, too. */
function appliedCoupons(json: string): { couponId: string; discount: bigint }[] {
  const coupons = JSON.parse(json) as { user_coupon_id: string; discount_amount: string; code: string }[];
  return coupons
    .filter(({ code }) => code === 'APPLIED')
    .map(({ user_coupon_id, discount_amount }) => ({ couponId: user_coupon_id, discount: minor(discount_amount) }));
}

type Value = string | number | null | undefined;

function text(value: Value): string {
  if (value === null || value === undefined) throw new Error('a column that must have a value has none');
  return String(value);
}

function optionalText(value: Value): string | null {
  return value === null ? null : text(value);
}

function isTrue(value: Value): boolean {
  return Number(value) === 1;
}

/** `12.30` -> 1230n. @throws what is no amount with two decimals */
export function minor(value: Value): bigint {
  const match = /^(-?)(\d+)\.(\d{2})$/.exec(text(value));
  if (!match) throw new Error(`not an amount: ${String(value)}`);
  const [, sign, whole, cents] = match;
  return BigInt(`${sign}${whole}${cents}`);
}
