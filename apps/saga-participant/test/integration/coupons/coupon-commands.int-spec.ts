import { couponEventSchemas } from '@coupon/contracts';
import { COMMANDS, USER, useCoupons } from './coupon-fixture';
import type { Command } from './coupon-fixture';

interface EventRow {
  readonly routing_key: keyof typeof couponEventSchemas;
  readonly event_id: string;
  readonly body: unknown;
}

describe.each(['mysql', 'mariadb'] as const)('coupons of an order on %s', (server) => {
  const fixture = useCoupons({ server });
  let templateId = '';
  beforeAll(async () => {
    templateId = await fixture.template();
  });
  let next = 0;
  const newOrder = (): string => `order-${(next += 1)}`;

  const eventsOf = async (orderSn: string): Promise<EventRow[]> => {
    const rows = await fixture.database.query<EventRow>(
      `SELECT routing_key, event_id, body FROM outbox WHERE JSON_UNQUOTE(JSON_EXTRACT(body, '$.order_sn')) = ? ORDER BY id`,
      [orderSn],
    );
    // MariaDB's JSON is text.
    return rows.map((row) => ({
      ...row,
      body: typeof row.body === 'string' ? (JSON.parse(row.body) as unknown) : row.body,
    }));
  };
  const logsOf = (id: string) =>
    fixture.database.query(
      `SELECT user_id, order_sn, original_amount, discount_amount, final_amount,
         IF(reverted_time IS NULL, 'no', 'yes') AS reverted
       FROM coupon_usage_logs WHERE user_coupon_id = ?`,
      [id],
    );

  it('are locked, used and given back, with a row for every change, one for the use, the counter and events', async () => {
    const [first, second] = [await fixture.coupon(templateId), await fixture.coupon(templateId)];
    const orderSn = newOrder();
    const order = { orderSn, userCouponIds: [second, first] };
    const used = await fixture.usedCount(templateId);

    expect(await fixture.plain('lock', order)).toBe('OK');
    expect(await fixture.row(first)).toMatchObject({ status: 2, order_sn: orderSn, used_time: null });
    const amounts = {
      ...{ originalMinor: '10000', finalMinor: '8650' },
      couponShares: [{ userCouponId: first, discountMinor: '1350' }],
    };
    expect(await fixture.plain('use', { ...order, ...amounts })).toBe('OK');
    const row = await fixture.row(first);
    expect(row).toMatchObject({ status: 3, order_sn: orderSn, lock_expires_at: null });
    expect(row.used_time).not.toBeNull();
    expect(await fixture.usedCount(templateId)).toBe(used + 2);
    const log = { user_id: USER, order_sn: orderSn, original_amount: '100.00', final_amount: '86.50', reverted: 'no' };
    expect(await logsOf(first)).toEqual([{ ...log, discount_amount: '13.50' }]);
    expect(await logsOf(second)).toEqual([{ ...log, discount_amount: '0.00' }]);

    expect(await fixture.plain('revert', order)).toBe('OK');
    expect(await fixture.row(first)).toEqual({ status: 1, order_sn: null, used_time: null, lock_expires_at: null });
    expect(await fixture.usedCount(templateId)).toBe(used);
    expect(await logsOf(first)).toEqual([{ ...log, discount_amount: '13.50', reverted: 'yes' }]);
    expect(await fixture.transitions(second)).toEqual([
      `1>2 ${orderSn} lock`,
      `2>3 ${orderSn} use`,
      `3>1 ${orderSn} revert`,
    ]);

    const events = await eventsOf(orderSn);
    expect(events.map(({ routing_key }) => routing_key)).toEqual([
      'coupon.locked.v1',
      'coupon.used.v1',
      'coupon.reverted.v1',
    ]);
    for (const { routing_key, event_id, body } of events) {
      expect(couponEventSchemas[routing_key].parse(body)).toMatchObject({ event_id, user_id: USER });
    }
    expect(events[1]?.body).toMatchObject({
      coupons: [
        { user_coupon_id: first, template_id: templateId, discount_minor: '1350' },
        { user_coupon_id: second, discount_minor: '0' },
      ],
      final_minor: '8650',
    });
  });

  it('are unlocked by their order and by nobody else', async () => {
    const id = await fixture.coupon(templateId);
    const [orderSn, other] = [newOrder(), newOrder()];
    await fixture.plain('lock', { orderSn, userCouponId: id });
    expect(await fixture.plain('unlock', { orderSn: other, userCouponId: id })).toBe('OK');
    expect(await fixture.row(id)).toMatchObject({ status: 2, order_sn: orderSn });
    expect(await fixture.plain('unlock', { orderSn, userCouponId: id })).toBe('OK');
    expect(await fixture.row(id)).toEqual({ status: 1, order_sn: null, used_time: null, lock_expires_at: null });
    expect((await eventsOf(orderSn))[1]).toMatchObject({
      routing_key: 'coupon.unlocked.v1',
      body: { reason: 'unlock', coupons: [{ user_coupon_id: id }] },
    });
    expect(await eventsOf(other)).toEqual([]);
  });

  it.each<[string, Record<string, string | number>]>([
    ['NOT_OWNED', { user_id: '8' }],
    ['NOT_OWNED', { status: 5 }],
    ['ALREADY_USED', { status: 3, order_sn: 'elsewhere' }],
    ['LOCKED_BY_ANOTHER_ORDER', { status: 2, order_sn: 'elsewhere' }],
    ['NOT_YET_VALID', { valid_start_time: '2036-01-01' }],
    ['EXPIRED', { valid_end_time: '2026-02-01' }],
    ['EXPIRED', { status: 4 }],
  ])('are refused with %s: %o, and those beside them stay as they are', async (code, over) => {
    const good = await fixture.coupon(templateId);
    const bad = await fixture.coupon(templateId, over);
    const before = await fixture.row(bad);
    const orderSn = newOrder();
    expect(await fixture.plain('lock', { orderSn, userCouponIds: [good, bad] })).toBe(code);
    expect([await fixture.row(good), await fixture.row(bad)]).toEqual([expect.objectContaining({ status: 1 }), before]);
    expect([await fixture.transitions(good), await eventsOf(orderSn)]).toEqual([[], []]);
  });

  it('are refused while their template is disabled, unless they are locked already', async () => {
    const disabled = await fixture.template();
    const [held, free] = [await fixture.coupon(disabled), await fixture.coupon(disabled)];
    const orderSn = newOrder();
    expect(await fixture.plain('lock', { orderSn, userCouponId: held })).toBe('OK');
    await fixture.database.query('UPDATE coupon_templates SET status = 2 WHERE id = ?', [disabled]);
    expect(await fixture.plain('lock', { orderSn, userCouponIds: [held, free] })).toBe('TEMPLATE_DISABLED');
    expect(await fixture.plain('lock', { orderSn, userCouponId: held })).toBe('OK');
    expect(await fixture.plain('use', { orderSn, userCouponId: held })).toBe('OK');
  });

  it.each<[string, Record<string, string | number | null>]>([
    ['CONFLICT', {}],
    ['NOT_OWNED', { user_id: '8' }],
    ['ALREADY_USED', { status: 3, order_sn: 'elsewhere' }],
    ['LOCKED_BY_ANOTHER_ORDER', { status: 2, order_sn: 'elsewhere' }],
  ])('are not used without a lock of the order: %s for %o', async (code, over) => {
    const orderSn = newOrder();
    const locked = await fixture.coupon(templateId);
    await fixture.plain('lock', { orderSn, userCouponId: locked });
    const bad = await fixture.coupon(templateId, over);
    expect(await fixture.plain('use', { orderSn, userCouponIds: [locked, bad] })).toBe(code);
    expect(await fixture.row(locked)).toMatchObject({ status: 2 });
    expect(await logsOf(locked)).toEqual([]);
  });

  it('are used although the lock and the validity have run out: the payment has come', async () => {
    const id = await fixture.coupon(templateId);
    const orderSn = newOrder();
    await fixture.plain('lock', { orderSn, userCouponId: id });
    await fixture.database.query(
      "UPDATE user_coupons SET lock_expires_at = '2026-02-01', valid_end_time = '2026-02-01' WHERE id = ?",
      [id],
    );
    expect(await fixture.plain('use', { orderSn, userCouponId: id })).toBe('OK');
    expect(await fixture.row(id)).toMatchObject({ status: 3 });
  });

  it('have a lock as long as the request says, else as configured; a repetition never shortens it', async () => {
    const id = await fixture.coupon(templateId);
    const orderSn = newOrder();
    const seconds = async (): Promise<number> => {
      const [row] = await fixture.database.query<{ left: number }>(
        'SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), lock_expires_at) AS `left` FROM user_coupons WHERE id = ?',
        [id],
      );
      return Number(row?.left);
    };
    await fixture.plain('lock', { orderSn, userCouponId: id, lockTimeout: 60 });
    expect(await seconds()).toBeGreaterThan(30);
    expect(await seconds()).toBeLessThan(61);
    await fixture.plain('lock', { orderSn, userCouponId: id });
    expect(await seconds()).toBeGreaterThan(800);
    await fixture.plain('lock', { orderSn, userCouponId: id, lockTimeout: 60 });
    expect(await seconds()).toBeGreaterThan(800);
    expect(await fixture.transitions(id)).toHaveLength(1);
  });

  it('change once when a call comes ten times at once', async () => {
    const ids = [await fixture.coupon(templateId), await fixture.coupon(templateId)];
    const orderSn = newOrder();
    const before = await fixture.usedCount(templateId);
    const ten = (command: Command) =>
      Promise.all(Array.from({ length: 10 }, () => fixture.plain(command, { orderSn, userCouponIds: ids })));
    for (const command of ['lock', 'use', 'revert', 'lock', 'unlock'] as const) {
      expect(new Set(await ten(command))).toEqual(new Set(['OK']));
      expect(await fixture.usedCount(templateId)).toBe(before + (command === 'use' ? 2 : 0));
    }
    for (const id of ids) expect(await fixture.transitions(id)).toHaveLength(5);
    expect(await eventsOf(orderSn)).toHaveLength(5);
    expect(await logsOf(ids[0] ?? '')).toHaveLength(1);
  });

  it('are given back once, and logged again in the same row when the order uses them again', async () => {
    const id = await fixture.coupon(templateId);
    const orderSn = newOrder();
    const before = await fixture.usedCount(templateId);
    for (const command of ['lock', 'use', 'revert', 'revert', 'lock', 'use'] as const) {
      const amounts = { finalMinor: '500' };
      expect(await fixture.plain(command, { orderSn, userCouponId: id, ...amounts })).toBe('OK');
    }
    expect(await fixture.usedCount(templateId)).toBe(before + 1);
    expect(await logsOf(id)).toEqual([expect.objectContaining({ final_amount: '5.00', reverted: 'no' })]);
  });

  it('count for their own template each', async () => {
    const other = await fixture.template();
    const ids = [await fixture.coupon(other), await fixture.coupon(templateId), await fixture.coupon(other)];
    const before = await fixture.usedCount(templateId);
    const order = { orderSn: newOrder(), userCouponIds: ids };
    await fixture.plain('lock', order);
    await fixture.plain('use', order);
    expect([await fixture.usedCount(templateId), await fixture.usedCount(other)]).toEqual([before + 1, 2]);
  });

  it('rolls everything back when the counter says less than the coupons do', async () => {
    const wrong = await fixture.template();
    const id = await fixture.coupon(wrong, { status: 3, order_sn: 'broken', used_time: '2026-02-01' });
    expect(await fixture.plain('revert', { orderSn: 'broken', userCouponId: id })).toBe('FAULT');
    expect(await fixture.row(id)).toMatchObject({ status: 3, order_sn: 'broken' });
    expect(await fixture.transitions(id)).toEqual([]);
  });

  describe.each(COMMANDS)('%s', (command) => {
    it.each([
      ['order_sn', { orderSn: '' }],
      ['order_sn', { orderSn: 'x'.repeat(65) }],
      ['order_sn', { orderSn: 'a failure' }],
      ['order_sn', { orderSn: 'aFailureb' }],
      ['user_id', { userId: '0' }],
      ['user_coupon_ids', { userCouponId: '0' }],
      ['user_coupon_ids[0]', { userCouponIds: ['-1'] }],
    ])('refuses a wrong %s: %o', async (_field, over) => {
      const request = { orderSn: 'fine', userCouponId: '1', ...over };
      expect(await fixture.plain(command, request)).toBe('INVALID_ARGUMENT');
    });

    it('refuses six coupons', async () => {
      const request = { orderSn: 'fine', userCouponIds: ['1', '2', '3', '4', '5', '6'] };
      expect(await fixture.plain(command, request)).toBe('TOO_MANY_COUPONS');
    });
  });

  it.each([
    ['lock', { lockTimeout: -1 }],
    ['lock', { lockTimeout: 30 * 86_400 + 1 }],
    ['use', { originalMinor: '-1' }],
    ['use', { finalMinor: '10000000000' }],
    ['use', { couponShares: [{ userCouponId: '2', discountMinor: '1' }] }],
  ] as const)('refuses %s with %o', async (command, over) => {
    expect(await fixture.plain(command, { orderSn: 'fine', userCouponId: '1', ...over })).toBe('INVALID_ARGUMENT');
  });
});

describe('plain calls', () => {
  const fixture = useCoupons({
    environment: { AUTH_MODE: 'jwt', AUTH_HS256_SECRET: 'x'.repeat(32) },
  });

  it.each(COMMANDS)('need a token for %s', async (command) => {
    expect(await fixture.plain(command, { orderSn: 'order', userCouponId: '1' })).toBe('UNAUTHENTICATED');
  });

  it.each(COMMANDS)('need the role operator for %s', async (command) => {
    const { SignJWT } = await import('jose');
    const sign = (role: string): Promise<string> =>
      new SignJWT({ role })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject('7')
        .setExpirationTime('5m')
        .sign(new TextEncoder().encode('x'.repeat(32)));
    const request = { orderSn: 'order', userCouponId: '1' };
    expect(await fixture.plain(command, request, `Bearer ${await sign('user')}`)).toBe('PERMISSION_DENIED');
    const allowed = await fixture.plain(command, request, `Bearer ${await sign('operator')}`);
    expect(allowed).toBe(command === 'lock' || command === 'use' ? 'NOT_OWNED' : 'OK');
  });
});
