import { COUPON } from '../truth';
import { at, couponOf, foundAfter } from '../../../test/support/flawless-shop';
import type { Damage } from '../../../test/support/flawless-shop';

const { unused, locked, used } = COUPON;

const DAMAGES: Damage[] = [
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

describe('verifyRedemption, of coupons', () => {
  it('takes a coupon that expired or was voided after its orders for right', () => {
    const found = foundAfter((shop) => {
      couponOf(shop, '4').status = COUPON.expired;
      couponOf(shop, '5').status = COUPON.void;
      shop.truth.transitions.push({ couponId: '5', from: unused, to: COUPON.void, orderSn: null });
    });
    expect(found).toEqual([]);
  });

  it.each(DAMAGES)('finds %s, and nothing else', (_, damage, expected) => {
    expect(foundAfter(damage)).toEqual(expected);
  });
});
