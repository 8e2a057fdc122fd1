import { Metadata, status } from '@grpc/grpc-js';
import type { CalculateDiscountRequest, DiscountResponse, OrderCouponsResponse } from '@coupon/contracts';
import { inMs, useAdmin } from './fixture';
import type { Answer } from './fixture';

const admin = useAdmin(() => ({ SCHEDULE_INTERVAL_MS: '60000' }));
const CALCULATE = '/api/v1/discounts/calculate';
const SIMULATE = '/api/v1/discounts/simulate';

const order = {
  order_items: [
    { goods_id: 1, category_id: 10, quantity: 3, price: '100.00' },
    { goods_id: 2, category_id: 20, quantity: 1, price: 50.5 },
  ],
  shipping_fee: '6.00',
};

/** A coupon of its own template. @returns its serial number and user coupon id. */
async function aCouponOf(userId: string, template: Record<string, unknown>): Promise<{ sn: string; id: string }> {
  const couponId = await admin.template(template);
  const claimed = await admin.call('POST', `/api/v1/coupon-templates/${couponId}/claim`, { user_id: userId });
  const sn = claimed.body.coupon_sn;
  const rows = await admin.database.query<{ id: string }>('SELECT id FROM user_coupons WHERE coupon_sn = ?', [sn]);
  return { sn, id: String(rows[0]?.id) };
}

const calculate = (userId: string, sns: readonly string[], more: object = {}, headers = {}): Promise<Answer> =>
  admin.call('POST', CALCULATE, { user_id: userId, coupon_sns: sns, ...order, ...more }, headers);

const inline = (id: number, more: object = {}): object => ({
  id,
  type: 1,
  discount_type: 1,
  discount_value: '10.00',
  valid_start_time: inMs(-1000),
  valid_end_time: inMs(60_000),
  ...more,
});
const simulate = (coupons: readonly object[], more: object = {}): Promise<Answer> =>
  admin.call('POST', SIMULATE, { coupons, ...order, ...more });

it('prices an order with the coupons a user has, down to the unit', async () => {
  const off = await aCouponOf('501', { discount_value: '10.00', min_amount: '300.00' });
  const shipping = await aCouponOf('501', { type: 3, discount_value: '0', min_amount: '0' });
  const answer = await calculate('501', [shipping.sn, off.sn]);
  expect(answer).toMatchObject({
    status: 200,
    body: {
      original_amount: '356.50',
      discount_amount: '16.00',
      final_amount: '340.50',
      shipping_discount: '6.00',
      optimal: true,
      refused: [],
      coupon_discounts: [
        {
          user_coupon_id: off.id,
          coupon_sn: off.sn,
          discount_amount: '10.00',
          code: 'APPLIED',
          discount_reason: '10.00 off from 300.00',
          lines: [
            {
              index: 0,
              amount: '8.56',
              units: [
                { count: 1, amount: '2.86' },
                { count: 2, amount: '2.85' },
              ],
            },
            { index: 1, amount: '1.44', units: [{ count: 1, amount: '1.44' }] },
          ],
        },
        { user_coupon_id: shipping.id, discount_amount: '6.00', lines: [] },
      ],
    },
  });
});

it('prices tiers and buy X get Y by the terms that were stored, and offers them', async () => {
  const rule_args = {
    tiers: [
      { min_amount: 300, discount_value: 30 },
      { min_amount: 400, discount_value: 90 },
    ],
  };
  const tiers = await aCouponOf('551', { type: 4, discount_value: '0', min_amount: '0', rule_args });
  const free = await aCouponOf('551', {
    ...{ type: 5, discount_value: '0', min_amount: '0' },
    ...{ applicable_goods: [1], rule_args: { buy_quantity: 2, get_quantity: 1 } },
  });
  const answer = await calculate('551', [tiers.sn, free.sn]);
  expect(answer.body).toMatchObject({
    discount_amount: '121.44',
    coupon_discounts: [
      { user_coupon_id: tiers.id, discount_amount: '30.00' },
      // One of three of what the tiers have left of the line: a third of 300.00 - 25.68.
      { user_coupon_id: free.id, discount_amount: '91.44' },
    ],
  });
  const available = await admin.call('POST', '/api/v1/users/551/coupons/available', order);
  const { usable } = available.body as unknown as { usable: { id: string }[] };
  expect(usable.map(({ id }) => id).sort()).toEqual([tiers.id, free.id].sort());
});

it('refuses coupons that are unknown, of somebody else or used without failing the call, in the language asked for', async () => {
  const mine = await aCouponOf('502', { discount_value: '1.00', min_amount: '1000.00' });
  const theirs = await aCouponOf('503', {});
  const used = await aCouponOf('502', {});
  await admin.database.query('UPDATE user_coupons SET status = 3 WHERE coupon_sn = ?', [used.sn]);
  const answer = await calculate('502', [theirs.sn, 'no-such', mine.sn, used.sn], {}, { 'accept-language': 'zh-CN' });
  expect(answer).toMatchObject({ status: 200, body: { discount_amount: '0.00' } });
  expect((answer.body as unknown as { refused: unknown[] }).refused).toEqual([
    {
      user_coupon_id: mine.id,
      coupon_sn: mine.sn,
      code: 'BELOW_MIN_AMOUNT',
      message: '再买649.50即可使用该优惠券。',
      details: { shortfall: '649.50', min_amount: '1000.00', subtotal: '350.50' },
    },
    expect.objectContaining({ user_coupon_id: used.id, code: 'ALREADY_USED', details: {} }),
    ...[theirs.sn, 'no-such'].sort().map((sn) => ({
      user_coupon_id: null,
      coupon_sn: sn,
      code: 'NOT_OWNED',
      message: '您没有这张优惠券。',
      details: {},
    })),
  ]);
});

it('reads the rows as they are now: a disabled template, a lock', async () => {
  const one = await aCouponOf('504', {});
  const two = await aCouponOf('504', {});
  await admin.database.query(
    'UPDATE coupon_templates t JOIN user_coupons u ON u.coupon_id = t.id SET t.status = 2 WHERE u.id = ?',
    [one.id],
  );
  await admin.database.query("UPDATE user_coupons SET status = 2, order_sn = 'o-1' WHERE id = ?", [two.id]);
  const { body } = await calculate('504', [one.sn, two.sn]);
  expect((body as unknown as { refused: { code: string }[] }).refused.map(({ code }) => code)).toEqual([
    'TEMPLATE_DISABLED',
    'LOCKED_BY_ANOTHER_ORDER',
  ]);
});

it('answers 409 with the code and the coupons when they may not be used together', async () => {
  const six = await Promise.all(Array.from({ length: 6 }, () => aCouponOf('505', { discount_value: '1.00' })));
  const ids = six.map(({ id }) => id).sort((a, b) => Number(BigInt(a) - BigInt(b)));
  const tooMany = await calculate(
    '505',
    six.map(({ sn }) => sn),
  );
  expect(tooMany).toMatchObject({ status: 409, body: { code: 'TOO_MANY_COUPONS', details: { coupon_ids: ids } } });
  const best = await calculate(
    '505',
    six.map(({ sn }) => sn),
    { mode: 'best' },
  );
  expect(best).toMatchObject({
    status: 200,
    body: { discount_amount: '5.00', refused: [{ user_coupon_id: ids[5], code: 'NOT_IN_BEST' }] },
  });
});

it('simulates without the database, at a time of choice', async () => {
  const coupons = [inline(7, { stack_group: 'g' }), inline(100, { stack_group: 'g', discount_value: 12 })];
  expect(await simulate(coupons)).toMatchObject({
    status: 409,
    body: { code: 'EXCLUSIVE_GROUP', details: { coupon_ids: ['7', '100'] } },
  });
  expect(await simulate(coupons, { mode: 'best' })).toMatchObject({
    status: 200,
    body: {
      discount_amount: '12.00',
      coupon_discounts: [{ user_coupon_id: '100' }],
      refused: [{ user_coupon_id: '7', code: 'EXCLUSIVE_GROUP', details: { blocked_by: '100' } }],
    },
  });
  const later = await simulate([inline(1)], { now: inMs(3_600_000) });
  expect(later).toMatchObject({ status: 200, body: { refused: [{ code: 'EXPIRED' }] } });
  const tiers = { type: 4, discount_value: 0, rule_args: { tiers: [{ min_amount: 300, discount_value: 30 }] } };
  expect(await simulate([inline(1, tiers)])).toMatchObject({ status: 200, body: { discount_amount: '30.00' } });
});

it.each<[string, object, string]>([
  [
    'a price with three decimals',
    { order_items: [{ goods_id: 1, quantity: 1, price: 0.001 }] },
    'order_items[0].price',
  ],
  ['a negative price', { order_items: [{ goods_id: 1, quantity: 1, price: '-1' }] }, 'order_items[0].price'],
  ['no lines', { order_items: [] }, 'order_items'],
  ['no order', { order_items: undefined }, 'order_items'],
  ['a mode there is not', { mode: 'worst' }, 'mode'],
  ['the same coupon twice', { coupons: [inline(1), inline(1)] }, 'coupons[1]'],
  ['max_discount beside type 1', { coupons: [inline(1, { max_discount: 1 })] }, 'coupons[0].max_discount'],
  ['a type there is not', { coupons: [inline(1, { type: 6 })] }, 'coupons[0].type'],
])('refuses %s by the name of the field', async (_, changes, field) => {
  const answer = await simulate([], changes);
  expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT', details: { field } } });
});

it('refuses a coupon named twice', async () => {
  expect(await calculate('506', ['a', 'a'])).toMatchObject({
    status: 400,
    body: { details: { field: 'coupon_sns[1]' } },
  });
});

it('tells the coupons a user holds apart: usable, unusable with the reason, and the best of them', async () => {
  const good = await aCouponOf('507', { discount_value: '20.00' });
  const better = await aCouponOf('507', { discount_value: '30.00', stackable: false });
  const far = await aCouponOf('507', { min_amount: '9000.00' });
  const used = await aCouponOf('507', {});
  await admin.database.query('UPDATE user_coupons SET status = 3 WHERE id = ?', [used.id]);
  const answer = await admin.call('POST', '/api/v1/users/507/coupons/available', order);
  expect(answer.status).toBe(200);
  const body = answer.body as unknown as {
    usable: { coupon_sn: string }[];
    unusable: unknown[];
    best: { discount_amount: string; refused: unknown[] };
  };
  expect(body.usable.map(({ coupon_sn }) => coupon_sn).sort()).toEqual([good.sn, better.sn].sort());
  expect(body.unusable).toMatchObject([{ coupon_sn: far.sn, code: 'BELOW_MIN_AMOUNT' }]);
  expect(body.best.discount_amount).toBe('30.00');
});

describe('by gRPC', () => {
  const items = [
    { goodsId: '1', categoryId: '0', quantity: 2, price: 0.1 },
    { goodsId: '2', categoryId: '3', quantity: 1, price: 0, priceMinor: '9999999' },
  ];
  const message = (over: Partial<CalculateDiscountRequest>): CalculateDiscountRequest => ({
    userId: '508',
    couponIds: [],
    orderItems: items,
    shippingFee: 0,
    ...over,
  });
  const call = (request: CalculateDiscountRequest): Promise<DiscountResponse> =>
    new Promise((resolve, reject) => {
      admin.client.calculateDiscount(request, new Metadata(), (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });

  it('calculates by user coupon ids, in doubles and exactly', async () => {
    const coupon = await aCouponOf('508', { type: 2, discount_type: 2, discount_value: '33.33' });
    const answer = await call(message({ couponIds: [coupon.id, '999999'] }));
    expect(answer).toMatchObject({
      originalMinor: '10000019',
      discountMinor: '3333006',
      discountAmount: 33330.06,
      finalMinor: '6667013',
      optimal: true,
      couponDiscounts: [
        { couponId: coupon.id, couponSn: coupon.sn, discountMinor: '3333006', discountReason: '33.33% off from 50.00' },
      ],
      refused: [{ couponId: '999999', code: 'NOT_OWNED' }],
    });
  });

  it('lists what may be used for an order', async () => {
    const coupon = await aCouponOf('509', { min_amount: '0', discount_value: '0.05' });
    const answer = await new Promise<OrderCouponsResponse>((resolve, reject) => {
      const request = { userId: '509', orderItems: items.slice(0, 1), shippingFee: 1.5 };
      admin.client.getAvailableCouponsForOrder(request, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
    expect(answer).toMatchObject({
      usable: [{ id: coupon.id }],
      unusable: [],
      best: { discountMinor: '5', originalMinor: '170' },
    });
  });

  it('refuses doubles that are no amount, and modes there are not', async () => {
    const wrong = { code: status.INVALID_ARGUMENT };
    await expect(call(message({ shippingFee: 0.001 }))).rejects.toMatchObject(wrong);
    await expect(call(message({ shippingFeeMinor: '-1' }))).rejects.toMatchObject(wrong);
    await expect(call(message({ mode: 'any' }))).rejects.toMatchObject(wrong);
  });

  it('answers a violation of stacking with FAILED_PRECONDITION', async () => {
    const two = await Promise.all([1, 2].map(() => aCouponOf('510', { stackable: false })));
    const request = message({
      userId: '510',
      couponIds: two.map(({ id }) => id),
      orderItems: [{ goodsId: '1', categoryId: '0', quantity: 1, price: 60 }],
    });
    await expect(call(request)).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });
});
