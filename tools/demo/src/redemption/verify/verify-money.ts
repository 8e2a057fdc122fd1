import { found, named } from '../../verify/violation';
import type { Violation } from '../../verify/violation';
import { byKey, sum } from '../truth';
import type { ItemTruth, OrderTruth, RedemptionTruth } from '../truth';

/** Statuses of a payment that go with the status of its order. A payment of 0.00 is never captured; FAILED may have none at all. */
const PAYMENT_OF: Readonly<Record<string, readonly string[]>> = {
  PAID: ['CAPTURED', 'NOT_REQUIRED'],
  REFUNDED: ['REFUNDED', 'NOT_REQUIRED'],
  CANCELLED: ['CANCELLED', 'DECLINED'],
  FAILED: ['CANCELLED', 'DECLINED'],
};

/** To the cent: lines, shipping and coupons add up to the order, and what the provider took and gave back to what it owes. */
export function verifyMoney(truth: RedemptionTruth): Violation[] {
  const items = byKey(truth.items, ({ orderSn }) => orderSn);
  const itemsOf = (order: OrderTruth): readonly ItemTruth[] => items.get(order.orderSn) ?? [];
  const orders = (isWrong: (order: OrderTruth) => boolean): string[] =>
    truth.orders.filter(isWrong).map(({ orderSn }) => orderSn);
  return found(
    named(
      'order_money',
      orders((order) => !addsUp(order, itemsOf(order))),
      'orders whose amounts do not add up',
    ),
    named(
      'line_shares',
      orders((order) => !sharesAddUp(order, itemsOf(order))),
      'orders whose discount is not the sum of its lines and units',
    ),
    named('captured_money', wrongCaptures(truth), 'orders that keep another amount than they owe'),
    named('payment_state', wrongPayments(truth), 'payments that disagree with their order'),
  );
}

function addsUp(order: OrderTruth, items: readonly ItemTruth[]): boolean {
  const goods = sum(items, ({ price, quantity }) => price * BigInt(quantity));
  return (
    items.length > 0 &&
    order.original === goods + order.shippingFee &&
    order.final === order.original - order.discount &&
    order.final >= 0n &&
    order.discount === sum(order.coupons, ({ discount }) => discount)
  );
}

function sharesAddUp(order: OrderTruth, items: readonly ItemTruth[]): boolean {
  const { shippingDiscount, shippingFee, discount } = order;
  return (
    discount === sum(items, (item) => item.discount) + shippingDiscount &&
    shippingDiscount >= 0n &&
    shippingDiscount <= shippingFee &&
    items.every(unitsAddUp)
  );
}

function unitsAddUp({ quantity, price, discount, units }: ItemTruth): boolean {
  // A line that got nothing may say so without runs.
  if (units.length === 0) return discount === 0n;
  return (
    units.reduce((total, { count }) => total + count, 0) === quantity &&
    sum(units, ({ count, amount }) => amount * BigInt(count)) === discount &&
    units.every(({ amount }) => amount >= 0n && amount <= price)
  );
}

/** What the provider has told us it took, each reference once, without what was given back. */
function wrongCaptures({ orders, payments, notifications, refunds }: RedemptionTruth): string[] {
  const amounts = new Map(payments.map(({ paymentSn, amount }) => [paymentSn, amount]));
  const captures = byKey(
    notifications.filter(({ status }) => status === 'succeeded'),
    ({ paymentSn }) => paymentSn,
  );
  const given = byKey(refunds, ({ orderSn }) => orderSn);
  return orders
    .filter(({ orderSn, paymentSn, status, final }) => {
      const taken = (amounts.get(paymentSn) ?? 0n) * BigInt(captures.get(paymentSn)?.length ?? 0);
      const back = sum(given.get(orderSn) ?? [], ({ amount }) => amount);
      return taken - back !== (status === 'PAID' ? final : 0n) || isGivenTwice(given.get(orderSn) ?? []);
    })
    .map(({ orderSn }) => orderSn);
}

function isGivenTwice(refunds: readonly { readonly providerRef: string }[]): boolean {
  return new Set(refunds.map(({ providerRef }) => providerRef)).size !== refunds.length;
}

function wrongPayments({ orders, payments }: RedemptionTruth): string[] {
  const byOrder = byKey(payments, ({ orderSn }) => orderSn);
  const known = new Set(orders.map(({ orderSn }) => orderSn));
  const strangers = payments.filter(({ orderSn }) => !known.has(orderSn)).map(({ paymentSn }) => paymentSn);
  const wrong = orders.filter(({ orderSn, paymentSn, status, final }) => {
    const allowed = PAYMENT_OF[status];
    const [payment, second] = byOrder.get(orderSn) ?? [];
    if (allowed === undefined) return false; // a transient order has been reported as such
    if (payment === undefined) return status !== 'FAILED';
    return (
      second !== undefined ||
      payment.paymentSn !== paymentSn ||
      payment.amount !== final ||
      !(allowed.includes(payment.status) || (final === 0n && payment.status === 'NOT_REQUIRED'))
    );
  });
  return [...strangers, ...wrong.map(({ paymentSn }) => paymentSn)];
}
