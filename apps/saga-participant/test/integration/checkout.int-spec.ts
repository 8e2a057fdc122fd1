import { BRANCHES } from '../../src/branches/catalogue';
import { eventually } from '@coupon/testing';
import { USER, useOrders } from '../support/order-fixture';

const UNUSED = 1;
const LOCKED = 2;
const USED = 3;
const { coupons, orders, payments, inventory } = BRANCHES;

describe.each(['grpc', 'http'])('checkout with branches over %s', (transport) => {
  const shop = useOrders({ BRANCH_TRANSPORT: transport });

  /** An order with one coupon over one product. */
  const submit = async (over: Record<string, unknown> = {}) => {
    const orderSn = shop.newOrderSn();
    const [goods, coupon] = await Promise.all([shop.product(), shop.newCoupon()]);
    const body = { order_sn: orderSn, coupon_sns: [coupon.sn], items: [{ goods_id: goods, quantity: 2 }], ...over };
    return { orderSn, goods, coupon, body };
  };

  it('locks, prices, creates the payment and reserves; the payment settles it', async () => {
    const { orderSn, goods, coupon, body } = await submit({ shipping_fee: '5.00' });
    const answer = await shop.checkout(body);
    expect(answer).toEqual({
      status: 202,
      body: { order_sn: orderSn, gid: `checkout-${orderSn}`, status: 'AWAITING_PAYMENT' },
    });
    const order = await shop.read(orderSn);
    expect(order).toMatchObject({
      status: 'AWAITING_PAYMENT',
      original_amount: '205.00',
      discount_amount: '10.00',
      final_amount: '195.00',
      shipping_fee: '5.00',
      coupons: [{ coupon_sn: coupon.sn, user_coupon_id: coupon.id, discount_amount: '10.00' }],
      refused: [],
      items: [
        {
          goods_id: goods,
          category_id: '3',
          quantity: 2,
          price: '100.00',
          discount_amount: '10.00',
          units: [{ count: 2, amount: '5.00' }],
        },
      ],
    });
    expect(order.payment_sn).toMatch(/^[\w-]{1,64}$/);
    expect(await shop.world(orderSn)).toEqual({
      coupons: [LOCKED],
      payment: 'CREATED',
      reservations: ['RESERVED'],
      refunds: 0,
    });
    await shop.capture(orderSn);
    await shop.becomes(orderSn, 'PAID');
    expect(await shop.world(orderSn)).toEqual({
      coupons: [USED],
      payment: 'CAPTURED',
      reservations: ['COMMITTED'],
      refunds: 0,
    });
    const events = await shop.shop.query<{ routing_key: string; body: Record<string, string> }>(
      "SELECT routing_key, body FROM outbox WHERE body->>'$.order_sn' = ? ORDER BY id",
      [orderSn],
    );
    expect(events.map(({ routing_key: key }) => key)).toEqual(['order.created.v1', 'order.paid.v1']);
    expect(events[0]?.body).toMatchObject({ user_id: USER, payment_sn: order.payment_sn, final_amount: '195.00' });
    expect(events[0]?.body['payment_deadline']).toMatch(/^20\d\d-.*Z$/);
  });

  it('leaves the coupon steps out of an order without coupons', async () => {
    const { orderSn, body } = await submit({ coupon_sns: [] });
    expect((await shop.checkout(body)).body.status).toBe('AWAITING_PAYMENT');
    await shop.capture(orderSn);
    await shop.becomes(orderSn, 'PAID');
    expect(shop.script.calls.filter((call) => call.includes(orderSn) && call.startsWith('/coupons'))).toEqual([]);
  });

  it.each([
    ['coupons.lock', coupons.lock, 'LOCKED_BY_ANOTHER_ORDER', null, []],
    ['payments.create', payments.create, 'LIMIT_REACHED', null, []],
    ['inventory.reserve', inventory.reserve, 'SOLD_OUT', 'CANCELLED', []],
  ] as const)(
    'a refusal of %s undoes everything before it and is the reason',
    async (_name, branch, code, payment, reservations) => {
      const { orderSn, body } = await submit();
      shop.script.refuse(branch, orderSn, code);
      expect((await shop.checkout(body)).body).toMatchObject({ status: 'FAILED', reason_code: code });
      expect(await shop.read(orderSn)).toMatchObject({ status: 'FAILED', reason_code: code });
      expect(await shop.world(orderSn)).toEqual({ coupons: [UNUSED], payment, reservations, refunds: 0 });
    },
  );

  it.each<[string, string, (goods: string, couponId: string) => [string, string]]>([
    [
      'PRICE_CHANGED',
      'the price of a product',
      (goods) => ['shop', `UPDATE products SET price = 99.99 WHERE id = ${goods}`],
    ],
    [
      'PRICE_CHANGED',
      'the terms of a coupon',
      (_goods, id) => [
        'coupon',
        `UPDATE coupon_templates SET discount_value = 9 WHERE id = (SELECT coupon_id FROM user_coupons WHERE id = ${id})`,
      ],
    ],
    [
      'EXPIRED',
      'the end of a coupon',
      (_goods, id) => ['coupon', `UPDATE user_coupons SET valid_end_time = '2021-01-01' WHERE id = ${id}`],
    ],
    [
      'COUPON_NOT_LOCKED',
      'the lock of a coupon',
      (_goods, id) => ['coupon', `UPDATE user_coupons SET status = 1, order_sn = NULL WHERE id = ${id}`],
    ],
  ])('refuses with %s when %s changes between the quote and the branch', async (code, _what, change) => {
    const { orderSn, goods, coupon, body } = await submit();
    const [database, sql] = change(goods, coupon.id);
    // The lock's commit is before the branch that prices again; whatever comes after it is too late for the quote.
    const afterLock = shop.instance.context.coupons.branches;
    const original = afterLock.action.bind(afterLock);
    jest.spyOn(afterLock, 'action').mockImplementation(async (identity, work) => {
      const outcome = await original(identity, work);
      if (identity.gid.includes(orderSn)) await (database === 'shop' ? shop.shop : shop.coupon).query(sql);
      return outcome;
    });
    expect((await shop.checkout(body)).body).toMatchObject({ status: 'FAILED', reason_code: code });
    expect(await shop.world(orderSn)).toEqual({ coupons: [UNUSED], payment: null, reservations: [], refunds: 0 });
  });

  it('settles an order of 0.00 at once', async () => {
    const { orderSn, body } = await submit();
    const free = await shop.newCoupon({ type: 1, discount_value: '1000.00', min_amount: '0.00' });
    expect((await shop.checkout({ ...body, coupon_sns: [free.sn] })).body.status).toBe('PAID');
    expect(await shop.world(orderSn)).toEqual({
      coupons: [USED],
      payment: 'NOT_REQUIRED',
      reservations: ['COMMITTED'],
      refunds: 0,
    });
    expect(await shop.read(orderSn)).toMatchObject({ final_amount: '0.00', discount_amount: '200.00' });
  });

  it('leaves a coupon without effect out, unlocked, and says so', async () => {
    const { orderSn, coupon, body } = await submit();
    const shipping = await shop.newCoupon({ type: 3, discount_value: '0.00', min_amount: '0.00' });
    const answer = await shop.checkout({ ...body, coupon_sns: [shipping.sn, coupon.sn] });
    const refused = [{ coupon_sn: shipping.sn, code: 'NO_EFFECT' }];
    expect(answer.body).toMatchObject({ status: 'AWAITING_PAYMENT', refused });
    expect(await shop.read(orderSn)).toMatchObject({ coupons: [{ coupon_sn: coupon.sn }], refused });
    expect((await shop.world(orderSn)).coupons).toEqual([LOCKED, UNUSED]);
  });

  it('cancels: everything is given back, once, and the coupon can be used again', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    const cancelled = await shop.call('POST', `/api/v1/orders/${orderSn}/cancel?wait=true`);
    expect(cancelled).toMatchObject({
      status: 202,
      body: { order_sn: orderSn, gid: `cancel-${orderSn}`, status: 'CANCELLED', reason_code: 'USER_CANCELLED' },
    });
    expect((await shop.call('POST', `/api/v1/orders/${orderSn}/cancel`)).status).toBe(202);
    expect(await shop.world(orderSn)).toEqual({
      coupons: [UNUSED],
      payment: 'CANCELLED',
      reservations: ['RELEASED'],
      refunds: 0,
    });
    const again = await shop.checkout({ ...body, order_sn: shop.newOrderSn() });
    expect(again.body.status).toBe('AWAITING_PAYMENT');
  });

  it('cancels after a declined payment', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    await shop.decline(orderSn);
    expect(await shop.becomes(orderSn, 'CANCELLED')).toMatchObject({ reason_code: 'PAYMENT_DECLINED' });
    expect((await shop.world(orderSn)).coupons).toEqual([UNUSED]);
  });

  it('refunds a paid order: money, coupons and goods go back', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    expect((await shop.call('POST', `/api/v1/orders/${orderSn}/refund`)).status).toBe(409);
    await shop.capture(orderSn);
    await shop.becomes(orderSn, 'PAID');
    const { payment_sn: paymentSn } = await shop.read(orderSn);
    expect((await shop.call('POST', `/api/v1/orders/${orderSn}/cancel`)).body).toMatchObject({ code: 'CONFLICT' });
    const refunded = await shop.call('POST', `/api/v1/orders/${orderSn}/refund?wait=true`);
    expect(refunded.body).toMatchObject({
      gid: `refund-${paymentSn}`,
      status: 'REFUNDED',
      reason_code: 'REFUND_REQUESTED',
    });
    expect(await shop.world(orderSn)).toEqual({
      coupons: [UNUSED],
      payment: 'REFUNDED',
      reservations: ['RETURNED'],
      refunds: 1,
    });
  });

  it('a payment after the cancellation acquires everything again', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    await shop.call('POST', `/api/v1/orders/${orderSn}/cancel?wait=true`);
    await shop.capture(orderSn);
    expect(await shop.becomes(orderSn, 'PAID')).not.toHaveProperty('reason_code');
    expect(await shop.world(orderSn)).toEqual({
      coupons: [USED],
      payment: 'CAPTURED',
      reservations: ['COMMITTED'],
      refunds: 0,
    });
  });

  it('a payment after the cancellation goes back when the goods are gone', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    await shop.call('POST', `/api/v1/orders/${orderSn}/cancel?wait=true`);
    shop.script.refuse(inventory.reserve, orderSn, 'SOLD_OUT');
    await shop.capture(orderSn);
    expect(await shop.becomes(orderSn, 'REFUNDED')).toMatchObject({ reason_code: 'SOLD_OUT' });
    expect(await shop.world(orderSn)).toEqual({
      coupons: [UNUSED],
      payment: 'REFUNDED',
      reservations: ['RELEASED'],
      refunds: 1,
    });
  });

  it('a payment captured before the checkout fails is refunded', async () => {
    const { orderSn, body } = await submit();
    shop.script.before(inventory.reserve, orderSn, () => shop.capture(orderSn));
    shop.script.refuse(inventory.reserve, orderSn, 'SOLD_OUT');
    await shop.checkout(body);
    expect(await shop.becomes(orderSn, 'REFUNDED')).toMatchObject({ reason_code: 'SOLD_OUT' });
    expect(await shop.world(orderSn)).toMatchObject({ coupons: [UNUSED], payment: 'REFUNDED', refunds: 1 });
  });

  it('a payment captured before the checkout succeeds settles it', async () => {
    const { orderSn, body } = await submit();
    shop.script.before(inventory.reserve, orderSn, () => shop.capture(orderSn));
    expect((await shop.checkout(body)).body.status).toBe('PAID');
    expect(await shop.world(orderSn)).toMatchObject({ coupons: [USED], payment: 'CAPTURED' });
  });

  it('refunds when the coupons cannot be used although they were paid for', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    shop.script.refuse(coupons.use, orderSn, 'CONFLICT');
    await shop.capture(orderSn);
    expect(await shop.becomes(orderSn, 'REFUNDED')).toMatchObject({ reason_code: 'CONFLICT' });
    expect(await shop.world(orderSn)).toEqual({
      coupons: [UNUSED],
      payment: 'REFUNDED',
      reservations: ['RELEASED'],
      refunds: 1,
    });
  });

  it('repeats a cancellation that was refused from outside until it is through', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    shop.script.refuse(coupons.unlock, orderSn, 'INVALID_BRANCH');
    await shop.call('POST', `/api/v1/orders/${orderSn}/cancel?wait=false`);
    await eventually(async () => {
      const runs = await shop.shop.query("SELECT gid FROM saga_runs WHERE order_sn = ? AND state = 'FAILED'", [
        orderSn,
      ]);
      expect(runs).toEqual([{ gid: `cancel-${orderSn}` }]);
    });
    expect((await shop.read(orderSn)).status).toBe('CANCELLING');
    shop.script.allow(coupons.unlock, orderSn);
    await shop.becomes(orderSn, 'CANCELLED');
    expect((await shop.world(orderSn)).coupons).toEqual([UNUSED]);
  });

  it('answers a repeated call of the pricing branch as before, and refuses it after its compensation', async () => {
    const [kept, undone] = [await submit(), await submit()];
    shop.script.refuse(inventory.reserve, undone.orderSn, 'SOLD_OUT');
    await shop.checkout(kept.body);
    await shop.checkout(undone.body);
    await shop.shop.query('UPDATE products SET price = 1 WHERE id = ?', [kept.goods]);
    const again = ({ orderSn, goods, coupon }: typeof kept, gid = `checkout-${orderSn}`) =>
      shop.call(
        'POST',
        `/dtm${orders.discount.path}?gid=${gid}&trans_type=saga&branch_id=02&op=action`,
        {
          orderSn,
          userId: USER,
          userCouponIds: [coupon.id],
          orderItems: [{ goodsId: goods, quantity: 2, priceMinor: '10000' }],
          shippingFeeMinor: '0',
          discountMinor: '1000',
          finalMinor: '19000',
        },
        { 'x-branch-secret': 'a secret of the branches' },
      );
    expect(await again(kept)).toMatchObject({ status: 200 });
    expect(await again(kept, `checkout-other-${kept.orderSn}`)).toMatchObject({
      status: 409,
      body: { code: 'PRICE_CHANGED' },
    });
    expect((await again(undone)).status).toBe(409);
  });

  it('does nothing for whoever does not know the secret of the branches', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    const query = `gid=checkout-${orderSn}&trans_type=saga&branch_id=02&op=compensate`;
    const answer = await shop.call('POST', `/dtm${orders.revertDiscount.path}/compensate?${query}`, { orderSn });
    expect(answer).toEqual({ status: 425, body: { dtm_result: 'ONGOING' } });
  });
});
