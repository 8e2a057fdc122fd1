import { createHash } from 'node:crypto';
import { eventually, seededRandom } from '@coupon/testing';
import { BRANCHES } from '../../src/branches/catalogue';
import { startCheckout } from '../../src/orders/use-cases/start-checkout.use-case';
import type { StartCheckoutDeps } from '../../src/orders/use-cases/start-checkout.use-case';
import { USER, useOrders } from '../support/order-fixture';

describe('checkouts that are repeated, raced and interrupted', () => {
  const shop = useOrders();

  const submit = async (over: Record<string, unknown> = {}) => {
    const orderSn = shop.newOrderSn();
    const [goods, coupon] = await Promise.all([shop.product(), shop.newCoupon()]);
    const body = { order_sn: orderSn, coupon_sns: [coupon.sn], items: [{ goods_id: goods, quantity: 2 }], ...over };
    return { orderSn, goods, coupon, body };
  };
  const actions = (path: string, orderSn: string): number =>
    shop.script.calls.filter((call) => call === `${path} action checkout-${orderSn}`).length;
  const runs = (orderSn: string) =>
    shop.shop.query<{ gid: string; state: string; attempts: number }>(
      'SELECT gid, state, attempts FROM saga_runs WHERE order_sn = ? ORDER BY created_at, gid',
      [orderSn],
    );

  it('makes one order and one saga of ten identical submits at once, and answers all of them alike', async () => {
    const { orderSn, body } = await submit();
    const answers = await Promise.all(Array.from({ length: 10 }, () => shop.checkout(body)));
    const expected = { order_sn: orderSn, gid: `checkout-${orderSn}`, status: 'AWAITING_PAYMENT' };
    expect(answers).toEqual(Array.from({ length: 10 }, () => ({ status: 202, body: expected })));
    expect(actions(BRANCHES.coupons.lock.path, orderSn)).toBe(1);
    expect(await runs(orderSn)).toEqual([{ gid: `checkout-${orderSn}`, state: 'SUCCEEDED', attempts: 1 }]);
    expect(await shop.shop.query('SELECT 1 FROM order_items WHERE order_sn = ?', [orderSn])).toHaveLength(1);
  });

  it('answers the same request with the order it made, also when its coupons are used and prices have changed', async () => {
    const { orderSn, goods, body } = await submit();
    await shop.checkout(body);
    await shop.capture(orderSn);
    await shop.becomes(orderSn, 'PAID');
    await shop.shop.query('UPDATE products SET price = 1 WHERE id = ?', [goods]);
    expect(await shop.checkout(body)).toMatchObject({ status: 202, body: { order_sn: orderSn, status: 'PAID' } });
  });

  it.each<[string, Record<string, unknown>]>([
    ['other coupons', { coupon_sns: [] }],
    ['another user', { user_id: '8', coupon_sns: [] }],
    ['another fee', { shipping_fee: '1.00' }],
  ])('refuses %s under the same number', async (_what, over) => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    const answer = await shop.checkout({ ...body, ...over });
    expect(answer).toMatchObject({ status: 409, body: { code: 'CONFLICT', details: { field: 'order_sn' } } });
    expect(await shop.read(orderSn)).toMatchObject({ status: 'AWAITING_PAYMENT', final_amount: '190.00' });
  });

  it('gives one coupon to exactly one of two orders', async () => {
    const first = await submit();
    const second = { ...first.body, order_sn: shop.newOrderSn() };
    const answers = await Promise.all([shop.checkout(first.body), shop.checkout(second)]);
    const outcomes = answers.map(({ status, body }) => (status === 202 ? body.status : body.code)).sort();
    expect(outcomes[0]).toBe('AWAITING_PAYMENT');
    expect(['FAILED', 'LOCKED_BY_ANOTHER_ORDER']).toContain(outcomes[1]);
  });

  it('drives on what a process wrote down and never submitted, when its lease has ended', async () => {
    const { orderSn, coupon, goods } = await submit();
    const { context } = shop.instance;
    const deps: StartCheckoutDeps = {
      ...context,
      templates: context.reads.templates,
      quotedStale: () => undefined,
      maxStackCount: 5,
      newPaymentSn: () => `pay-${orderSn}`,
      driver: {
        lease: { owner: 'a process that is no more', ms: 700 },
        drive: () => new Promise(() => undefined),
        wake: () => undefined,
      },
    };
    const items = [{ goodsId: goods, categoryId: undefined, quantity: 1, priceMinor: undefined }];
    const request = { orderSn, userId: USER, couponSns: [coupon.sn], items, shippingFeeMinor: 0n };
    await startCheckout(deps, request, 'en');
    expect((await shop.read(orderSn)).status).toBe('PENDING');
    await shop.becomes(orderSn, 'AWAITING_PAYMENT');
    expect(await runs(orderSn)).toEqual([{ gid: `checkout-${orderSn}`, state: 'SUCCEEDED', attempts: 2 }]);
  });

  it('takes checkouts while DTM is down, and drives them when it is back', async () => {
    const { orderSn, body } = await submit();
    await shop.dtm.kill();
    try {
      expect((await shop.checkout(body, '')).body.status).toBe('PENDING');
      await eventually(async () => expect((await runs(orderSn))[0]).toMatchObject({ state: 'READY', attempts: 2 }), {
        timeoutMs: 20_000,
      });
    } finally {
      await shop.dtm.start();
    }
    await shop.becomes(orderSn, 'AWAITING_PAYMENT');
    expect(actions(BRANCHES.inventory.reserve.path, orderSn)).toBe(1);
  });

  it('finds the end of a saga that outlasts its first pass', async () => {
    const { orderSn, body } = await submit();
    let isFirst = true;
    shop.script.before(BRANCHES.inventory.reserve, orderSn, () => {
      const fails = isFirst;
      isFirst = false;
      return fails ? Promise.reject(new Error('the disk is full')) : Promise.resolve();
    });
    await shop.checkout(body, '');
    await shop.becomes(orderSn, 'AWAITING_PAYMENT');
    expect(await shop.world(orderSn)).toMatchObject({ coupons: [2], reservations: ['RESERVED'] });
  });

  it('does not start a saga when its transaction is rolled back', async () => {
    const { orderSn, body } = await submit();
    await shop.checkout(body);
    const { context, orders } = shop.instance;
    const undone = context.shop.transaction(async (tx) => {
      await tx.$executeRawUnsafe("UPDATE payments SET status = 'CAPTURED' WHERE order_sn = ?", orderSn);
      await orders.arbiter.paymentCaptured(tx, orderSn);
      throw new Error('the connection broke');
    });
    await expect(undone).rejects.toThrow('the connection broke');
    expect((await shop.read(orderSn)).status).toBe('AWAITING_PAYMENT');
    expect(await runs(orderSn)).toHaveLength(1);
  });

  describe('payment timeout', () => {
    it('cancels what is overdue, by the sweeper alone, and leaves alone what is not', async () => {
      const [early, late] = [await submit(), await submit()];
      await Promise.all([shop.checkout(early.body), shop.checkout(late.body)]);
      await shop.instance.orders.desk.paymentDue(early.orderSn);
      await shop.instance.orders.desk.paymentDue('there-is-no-such-order');
      expect((await shop.read(early.orderSn)).status).toBe('AWAITING_PAYMENT');
      await shop.shop.query('UPDATE orders SET payment_deadline = CURRENT_TIMESTAMP(3) WHERE order_sn = ?', [
        late.orderSn,
      ]);
      expect(await shop.becomes(late.orderSn, 'CANCELLED')).toMatchObject({ reason_code: 'PAYMENT_TIMEOUT' });
      expect((await shop.read(early.orderSn)).status).toBe('AWAITING_PAYMENT');
      const statuses = await shop.instance.orders.desk.statusOf([early.orderSn, late.orderSn, 'none']);
      expect([...statuses].sort()).toEqual(
        [
          [early.orderSn, 'AWAITING_PAYMENT'],
          [late.orderSn, 'CANCELLED'],
        ].sort(),
      );
    });
  });

  it('of a payment and a cancellation at the same moment, 100 times: paid with everything, or given back, never both, never neither', async () => {
    const random = seededRandom(5);
    const goods = await shop.product({ stock: 100_000 });
    const orders = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const orderSn = `race-${createHash('sha256').update(String(index)).digest('hex').slice(0, 12)}`;
        const coupon = await shop.newCoupon();
        return { order_sn: orderSn, coupon_sns: [coupon.sn], items: [{ goods_id: goods, quantity: 1 }] };
      }),
    );
    for (let at = 0; at < orders.length; at += 20) {
      const batch = orders.slice(at, at + 20);
      await Promise.all(batch.map((body) => shop.checkout(body)));
      await Promise.all(
        batch.map(async ({ order_sn: orderSn }) => {
          // A third of them cannot have the goods back.
          if (random.int(0, 2) === 0) {
            shop.script.before(BRANCHES.inventory.reserve, orderSn, () => Promise.resolve());
            shop.script.refuse(BRANCHES.inventory.reserve, orderSn, 'SOLD_OUT');
          }
          // A few round trips of a head start for the cancellation, which asks for the order first.
          const late = async (): Promise<void> => {
            for (let trips = random.int(0, 8); trips > 0; trips -= 1) await shop.shop.query('SELECT 1');
            await shop.capture(orderSn);
          };
          await Promise.all([late(), shop.call('POST', `/api/v1/orders/${orderSn}/cancel`)]);
        }),
      );
    }
    const ends = new Map<string, number>();
    for (const { order_sn: orderSn } of orders) {
      await eventually(async () => expect(['PAID', 'REFUNDED']).toContain((await shop.read(orderSn)).status), {
        timeoutMs: 30_000,
      });
      const { status } = await shop.read(orderSn);
      const path = (await runs(orderSn)).map(({ gid }) => gid.split('-')[0]).join(' ');
      ends.set(`${path}: ${status}`, (ends.get(`${path}: ${status}`) ?? 0) + 1);
      expect(await shop.world(orderSn)).toEqual(
        status === 'PAID'
          ? { coupons: [3], payment: 'CAPTURED', reservations: ['COMMITTED'], refunds: 0 }
          : { coupons: [1], payment: 'REFUNDED', reservations: ['RELEASED'], refunds: 1 },
      );
    }
    const settled = ends.get('checkout settle: PAID') ?? 0;
    // Both orders of arrival were there.
    expect(settled).toBeGreaterThan(0);
    expect(settled).toBeLessThan(100);
  });
});
