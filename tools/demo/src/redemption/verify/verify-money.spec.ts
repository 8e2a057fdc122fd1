import { at, foundAfter, orderOf } from '../../../test/support/flawless-shop';
import type { Damage } from '../../../test/support/flawless-shop';

const DAMAGES: Damage[] = [
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

describe('verifyRedemption, of money', () => {
  it('takes a second capture that was given back, and an order of 0.00, for right', () => {
    const found = foundAfter((shop) => {
      shop.truth.notifications.push({ providerRef: 'r-9', paymentSn: 'p-paid', status: 'succeeded' });
      shop.truth.refunds.push({ orderSn: 'paid', providerRef: 'r-9', amount: 11001n });
      const free = { orderSn: 'free', paymentSn: 'p-free', original: 0n, discount: 0n, final: 0n, shippingFee: 0n };
      shop.truth.orders.push({ ...orderOf(shop, 'failed'), ...free, status: 'PAID' });
      shop.truth.items.push({ orderSn: 'free', productId: '12', quantity: 1, price: 0n, discount: 0n, units: [] });
      shop.truth.payments.push({ orderSn: 'free', paymentSn: 'p-free', amount: 0n, status: 'NOT_REQUIRED' });
      shop.truth.reservations.push({ orderSn: 'free', productId: '12', quantity: 1, state: 'COMMITTED' });
      shop.stories.push({ orderSn: 'free', fate: 'free', mayEndAs: ['PAID'] });
    });
    expect(found).toEqual([]);
  });

  it.each(DAMAGES)('finds %s, and nothing else', (_, damage, expected) => {
    expect(foundAfter(damage)).toEqual(expected);
  });
});
