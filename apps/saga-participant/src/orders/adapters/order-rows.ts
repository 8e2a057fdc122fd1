import { formatMoney } from '@coupon/domain';
import { Prisma } from '../../generated/client';
import type { ShopTransaction } from '../../adapters/databases';
import type { LockedOrder, NewOrder, Order, OrderCoupon, OrderItemRow } from '../order';
import type { OrderStatus } from '../order-transitions';
import { endAssignments } from './saga-runs';
import type { RunEnd } from './saga-runs';
import { minorOf, parseJson } from './sql';

/** @throws a duplicate key when the number is taken; it waits for whoever is just taking it */
export async function insertOrder(tx: ShopTransaction, order: NewOrder): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO orders (order_sn, user_id, status, request_hash, payment_sn, shipping_fee, shipping_discount, original_amount,
      discount_amount, final_amount, coupons)
    VALUES (${order.orderSn}, ${BigInt(order.userId)}, 'PENDING', ${order.requestHash}, ${order.paymentSn},
      ${formatMoney(order.shippingFeeMinor)}, ${formatMoney(order.shippingDiscountMinor)}, ${formatMoney(order.originalMinor)},
      ${formatMoney(order.discountMinor)}, ${formatMoney(order.finalMinor)}, ${couponsJson(order.coupons)})`;
}

/** One statement. The foreign key takes the products' rows: in the order in which everybody takes them. */
export async function insertItems(tx: ShopTransaction, orderSn: string, items: readonly OrderItemRow[]): Promise<void> {
  const rows = items
    .map((item, index) => ({ item, index, id: BigInt(item.productId) }))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.index - b.index))
    .map(
      ({ item, index, id }) => Prisma.sql`(${orderSn}, ${index}, ${id},
        ${item.categoryId === null ? null : BigInt(item.categoryId)}, ${item.quantity}, ${formatMoney(item.priceMinor)},
        ${formatMoney(item.discountMinor)}, ${unitsJson(item)})`,
    );
  await tx.$executeRaw`
    INSERT INTO order_items (order_sn, line_index, product_id, category_id, quantity, price, discount_amount, unit_discounts)
    VALUES ${Prisma.join(rows)}`;
}

const COLUMNS = Prisma.sql`o.order_sn AS orderSn, o.user_id AS userId, o.status, o.reason_code AS reasonCode,
  o.request_hash AS requestHash, o.payment_sn AS paymentSn, CAST(o.shipping_fee AS CHAR) AS shippingFee,
  CAST(o.shipping_discount AS CHAR) AS shippingDiscount, CAST(o.original_amount AS CHAR) AS originalAmount,
  CAST(o.discount_amount AS CHAR) AS discountAmount, CAST(o.final_amount AS CHAR) AS finalAmount, o.coupons,
  o.payment_deadline AS paymentDeadline, o.created_at AS createdAt, o.paid_at AS paidAt, o.closed_at AS closedAt, o.version`;

export async function readOrder(db: ShopTransaction, orderSn: string): Promise<Order | undefined> {
  const [row] = await db.$queryRaw<OrderRow[]>`SELECT ${COLUMNS} FROM orders o WHERE o.order_sn = ${orderSn}`;
  return row === undefined ? undefined : orderOf(row);
}

/** Locks the order's row and then its payment's, which is the order in which everybody takes them. */
export async function lockOrder(tx: ShopTransaction, orderSn: string): Promise<LockedOrder | undefined> {
  const [row] = await tx.$queryRaw<(OrderRow & { readonly paymentStatus: string | null; readonly now: Date })[]>`
    SELECT STRAIGHT_JOIN ${COLUMNS}, p.status AS paymentStatus, CURRENT_TIMESTAMP(3) AS now
    FROM orders o LEFT JOIN payments p ON p.order_sn = o.order_sn WHERE o.order_sn = ${orderSn} FOR UPDATE`;
  if (row === undefined) return undefined;
  const order = orderOf(row);
  return {
    ...order,
    now: row.now,
    facts: {
      isFree: order.finalMinor === 0n,
      isCaptured: row.paymentStatus === 'CAPTURED',
      isDeclined: row.paymentStatus === 'DECLINED',
    },
  };
}

export interface OrderChange {
  readonly status: OrderStatus;
  readonly reasonCode: string | null;
  readonly paymentDeadline: Date | null;
  readonly paidAt: Date | null;
  readonly closedAt: Date | null;
}

/** Of a row that this transaction has locked. */
export async function updateOrder(tx: ShopTransaction, orderSn: string, change: OrderChange): Promise<void> {
  await tx.$executeRaw`UPDATE orders o SET ${assignments(change)} WHERE o.order_sn = ${orderSn}`;
}

/** The same together with the end of the saga that leads to it, in one statement. False: the saga was finished before, nothing has changed. */
export async function updateOrderAtEnd(
  tx: ShopTransaction,
  orderSn: string,
  change: OrderChange,
  end: RunEnd,
): Promise<boolean> {
  const rows = await tx.$executeRaw`
    UPDATE orders o JOIN saga_runs s ON s.gid = ${end.gid} SET ${assignments(change)}, ${endAssignments(end)}
    WHERE o.order_sn = ${orderSn} AND s.finished_at IS NULL`;
  return rows > 0;
}

function assignments(change: OrderChange): Prisma.Sql {
  return Prisma.sql`o.status = ${change.status}, o.reason_code = ${change.reasonCode},
    o.payment_deadline = ${change.paymentDeadline}, o.paid_at = ${change.paidAt}, o.closed_at = ${change.closedAt},
    o.version = o.version + 1`;
}

interface ItemRow {
  readonly productId: bigint;
  readonly categoryId: bigint | null;
  readonly quantity: number;
  readonly price: string;
  readonly discountAmount: string;
  readonly unitDiscounts: unknown;
}

export async function readItems(db: ShopTransaction, orderSn: string): Promise<OrderItemRow[]> {
  const rows = await db.$queryRaw<ItemRow[]>`
    SELECT product_id AS productId, category_id AS categoryId, quantity, CAST(price AS CHAR) AS price,
      CAST(discount_amount AS CHAR) AS discountAmount, unit_discounts AS unitDiscounts
    FROM order_items WHERE order_sn = ${orderSn} ORDER BY line_index`;
  return rows.map((row) => ({
    productId: String(row.productId),
    categoryId: row.categoryId === null ? null : String(row.categoryId),
    quantity: Number(row.quantity),
    priceMinor: minorOf(row.price),
    discountMinor: minorOf(row.discountAmount),
    unitDiscounts: (parseJson(row.unitDiscounts) as UnitJson[]).map(({ count, amount }) => ({
      count,
      amountMinor: minorOf(amount),
    })),
  }));
}

export async function readStatuses(
  db: ShopTransaction,
  orderSns: readonly string[],
): Promise<Map<string, OrderStatus>> {
  if (orderSns.length === 0) return new Map();
  const rows = await db.$queryRaw<{ orderSn: string; status: OrderStatus }[]>`
    SELECT order_sn AS orderSn, status FROM orders WHERE order_sn IN (${Prisma.join([...orderSns])})`;
  return new Map(rows.map(({ orderSn, status }) => [orderSn, status]));
}

export interface OverdueOrder {
  readonly orderSn: string;
  readonly deadline: Date;
}

/** Orders whose time to pay is over, the longest first, then by number; those after `last`. */
export async function overdueOrders(
  db: ShopTransaction,
  last: OverdueOrder | undefined,
  limit: number,
): Promise<OverdueOrder[]> {
  const { deadline, orderSn } = last ?? { deadline: new Date(0), orderSn: '' };
  return db.$queryRaw<OverdueOrder[]>`
    SELECT order_sn AS orderSn, payment_deadline AS deadline FROM orders
    WHERE status = 'AWAITING_PAYMENT' AND payment_deadline <= CURRENT_TIMESTAMP(3)
      AND payment_deadline >= ${deadline} AND (payment_deadline > ${deadline} OR order_sn > ${orderSn})
    ORDER BY payment_deadline, order_sn LIMIT ${limit}`;
}

interface OrderRow {
  readonly orderSn: string;
  readonly userId: bigint;
  readonly status: OrderStatus;
  readonly reasonCode: string | null;
  readonly requestHash: string;
  readonly paymentSn: string;
  readonly shippingFee: string;
  readonly shippingDiscount: string;
  readonly originalAmount: string;
  readonly discountAmount: string;
  readonly finalAmount: string;
  readonly coupons: unknown;
  readonly paymentDeadline: Date | null;
  readonly createdAt: Date;
  readonly paidAt: Date | null;
  readonly closedAt: Date | null;
  readonly version: number;
}

function orderOf({
  shippingFee,
  shippingDiscount,
  originalAmount,
  discountAmount,
  finalAmount,
  ...row
}: OrderRow): Order {
  return {
    orderSn: row.orderSn,
    userId: String(row.userId),
    status: row.status,
    reasonCode: row.reasonCode,
    requestHash: row.requestHash,
    paymentSn: row.paymentSn,
    shippingFeeMinor: minorOf(shippingFee),
    shippingDiscountMinor: minorOf(shippingDiscount),
    originalMinor: minorOf(originalAmount),
    discountMinor: minorOf(discountAmount),
    finalMinor: minorOf(finalAmount),
    coupons: (parseJson(row.coupons) as CouponJson[]).map(couponOf),
    paymentDeadline: row.paymentDeadline,
    createdAt: row.createdAt,
    paidAt: row.paidAt,
    closedAt: row.closedAt,
    version: Number(row.version),
  };
}

/** The column `coupons`: amounts as decimal text. */
interface CouponJson {
  readonly user_coupon_id: string;
  readonly coupon_sn: string;
  readonly template_id: string | null;
  readonly discount_amount: string;
  readonly code: OrderCoupon['code'];
}

interface UnitJson {
  readonly count: number;
  readonly amount: string;
}

function couponsJson(coupons: readonly OrderCoupon[]): string {
  return JSON.stringify(
    coupons.map((coupon): CouponJson => ({
      user_coupon_id: coupon.userCouponId,
      coupon_sn: coupon.couponSn,
      template_id: coupon.templateId,
      discount_amount: formatMoney(coupon.discountMinor),
      code: coupon.code,
    })),
  );
}

function couponOf(json: CouponJson): OrderCoupon {
  return {
    userCouponId: json.user_coupon_id,
    couponSn: json.coupon_sn,
    templateId: json.template_id,
    discountMinor: minorOf(json.discount_amount),
    code: json.code,
  };
}

function unitsJson({ unitDiscounts }: OrderItemRow): string {
  return JSON.stringify(
    unitDiscounts.map(({ count, amountMinor }): UnitJson => ({ count, amount: formatMoney(amountMinor) })),
  );
}
