import { createHmac } from 'node:crypto';
import { OrderDiscountRequest, OrderSagaClient } from '@coupon/contracts';
import { Metadata, credentials } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { useOrders } from '../support/order-fixture';

const AUTH_SECRET = 'x'.repeat(32);

function token(sub: string, role?: string): Record<string, string> {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub, role, exp: Math.floor(Date.now() / 1000) + 600 })}`;
  return {
    authorization: `Bearer ${content}.${createHmac('sha256', AUTH_SECRET).update(content).digest('base64url')}`,
  };
}

describe('bad input and strangers', () => {
  const shop = useOrders({ AUTH_MODE: 'jwt', AUTH_HS256_SECRET: AUTH_SECRET });
  const user = token('7');
  let goods: string;
  const counts = async (): Promise<unknown> =>
    shop.shop.query('SELECT (SELECT COUNT(*) FROM orders) AS orders, (SELECT COUNT(*) FROM saga_runs) AS runs');
  const post = (body: Record<string, unknown>, headers = user) =>
    shop.call(
      'POST',
      '/api/v1/checkouts?wait=true',
      { order_sn: shop.newOrderSn(), user_id: '7', items: [{ goods_id: goods, quantity: 1 }], ...body },
      headers,
    );

  beforeAll(async () => {
    goods = await shop.product({ price: '100.00' });
  });

  const longSn = 'a'.repeat(300);
  const item = (over: object): Record<string, unknown> => ({ items: [{ goods_id: '1', quantity: 1, ...over }] });
  it.each<[string, Record<string, unknown>, number, string, string]>([
    ['an order_sn of 300 characters', { order_sn: longSn }, 400, 'INVALID_ARGUMENT', 'order_sn'],
    ['FAILURE in the order_sn', { order_sn: 'my-Failure-1' }, 400, 'INVALID_ARGUMENT', 'order_sn'],
    ['ONGOING in the order_sn', { order_sn: 'xongoingx' }, 400, 'INVALID_ARGUMENT', 'order_sn'],
    ['a space in the order_sn', { order_sn: 'a b' }, 400, 'INVALID_ARGUMENT', 'order_sn'],
    ['no order_sn', { order_sn: undefined }, 400, 'INVALID_ARGUMENT', 'order_sn'],
    ['no items', { items: [] }, 400, 'INVALID_ARGUMENT', 'items'],
    [
      '201 items',
      { items: Array.from({ length: 201 }, () => ({ goods_id: 1, quantity: 1 })) },
      400,
      'INVALID_ARGUMENT',
      'items',
    ],
    ['a negative price', item({ price: '-1.00' }), 400, 'INVALID_ARGUMENT', 'items[0].price'],
    ['a price of 0.001', item({ price: 0.001 }), 400, 'INVALID_ARGUMENT', 'items[0].price'],
    ['a quantity of 0', item({ quantity: 0 }), 400, 'INVALID_ARGUMENT', 'items[0].quantity'],
    ['a quantity of 1.5', item({ quantity: 1.5 }), 400, 'INVALID_ARGUMENT', 'items[0].quantity'],
    ['an id of words', item({ goods_id: 'shoe' }), 400, 'INVALID_ARGUMENT', 'items[0].goods_id'],
    ['a fee of 1.001', { shipping_fee: '1.001' }, 400, 'INVALID_ARGUMENT', 'shipping_fee'],
    ['an unknown field', { coupon_sn: 'X' }, 400, 'INVALID_ARGUMENT', 'coupon_sn'],
    ['a coupon twice', { coupon_sns: ['A', 'A'] }, 400, 'INVALID_ARGUMENT', 'coupon_sns[1]'],
    ['six coupons', { coupon_sns: ['A', 'B', 'C', 'D', 'E', 'F'] }, 409, 'TOO_MANY_COUPONS', 'coupon_sns'],
    ['an unknown coupon', { coupon_sns: ['NOBODY-HAS-THIS'] }, 409, 'NOT_OWNED', 'coupon_sns[0]'],
    ['an unknown product', item({ goods_id: '999999' }), 404, 'NOT_FOUND', 'items[0].goods_id'],
  ])('refuses %s and writes nothing', async (_what, body, status, code, field) => {
    const before = await counts();
    const answer = await post(body);
    expect(answer).toMatchObject({ status, body: { success: false, code, details: { field } } });
    expect(await counts()).toEqual(before);
  });

  it('refuses an order that costs more than any may', async () => {
    const answer = await post({ items: [{ goods_id: goods, quantity: 1_000_000 }] });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT', details: { field: 'items' } } });
  });

  it('names the price when another one was expected', async () => {
    const answer = await post({ items: [{ goods_id: goods, quantity: 1, price: '99.00' }] });
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT', details: { field: 'items[0].price', price: '100.00' } },
    });
    expect((await post({ items: [{ goods_id: goods, quantity: 1, price: 100 }] })).status).toBe(202);
  });

  it.each<[string, string, string]>([
    ['NOT_OWNED', 'of somebody else', 'UPDATE user_coupons SET user_id = 8 WHERE id = ?'],
    ['NOT_OWNED', 'taken back', 'UPDATE user_coupons SET status = 5 WHERE id = ?'],
    ['ALREADY_USED', 'used', "UPDATE user_coupons SET status = 3, order_sn = 'x' WHERE id = ?"],
    ['LOCKED_BY_ANOTHER_ORDER', 'locked', "UPDATE user_coupons SET status = 2, order_sn = 'x' WHERE id = ?"],
    ['EXPIRED', 'expired', "UPDATE user_coupons SET valid_end_time = '2021-01-01' WHERE id = ?"],
  ])('refuses with %s a coupon that is %s, by its place', async (code, _what, sql) => {
    const [good, bad] = [await shop.newCoupon(), await shop.newCoupon()];
    await shop.coupon.query(sql, [bad.id]);
    const before = await counts();
    const answer = await post({ coupon_sns: [good.sn, bad.sn] });
    expect(answer).toMatchObject({
      status: 409,
      body: {
        code,
        message: expect.stringContaining('coupon_sns[1]') as string,
        details: { field: 'coupon_sns[1]', coupon_sn: bad.sn },
      },
    });
    expect(await counts()).toEqual(before);
  });

  it('refuses coupons that may not be used together, by their places', async () => {
    const group = { stack_group: 'g' };
    const [a, b, c] = [await shop.newCoupon(group), await shop.newCoupon(), await shop.newCoupon(group)];
    const answer = await post({ coupon_sns: [a.sn, b.sn, c.sn] });
    expect(answer.body).toMatchObject({
      code: 'EXCLUSIVE_GROUP',
      details: { fields: ['coupon_sns[0]', 'coupon_sns[2]'] },
    });
  });

  it('lets users order, read and cancel for themselves, staff for anyone', async () => {
    expect((await post({}, {})).status).toBe(401);
    expect(await post({}, token('8'))).toMatchObject({ status: 403, body: { details: { field: 'user_id' } } });
    const { body } = await post({}, token('1', 'operator'));
    const at = `/api/v1/checkouts/${body.order_sn}`;
    expect((await shop.call('GET', at)).status).toBe(401);
    expect((await shop.call('GET', at, undefined, token('8'))).status).toBe(403);
    expect((await shop.call('GET', at, undefined, user)).status).toBe(200);
    expect((await shop.call('GET', at, undefined, token('1', 'admin'))).status).toBe(200);
    const cancel = `/api/v1/orders/${body.order_sn}/cancel`;
    expect((await shop.call('POST', cancel, undefined, token('8'))).status).toBe(403);
    expect((await shop.call('POST', `${cancel}?wait=soon`, undefined, user)).status).toBe(400);
    expect((await shop.call('POST', cancel, undefined, user)).status).toBe(202);
    expect(await shop.call('GET', '/api/v1/checkouts/none', undefined, user)).toMatchObject({ status: 404 });
    expect((await shop.call('POST', `/api/v1/orders/${longSn}/refund`, undefined, user)).status).toBe(400);
  });

  describe('OrderSaga without DTM', () => {
    let client: OrderSagaClient;
    beforeAll(() => {
      client = new OrderSagaClient(`127.0.0.1:${shop.instance.app.grpc.port}`, credentials.createInsecure());
    });
    afterAll(() => client.close());
    const calculate = (over: Partial<OrderDiscountRequest>, headers: Record<string, string>) =>
      new Promise((resolve) => {
        const metadata = new Metadata();
        for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
        const request = OrderDiscountRequest.fromPartial({
          orderSn: 'plain',
          userId: '7',
          orderItems: [{ goodsId: goods, quantity: 1, priceMinor: '10000' }],
          shippingFeeMinor: '0',
          discountMinor: '0',
          finalMinor: '10000',
          ...over,
        });
        client.calculateOrderDiscount(request, metadata, (error: ServiceError | null, response) =>
          resolve(error === null ? response : error.code),
        );
      });

    it('prices for staff only, and writes nothing', async () => {
      expect(await calculate({}, {})).toBe(16);
      expect(await calculate({}, user)).toBe(7);
      expect(await calculate({}, token('1', 'operator'))).toMatchObject({
        originalMinor: '10000',
        finalMinor: '10000',
      });
      expect(await calculate({ finalMinor: '1' }, token('1', 'operator'))).toBe(9);
    });

    it('takes nobody for DTM who does not know the secret', async () => {
      const dtm = { 'dtm-gid': 'g-1', 'dtm-trans_type': 'saga', 'dtm-branch_id': '01', 'dtm-op': 'action' };
      expect(await calculate({}, { ...dtm, ...token('1', 'operator') })).toBe(9);
    });
  });
});
