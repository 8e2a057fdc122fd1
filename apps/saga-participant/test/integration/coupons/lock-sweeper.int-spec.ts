import { eventually } from '@coupon/testing';
import { MysqlExpiredLocks } from '../../../src/coupons/adapters/mysql-expired-locks';
import { readOrderCoupons } from '../../../src/coupons/use-cases/order-coupons';
import { USER, useCoupons } from './coupon-fixture';

describe('lock sweeper', () => {
  const fixture = useCoupons({ sweeping: true });
  let templateId = '';
  let next = 0;
  beforeAll(async () => {
    templateId = await fixture.template();
  });

  const expire = (id: string): Promise<unknown> =>
    fixture.database.query("UPDATE user_coupons SET lock_expires_at = '2026-02-01' WHERE id = ?", [id]);
  const step = (orderSn: string) => ({ gid: `checkout-${orderSn}`, op: 'action' }) as const;
  const tombstones = (orderSn: string) =>
    fixture.database.query("SELECT 1 FROM barrier WHERE gid = ? AND op = 'compensate'", [`checkout-${orderSn}`]);

  async function locked(status?: string) {
    const id = await fixture.coupon(templateId);
    const orderSn = `order-${(next += 1)}`;
    if (status !== undefined) fixture.orders.set(orderSn, status);
    expect(await fixture.branch('grpc', 'lock', step(orderSn), { orderSn, userCouponId: id })).toBe('OK');
    return { id, orderSn };
  }
  /** One that is freed for certain: whatever was due before it has been looked at. */
  async function roundIsOver(): Promise<void> {
    const { id } = await locked();
    await expire(id);
    await eventually(async () => expect(await fixture.row(id)).toMatchObject({ status: 1 }));
  }

  it.each([[undefined], ['FAILED'], ['CANCELLED'], ['REFUNDED']])(
    'frees a lock past its end whose order is %s, and writes down why',
    async (status) => {
      const { id, orderSn } = await locked(status);
      await expire(id);
      await eventually(async () => expect(await fixture.row(id)).toMatchObject({ status: 1, order_sn: null }));
      expect(await fixture.transitions(id)).toEqual([`1>2 ${orderSn} lock`, `2>1 ${orderSn} lock_expired`]);
      const events = await fixture.database.query<{ reason: string }>(
        `SELECT JSON_UNQUOTE(JSON_EXTRACT(body, '$.reason')) AS reason FROM outbox
         WHERE routing_key = 'coupon.unlocked.v1' AND JSON_UNQUOTE(JSON_EXTRACT(body, '$.order_sn')) = ?`,
        [orderSn],
      );
      expect(events).toEqual([{ reason: 'lock_expired' }]);
    },
  );

  it('leaves a tombstone: a lock of the checkout that comes late is refused', async () => {
    const id = await fixture.coupon(templateId);
    const order = { orderSn: 'late', userCouponId: id };
    expect(await fixture.plain('lock', order)).toBe('OK');
    await expire(id);
    await eventually(async () => expect(await fixture.row(id)).toMatchObject({ status: 1 }));
    expect(await fixture.branch('grpc', 'lock', step('late'), order)).toBe('ALREADY_COMPENSATED');
    expect(await fixture.row(id)).toMatchObject({ status: 1 });
  });

  it('asks an order that awaits its payment to look at its time, and leaves the lock to it', async () => {
    const { id, orderSn } = await locked('AWAITING_PAYMENT');
    await expire(id);
    await eventually(async () => expect(fixture.due).toContain(orderSn));
    expect(await fixture.row(id)).toMatchObject({ status: 2, order_sn: orderSn });
    expect(await tombstones(orderSn)).toEqual([]);
  });

  it.each(['PENDING', 'SETTLING', 'CANCELLING', 'REACQUIRING', 'REFUNDING', 'PAID'])(
    'leaves the lock of an order that is %s: its saga takes care of it',
    async (status) => {
      const { id, orderSn } = await locked(status);
      await expire(id);
      await roundIsOver();
      expect(await fixture.row(id)).toMatchObject({ status: 2, order_sn: orderSn });
      expect(fixture.due).not.toContain(orderSn);
      expect(await tombstones(orderSn)).toEqual([]);
    },
  );

  it('leaves a lock that has not come to its end', async () => {
    const { id, orderSn } = await locked();
    await roundIsOver();
    expect(await fixture.row(id)).toMatchObject({ status: 2, order_sn: orderSn });
  });

  it('frees nothing, and leaves no tombstone, when the lock has been made again meanwhile', async () => {
    const { id, orderSn } = await locked('PENDING');
    const locks = new MysqlExpiredLocks(fixture.coupons, () => 'never');
    const order = readOrderCoupons({ orderSn, userId: USER, userCouponId: id, userCouponIds: [] });
    expect(await locks.free(order)).toBe(0);
    expect(await fixture.row(id)).toMatchObject({ status: 2 });
    expect(await tombstones(orderSn)).toEqual([]);
  });

  it('frees a lock once, whoever else sweeps at the same time', async () => {
    const { id, orderSn } = await locked('PENDING');
    await expire(id);
    const locks = new MysqlExpiredLocks(fixture.coupons, () => `event of ${orderSn}`);
    const order = readOrderCoupons({ orderSn, userId: USER, userCouponId: id, userCouponIds: [] });
    const freed = await Promise.all(Array.from({ length: 5 }, () => locks.free(order)));
    expect([...freed].sort()).toEqual([0, 0, 0, 0, 1]);
    expect(await fixture.transitions(id)).toHaveLength(2);
  });

  it('reads page after page, with many locks of the same end', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) {
      const { id } = await locked('SETTLING');
      await expire(id);
      ids.push(id);
    }
    const locks = new MysqlExpiredLocks(fixture.coupons, () => 'never');
    const seen: string[] = [];
    for (let page = await locks.after(undefined, 3); page.length > 0; page = await locks.after(page.at(-1), 3)) {
      seen.push(...page.map(({ id }) => id));
    }
    expect(seen).toEqual(expect.arrayContaining(ids));
    expect(new Set(seen).size).toBe(seen.length);
  });
});
