import type { OrderStory } from '../../src/redemption/story';
import { ABSENT } from '../../src/redemption/story';
import { COUPON } from '../../src/redemption/truth';
import type { RedemptionTruth } from '../../src/redemption/truth';
import { verifyRedemption } from '../../src/redemption/verify/verify-redemption';
import type { ViolationKind } from '../../src/verify/violation';

type Mutable<T> = T extends bigint
  ? bigint
  : T extends readonly (infer Item)[]
    ? Mutable<Item>[]
    : T extends object
      ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
      : T;

type Truth = Mutable<RedemptionTruth>;
type Order = Truth['orders'][number];
type Coupon = Truth['coupons'][number];

/** What verifyRedemption is given, to be damaged. */
export interface Shop {
  truth: Truth;
  stories: Mutable<OrderStory>[];
  initialStock: Map<string, number>;
}

/** What was done to the shop, the deed, and what must be found then: kinds and counts in the order of the checks. */
export type Damage = [string, (shop: Shop) => void, [ViolationKind, number][]];

const { unused, locked, used } = COUPON;

/** What is found in a flawless shop that has suffered `damage`. */
export function foundAfter(damage: (shop: Shop) => void): [ViolationKind, number][] {
  const shop = aFlawlessShop();
  damage(shop);
  const { truth, stories, initialStock } = shop;
  return verifyRedemption(truth, { orders: stories, initialStock }).map(({ kind, count }) => [kind, count]);
}

/** @throws Error when there is no such row: a damage that does not damage proves nothing */
export function at<T>(rows: readonly T[], index: number): T {
  const row = rows[index];
  if (row === undefined) throw new Error(`no row ${index}`);
  return row;
}

export function couponOf({ truth }: Shop, id: string): Coupon {
  return at(
    truth.coupons.filter((one) => one.id === id),
    0,
  );
}

export function orderOf({ truth }: Shop, orderSn: string): Order {
  return at(
    truth.orders.filter((one) => one.orderSn === orderSn),
    0,
  );
}

/**
 * A paid order (two units at 60.00 and one at 10.01, 6.00 shipping; coupon 1 takes 20.00 off the goods, coupon 2 the shipping), one that was
 * paid and refunded (coupon 3), one that nobody paid (coupon 4), one that failed, and one that was refused.
 */
function aFlawlessShop(): Shop {
  const orders = [
    anOrder('paid', 'PAID', [
      { couponId: '1', discount: 2000n },
      { couponId: '2', discount: 600n },
    ]),
    anOrder('refunded', 'REFUNDED', [{ couponId: '3', discount: 2000n }]),
    anOrder('unpaid', 'CANCELLED', [{ couponId: '4', discount: 2000n }]),
    anOrder('failed', 'FAILED', []),
  ];
  return {
    truth: {
      ...{ ...theirCoupons(), orders, items: orders.flatMap(itemsOf) },
      ...{ ...theirMoney(orders), ...theirStock() },
      ...{ unfinishedSagas: [], unpublishedEvents: 0 },
    },
    stories: [
      { orderSn: 'paid', fate: 'paid', mayEndAs: ['PAID'] },
      { orderSn: 'refunded', fate: 'refunded', mayEndAs: ['REFUNDED'] },
      { orderSn: 'unpaid', fate: 'late', mayEndAs: ['CANCELLED', 'PAID'] },
      { orderSn: 'failed', fate: 'paid', mayEndAs: ['PAID', 'FAILED'] },
      { orderSn: 'refused', fate: 'refused', mayEndAs: [ABSENT] },
    ],
    initialStock: new Map([
      ['10', 100],
      ['11', 50],
    ]),
  };
}

function anOrder(orderSn: string, status: string, coupons: Order['coupons']): Order {
  const discount = coupons.reduce((total, one) => total + one.discount, 0n);
  return {
    ...{ orderSn, status, reasonCode: null, paymentSn: `p-${orderSn}`, coupons },
    ...{ shippingFee: 600n, shippingDiscount: coupons.length > 1 ? 600n : 0n },
    ...{ original: 13601n, discount, final: 13601n - discount },
  };
}

/** The 20.00 off the goods in proportion to the lines; what is off the shipping is no line's. */
function itemsOf({ orderSn, coupons }: Order): Truth['items'] {
  const item = (productId: string, quantity: number, price: bigint, perUnit: bigint): Truth['items'][number] => ({
    ...{ orderSn, productId, quantity, price },
    ...(coupons.length > 0
      ? { discount: BigInt(quantity) * perUnit, units: [{ count: quantity, amount: perUnit }] }
      : { discount: 0n, units: [] }),
  });
  return [item('10', 2, 6000n, 923n), item('11', 1, 1001n, 154n)];
}

function theirCoupons(): Pick<Truth, 'coupons' | 'transitions' | 'usage' | 'templates'> {
  const free = { status: unused, orderSn: null, hasUsedTime: false, hasLockExpiry: false };
  const taken = { ...free, status: used, orderSn: 'paid', hasUsedTime: true };
  return {
    coupons: [
      { id: '1', templateId: 'a', ...taken },
      { id: '2', templateId: 'b', ...taken },
      { id: '3', templateId: 'a', ...free },
      { id: '4', templateId: 'a', ...free },
      { id: '5', templateId: 'b', ...free },
    ],
    transitions: [
      ...['1', '2'].flatMap((couponId) => [
        { couponId, from: unused, to: locked, orderSn: 'paid' },
        { couponId, from: locked, to: used, orderSn: 'paid' },
      ]),
      { couponId: '3', from: unused, to: locked, orderSn: 'refunded' },
      { couponId: '3', from: locked, to: used, orderSn: 'refunded' },
      { couponId: '3', from: used, to: unused, orderSn: 'refunded' },
      { couponId: '4', from: unused, to: locked, orderSn: 'unpaid' },
      { couponId: '4', from: locked, to: unused, orderSn: 'unpaid' },
    ],
    usage: [
      { couponId: '1', orderSn: 'paid', original: 13601n, discount: 2000n, final: 11001n, reverted: false },
      { couponId: '2', orderSn: 'paid', original: 13601n, discount: 600n, final: 11001n, reverted: false },
      { couponId: '3', orderSn: 'refunded', original: 13601n, discount: 2000n, final: 11601n, reverted: true },
    ],
    templates: [
      { id: 'a', usedCount: 1 },
      { id: 'b', usedCount: 1 },
    ],
  };
}

function theirMoney(orders: readonly Order[]): Pick<Truth, 'payments' | 'notifications' | 'refunds'> {
  const statuses: Record<string, string> = { PAID: 'CAPTURED', REFUNDED: 'REFUNDED' };
  return {
    payments: orders.map(({ orderSn, paymentSn, final, status }) => ({
      ...{ orderSn, paymentSn, amount: final, status: statuses[status] ?? 'CANCELLED' },
    })),
    notifications: [
      { providerRef: 'r-1', paymentSn: 'p-paid', status: 'succeeded' },
      { providerRef: 'r-2', paymentSn: 'p-refunded', status: 'succeeded' },
      { providerRef: 'r-3', paymentSn: 'p-unpaid', status: 'failed' },
    ],
    refunds: [{ orderSn: 'refunded', providerRef: 'r-2', amount: 11601n }],
  };
}

function theirStock(): Pick<Truth, 'products' | 'reservations'> {
  return {
    products: [
      { id: '10', stock: 98, reserved: 0 },
      { id: '11', stock: 49, reserved: 0 },
    ],
    reservations: [
      { orderSn: 'paid', productId: '10', quantity: 2, state: 'COMMITTED' },
      { orderSn: 'paid', productId: '11', quantity: 1, state: 'COMMITTED' },
      { orderSn: 'refunded', productId: '10', quantity: 2, state: 'RETURNED' },
      { orderSn: 'unpaid', productId: '10', quantity: 2, state: 'RELEASED' },
    ],
  };
}
