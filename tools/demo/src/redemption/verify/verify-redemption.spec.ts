import type { ViolationKind } from '../../verify/violation';
import { ABSENT } from '../story';
import type { OrderStory } from '../story';
import { COUPON } from '../truth';
import type { RedemptionTruth } from '../truth';
import { verifyRedemption } from './verify-redemption';

type Mutable<T> = T extends bigint
  ? bigint
  : T extends readonly (infer Item)[]
    ? Mutable<Item>[]
    : T extends object
      ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
      : T;

interface Shop {
  truth: Mutable<RedemptionTruth>;
  stories: Mutable<OrderStory>[];
  initialStock: Map<string, number>;
}

const at = <T>(rows: readonly T[], index: number): T => {
  const row = rows[index];
  if (row === undefined) throw new Error(`no row ${index}`);
  return row;
};

const coupon = (id: string, templateId: string): Mutable<RedemptionTruth>['coupons'][number] => ({
  id,
  templateId,
  status: COUPON.unused,
  orderSn: null,
  hasUsedTime: false,
  hasLockExpiry: false,
});

const { unused, locked, used } = COUPON;

/**
 * A paid order (two units at 60.00 and one at 10.01, 6.00 shipping; coupon 1 takes 20.00 off the goods, coupon 2 the shipping), one that was
 * paid and refunded (coupon 3), one that nobody paid (coupon 4), one that failed, and one that was refused.
 */
function aFlawlessShop(): Shop {
  const orders = (
    [
      [
        'paid',
        'PAID',
        [
          { couponId: '1', discount: 2000n },
          { couponId: '2', discount: 600n },
        ],
      ],
      ['refunded', 'REFUNDED', [{ couponId: '3', discount: 2000n }]],
      ['unpaid', 'CANCELLED', [{ couponId: '4', discount: 2000n }]],
      ['failed', 'FAILED', []],
    ] as const
  ).map(([orderSn, status, coupons]) => {
    const discount = coupons.reduce((total, one) => total + one.discount, 0n);
    const shippingDiscount = coupons.length > 1 ? 600n : 0n;
    return {
      orderSn,
      status,
      reasonCode: null,
      paymentSn: `p-${orderSn}`,
      shippingFee: 600n,
      shippingDiscount,
      original: 13601n,
      discount,
      final: 13601n - discount,
      coupons: coupons.map((one) => ({ ...one })),
    };
  });
  const truth: Mutable<RedemptionTruth> = {
    coupons: [coupon('1', 'a'), coupon('2', 'b'), coupon('3', 'a'), coupon('4', 'a'), coupon('5', 'b')],
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
    orders,
    items: orders.flatMap(({ orderSn, coupons }) => [
      {
        orderSn,
        productId: '10',
        quantity: 2,
        price: 6000n,
        discount: coupons.length > 0 ? 1846n : 0n,
        units: coupons.length > 0 ? [{ count: 2, amount: 923n }] : [],
      },
      {
        orderSn,
        productId: '11',
        quantity: 1,
        price: 1001n,
        discount: coupons.length > 0 ? 154n : 0n,
        units: coupons.length > 0 ? [{ count: 1, amount: 154n }] : [],
      },
    ]),
    payments: orders.map(({ orderSn, paymentSn, final, status }) => ({
      orderSn,
      paymentSn,
      amount: final,
      status: { PAID: 'CAPTURED', REFUNDED: 'REFUNDED', CANCELLED: 'CANCELLED', FAILED: 'CANCELLED' }[status],
    })),
    notifications: [
      { providerRef: 'r-1', paymentSn: 'p-paid', status: 'succeeded' },
      { providerRef: 'r-2', paymentSn: 'p-refunded', status: 'succeeded' },
      { providerRef: 'r-3', paymentSn: 'p-unpaid', status: 'failed' },
    ],
    refunds: [{ orderSn: 'refunded', providerRef: 'r-2', amount: 11601n }],
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
    unfinishedSagas: [],
    unpublishedEvents: 0,
  };
  for (const id of [0, 1]) Object.assign(at(truth.coupons, id), { status: used, orderSn: 'paid', hasUsedTime: true });
  return {
    truth,
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

function found({ truth, stories, initialStock }: Shop): [ViolationKind, number][] {
  return verifyRedemption(truth, { orders: stories, initialStock }).map(({ kind, count }) => [kind, count]);
}

const couponOf = ({ truth }: Shop, id: string): Shop['truth']['coupons'][number] =>
  at(
    truth.coupons.filter((one) => one.id === id),
    0,
  );
const orderOf = ({ truth }: Shop, orderSn: string): Shop['truth']['orders'][number] =>
  at(
    truth.orders.filter((one) => one.orderSn === orderSn),
    0,
  );

type Damage = [string, (shop: Shop) => void, [ViolationKind, number][]];

const COUPON_DAMAGES: Damage[] = [
  [
    'a coupon that is still locked',
    (shop) => {
      shop.truth.transitions.pop();
      Object.assign(couponOf(shop, '4'), { status: locked, orderSn: 'unpaid', hasLockExpiry: true });
    },
    [['coupon_locked', 1]],
  ],
  [
    'a free coupon that still names an order',
    (shop) => {
      couponOf(shop, '4').orderSn = 'unpaid';
    },
    [['coupon_state', 1]],
  ],
  [
    'a lock that was left on a coupon that is used',
    (shop) => {
      couponOf(shop, '1').hasLockExpiry = true;
    },
    [['coupon_state', 1]],
  ],
  [
    'a used coupon without a time of use',
    (shop) => {
      couponOf(shop, '1').hasUsedTime = false;
    },
    [['coupon_state', 1]],
  ],
  [
    'a coupon with a status that does not exist',
    (shop) => {
      couponOf(shop, '5').status = 9;
    },
    [
      ['coupon_state', 1],
      ['coupon_history', 1],
    ],
  ],
  [
    'a coupon that is used by an order that was never paid',
    (shop) => {
      Object.assign(couponOf(shop, '4'), { status: used, orderSn: 'unpaid', hasUsedTime: true });
      at(shop.truth.transitions, 8).to = used;
      shop.truth.usage.push({
        couponId: '4',
        orderSn: 'unpaid',
        original: 13601n,
        discount: 2000n,
        final: 11601n,
        reverted: false,
      });
      at(shop.truth.templates, 0).usedCount = 2;
    },
    [['coupon_state', 1]],
  ],
  [
    'a paid order whose coupon was given back',
    (shop) => {
      Object.assign(couponOf(shop, '2'), { status: unused, orderSn: null, hasUsedTime: false });
      shop.truth.transitions.push({ couponId: '2', from: used, to: unused, orderSn: 'paid' });
      shop.truth.usage.splice(1, 1);
      at(shop.truth.templates, 1).usedCount = 0;
    },
    [['coupon_state', 1]],
  ],
  [
    'a move of a coupon that was not written down',
    (shop) => {
      shop.truth.transitions.splice(1, 1);
    },
    [['coupon_history', 1]],
  ],
  [
    'a move that no coupon may make',
    (shop) => {
      shop.truth.transitions.splice(0, 2, { couponId: '1', from: unused, to: used, orderSn: 'paid' });
    },
    [['coupon_history', 1]],
  ],
  [
    'a used coupon that was not logged',
    (shop) => {
      shop.truth.usage.splice(0, 1);
    },
    [['usage_log', 1]],
  ],
  [
    'a coupon that was logged twice',
    (shop) => {
      shop.truth.usage.push({ ...at(shop.truth.usage, 0) });
    },
    [['usage_log', 1]],
  ],
  [
    'a log that stands although the order was refunded',
    (shop) => {
      at(shop.truth.usage, 2).reverted = false;
    },
    [['usage_log', 1]],
  ],
  [
    'a log that was reverted although the order is paid',
    (shop) => {
      at(shop.truth.usage, 0).reverted = true;
    },
    [['usage_log', 1]],
  ],
  [
    'a log of a coupon that does not exist',
    (shop) => {
      shop.truth.usage.push({ ...at(shop.truth.usage, 0), couponId: '99', discount: 0n, reverted: true });
    },
    [
      ['usage_log', 1],
      ['usage_log', 1],
    ],
  ],
  [
    'a log with another amount than the coupon took off',
    (shop) => {
      at(shop.truth.usage, 0).discount = 1999n;
    },
    [['usage_log', 1]],
  ],
  [
    'a used coupon that is not among those of its order',
    (shop) => {
      Object.assign(couponOf(shop, '5'), { status: used, orderSn: 'paid', hasUsedTime: true });
      shop.truth.transitions.push({ couponId: '5', from: unused, to: locked, orderSn: 'paid' });
      shop.truth.transitions.push({ couponId: '5', from: locked, to: used, orderSn: 'paid' });
      shop.truth.usage.push({ ...at(shop.truth.usage, 0), couponId: '5', discount: 0n });
      at(shop.truth.templates, 1).usedCount = 2;
    },
    [
      ['coupon_state', 1],
      ['usage_log', 1],
    ],
  ],
  [
    'a free coupon that has a time of use',
    (shop) => {
      couponOf(shop, '4').hasUsedTime = true;
    },
    [['coupon_state', 1]],
  ],
  [
    'moves that do not follow one another',
    (shop) => {
      at(shop.truth.transitions, 8).from = used;
    },
    [['coupon_history', 1]],
  ],
  [
    'a reverted log of an order that was never paid',
    (shop) => {
      shop.truth.usage.push({ ...at(shop.truth.usage, 2), couponId: '4', orderSn: 'unpaid' });
    },
    [['usage_log', 1]],
  ],
  [
    'a use that was logged and reverted twice for one order',
    (shop) => {
      shop.truth.usage.push({ ...at(shop.truth.usage, 2) });
    },
    [['usage_log', 1]],
  ],
  [
    'a second log that stands, of another order',
    (shop) => {
      shop.truth.usage.push({ ...at(shop.truth.usage, 2), couponId: '1', reverted: false });
    },
    [
      ['usage_log', 1],
      ['usage_log', 1],
    ],
  ],
  [
    'a log with another original amount than the order',
    (shop) => {
      at(shop.truth.usage, 0).original += 1n;
    },
    [['usage_log', 1]],
  ],
  [
    'a log with another final amount than the order',
    (shop) => {
      at(shop.truth.usage, 0).final += 1n;
    },
    [['usage_log', 1]],
  ],
  [
    'a used_count that counted one too many',
    (shop) => {
      at(shop.truth.templates, 0).usedCount = 2;
    },
    [['used_count', 1]],
  ],
];

const MONEY_DAMAGES: Damage[] = [
  [
    'an original amount without the shipping fee',
    (shop) => {
      const order = orderOf(shop, 'failed');
      order.original -= 600n;
      order.final -= 600n;
      at(shop.truth.payments, 3).amount -= 600n;
    },
    [['order_money', 1]],
  ],
  [
    'a final amount that is a cent off, and paid as such',
    (shop) => {
      const order = orderOf(shop, 'paid');
      order.final += 1n;
      at(shop.truth.payments, 0).amount += 1n;
      at(shop.truth.usage, 0).final += 1n;
      at(shop.truth.usage, 1).final += 1n;
    },
    [['order_money', 1]],
  ],
  [
    'coupons that together take off another amount than the order says',
    (shop) => {
      at(orderOf(shop, 'unpaid').coupons, 0).discount = 1900n;
    },
    [['order_money', 1]],
  ],
  [
    'an order without lines',
    (shop) => {
      shop.truth.items = shop.truth.items.filter(({ orderSn }) => orderSn !== 'unpaid');
    },
    [
      ['order_money', 1],
      ['line_shares', 1],
    ],
  ],
  [
    'a line whose discount is not that of the order',
    (shop) => {
      const line = at(shop.truth.items, 1);
      line.discount -= 1n;
      at(line.units, 0).amount -= 1n;
    },
    [['line_shares', 1]],
  ],
  [
    'units that do not add up to their line',
    (shop) => {
      at(at(shop.truth.items, 0).units, 0).amount = 922n;
    },
    [['line_shares', 1]],
  ],
  [
    'runs that are not as long as the line',
    (shop) => {
      at(shop.truth.items, 0).units = [{ count: 1, amount: 1846n }];
    },
    [['line_shares', 1]],
  ],
  [
    'a unit below zero',
    (shop) => {
      at(shop.truth.items, 0).units = [
        { count: 1, amount: 1900n },
        { count: 1, amount: -54n },
      ];
    },
    [['line_shares', 1]],
  ],
  [
    'more off the shipping fee than the fee',
    (shop) => {
      const order = orderOf(shop, 'unpaid');
      order.shippingDiscount = 601n;
      at(shop.truth.items, 4).discount -= 601n;
      at(shop.truth.items, 4).units = [
        { count: 1, amount: 622n },
        { count: 1, amount: 623n },
      ];
    },
    [['line_shares', 1]],
  ],
  [
    'a paid order without money',
    (shop) => {
      shop.truth.notifications.splice(0, 1);
    },
    [['captured_money', 1]],
  ],
  [
    'a second capture that was kept',
    (shop) => {
      shop.truth.notifications.push({ providerRef: 'r-9', paymentSn: 'p-paid', status: 'succeeded' });
    },
    [['captured_money', 1]],
  ],
  [
    'a refunded order whose money was not given back',
    (shop) => {
      shop.truth.refunds = [];
    },
    [['captured_money', 1]],
  ],
  [
    'money that was given back twice',
    (shop) => {
      shop.truth.refunds.push({ ...at(shop.truth.refunds, 0) });
    },
    [['captured_money', 1]],
  ],
  [
    'a late payment of an order that stayed cancelled',
    (shop) => {
      shop.truth.notifications.push({ providerRef: 'r-9', paymentSn: 'p-unpaid', status: 'succeeded' });
    },
    [['captured_money', 1]],
  ],
  [
    'a payment that can still be paid after its order was cancelled',
    (shop) => {
      at(shop.truth.payments, 2).status = 'CREATED';
    },
    [['payment_state', 1]],
  ],
  [
    'a payment of another amount than the order',
    (shop) => {
      at(shop.truth.payments, 2).amount = 1n;
    },
    [['payment_state', 1]],
  ],
  [
    'an order of nothing but shipping',
    (shop) => {
      shop.truth.items = shop.truth.items.filter(({ orderSn }) => orderSn !== 'failed');
      Object.assign(orderOf(shop, 'failed'), { original: 600n, final: 600n });
      at(shop.truth.payments, 3).amount = 600n;
    },
    [['order_money', 1]],
  ],
  [
    'an order below zero',
    (shop) => {
      const coupons = [{ couponId: '5', discount: 13701n }];
      Object.assign(orderOf(shop, 'failed'), { coupons, discount: 13701n, final: -100n });
      at(shop.truth.payments, 3).amount = -100n;
    },
    [
      ['order_money', 1],
      ['line_shares', 1],
    ],
  ],
  [
    'less than nothing off the shipping fee',
    (shop) => {
      orderOf(shop, 'unpaid').shippingDiscount = -1n;
      Object.assign(at(shop.truth.items, 5), { discount: 155n, units: [{ count: 1, amount: 155n }] });
    },
    [['line_shares', 1]],
  ],
  [
    'a unit that costs less than nothing',
    (shop) => {
      Object.assign(at(shop.truth.items, 4), { discount: 900n, units: [{ count: 2, amount: 450n }] });
      Object.assign(at(shop.truth.items, 5), { discount: 1100n, units: [{ count: 1, amount: 1100n }] });
    },
    [['line_shares', 1]],
  ],
  [
    'two captures, one of them given back twice',
    (shop) => {
      shop.truth.notifications.push({ providerRef: 'r-9', paymentSn: 'p-refunded', status: 'succeeded' });
      shop.truth.refunds.push({ ...at(shop.truth.refunds, 0) });
    },
    [['captured_money', 1]],
  ],
  [
    'an order with two payments',
    (shop) => {
      shop.truth.payments.push({ ...at(shop.truth.payments, 2), paymentSn: 'p-2' });
    },
    [['payment_state', 1]],
  ],
  [
    'a payment under another number than the order knows',
    (shop) => {
      at(shop.truth.payments, 2).paymentSn = 'p-2';
    },
    [['payment_state', 1]],
  ],
  [
    'a cancelled order without a payment',
    (shop) => {
      shop.truth.payments.splice(2, 1);
    },
    [['payment_state', 1]],
  ],
  [
    'a payment of nobody',
    (shop) => {
      shop.truth.payments.push({ orderSn: 'nobody', paymentSn: 'p-nobody', amount: 1n, status: 'CREATED' });
    },
    [['payment_state', 1]],
  ],
];

const STOCK_AND_ORDER_DAMAGES: Damage[] = [
  [
    'a unit that is nowhere',
    (shop) => {
      at(shop.truth.products, 0).stock -= 1;
    },
    [['stock', 1]],
  ],
  [
    'a unit that was sold twice',
    (shop) => {
      at(shop.truth.products, 1).stock += 1;
    },
    [['stock', 1]],
  ],
  [
    'units that are still held for an order that was cancelled',
    (shop) => {
      at(shop.truth.reservations, 3).state = 'RESERVED';
      Object.assign(at(shop.truth.products, 0), { stock: 96, reserved: 2 });
    },
    [['stock_reserved', 2]],
  ],
  [
    'a paid order that did not get all it paid for',
    (shop) => {
      at(shop.truth.reservations, 0).quantity = 1;
      at(shop.truth.products, 0).stock = 99;
    },
    [['reservation', 1]],
  ],
  [
    'a refunded order that kept its goods',
    (shop) => {
      at(shop.truth.reservations, 2).state = 'COMMITTED';
      at(shop.truth.products, 0).stock = 96;
    },
    [['reservation', 1]],
  ],
  [
    'goods that were sold to an order that does not exist',
    (shop) => {
      shop.truth.reservations.push({ orderSn: 'nobody', productId: '10', quantity: 1, state: 'COMMITTED' });
      at(shop.truth.products, 0).stock = 97;
    },
    [['reservation', 1]],
  ],
  [
    'an order without an end',
    (shop) => {
      orderOf(shop, 'unpaid').status = 'CANCELLING';
    },
    [['transient_order', 1]],
  ],
  [
    'an order that still waits for its payment',
    (shop) => {
      orderOf(shop, 'failed').status = 'AWAITING_PAYMENT';
    },
    [['transient_order', 1]],
  ],
  [
    'a saga without an end',
    (shop) => {
      shop.truth.unfinishedSagas.push({ gid: 'cancel-unpaid', state: 'RUNNING' });
    },
    [['unfinished_saga', 1]],
  ],
  [
    'events that were never published',
    (shop) => {
      shop.truth.unpublishedEvents = 3;
    },
    [['unpublished_event', 3]],
  ],
  [
    'an order that is another one than its client was told',
    (shop) => {
      at(shop.stories, 2).mayEndAs = ['PAID', 'REFUNDED'];
    },
    [['order_fate', 1]],
  ],
  [
    'an order that was accepted and is not there',
    (shop) => {
      shop.stories.push({ orderSn: 'lost', fate: 'paid', mayEndAs: ['PAID'] });
    },
    [['order_fate', 1]],
  ],
  [
    'an order that was refused and is there all the same',
    (shop) => {
      at(shop.stories, 3).mayEndAs = [ABSENT];
    },
    [['order_fate', 1]],
  ],
  [
    'an order that nobody placed',
    (shop) => {
      shop.stories.splice(3, 1);
    },
    [['order_fate', 1]],
  ],
];

describe('verifyRedemption', () => {
  it('finds nothing where everything is right', () => {
    expect(found(aFlawlessShop())).toEqual([]);
  });

  it('takes a coupon that expired or was voided after its orders for right', () => {
    const shop = aFlawlessShop();
    couponOf(shop, '4').status = COUPON.expired;
    couponOf(shop, '5').status = COUPON.void;
    shop.truth.transitions.push({ couponId: '5', from: unused, to: COUPON.void, orderSn: null });
    expect(found(shop)).toEqual([]);
  });

  it('takes a second capture that was given back, and an order of 0.00, for right', () => {
    const shop = aFlawlessShop();
    shop.truth.notifications.push({ providerRef: 'r-9', paymentSn: 'p-paid', status: 'succeeded' });
    shop.truth.refunds.push({ orderSn: 'paid', providerRef: 'r-9', amount: 11001n });
    const free = { orderSn: 'free', paymentSn: 'p-free', original: 0n, discount: 0n, final: 0n, shippingFee: 0n };
    shop.truth.orders.push({ ...orderOf(shop, 'failed'), ...free, status: 'PAID' });
    shop.truth.items.push({ orderSn: 'free', productId: '12', quantity: 1, price: 0n, discount: 0n, units: [] });
    shop.truth.payments.push({ orderSn: 'free', paymentSn: 'p-free', amount: 0n, status: 'NOT_REQUIRED' });
    shop.truth.reservations.push({ orderSn: 'free', productId: '12', quantity: 1, state: 'COMMITTED' });
    shop.stories.push({ orderSn: 'free', fate: 'free', mayEndAs: ['PAID'] });
    expect(found(shop)).toEqual([]);
  });

  it.each([...COUPON_DAMAGES, ...MONEY_DAMAGES, ...STOCK_AND_ORDER_DAMAGES])(
    'finds %s, and nothing else',
    (_, damage, expected) => {
      const shop = aFlawlessShop();
      damage(shop);
      expect(found(shop)).toEqual(expected);
    },
  );
});
