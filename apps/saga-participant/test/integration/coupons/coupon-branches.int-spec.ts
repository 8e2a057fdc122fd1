import { useCoupons } from './coupon-fixture';
import type { Command, OrderRequest } from './coupon-fixture';

describe.each(['grpc', 'http'] as const)('branches of coupons over %s', (transport) => {
  const fixture = useCoupons();
  let templateId = '';
  let next = 0;
  beforeAll(async () => {
    templateId = await fixture.template();
  });

  /** A saga of an order with one coupon. */
  async function aSaga() {
    const id = await fixture.coupon(templateId);
    const orderSn = `${transport}-${(next += 1)}`;
    const request: OrderRequest = { orderSn, userCouponId: id };
    const call =
      (op: 'action' | 'compensate') =>
      (command: Command, branchId = '01') =>
        fixture.branch(transport, command, { gid: `checkout-${orderSn}`, op, branchId }, request);
    return { id, orderSn, request, action: call('action'), compensate: call('compensate') };
  }

  it('do and undo: lock and unlock, use and revert', async () => {
    const saga = await aSaga();
    expect(await saga.action('lock', '01')).toBe('OK');
    expect(await saga.action('use', '02')).toBe('OK');
    expect(await saga.compensate('revert', '02')).toBe('OK');
    // The reverted coupon is free: there is no lock left to undo.
    expect(await saga.compensate('unlock', '01')).toBe('OK');
    expect(await fixture.row(saga.id)).toMatchObject({ status: 1, order_sn: null });
  });

  it('give back as actions, too: the end of an order', async () => {
    const saga = await aSaga();
    await saga.action('lock', '01');
    expect(await saga.action('unlock', '02')).toBe('OK');
    expect(await fixture.row(saga.id)).toMatchObject({ status: 1 });
    await saga.action('lock', '03');
    await saga.action('use', '04');
    expect(await saga.action('revert', '05')).toBe('OK');
    expect(await fixture.row(saga.id)).toMatchObject({ status: 1 });
    expect(await fixture.transitions(saga.id)).toHaveLength(5);
  });

  it('do not lock what has been unlocked before: the compensation overtook its action', async () => {
    const saga = await aSaga();
    expect(await saga.compensate('unlock')).toBe('OK');
    expect(await saga.action('lock')).toBe('ALREADY_COMPENSATED');
    expect(await fixture.row(saga.id)).toMatchObject({ status: 1 });
  });

  it('do not use what has been reverted before', async () => {
    const saga = await aSaga();
    await saga.action('lock', '01');
    expect(await saga.compensate('revert', '02')).toBe('OK');
    expect(await saga.action('use', '02')).toBe('ALREADY_COMPENSATED');
    expect(await fixture.row(saga.id)).toMatchObject({ status: 2 });
  });

  it('change once, however often and however parallel they are called', async () => {
    const saga = await aSaga();
    const ten = (call: () => Promise<string>) => Promise.all(Array.from({ length: 10 }, call));
    expect(new Set(await ten(() => saga.action('lock')))).toEqual(new Set(['OK']));
    expect(await fixture.transitions(saga.id)).toHaveLength(1);
    const mixed = await ten(() => saga.compensate('unlock'));
    expect(new Set(mixed)).toEqual(new Set(['OK']));
    expect(await fixture.transitions(saga.id)).toHaveLength(2);
  });

  it('end in one state when action and compensation come at the same time', async () => {
    for (let round = 0; round < 10; round += 1) {
      const saga = await aSaga();
      const [locked, unlocked] = await Promise.all([saga.action('lock'), saga.compensate('unlock')]);
      expect(unlocked).toBe('OK');
      expect(['OK', 'ALREADY_COMPENSATED']).toContain(locked);
      expect(await fixture.row(saga.id)).toMatchObject({ status: 1 });
      expect([0, 2]).toContain((await fixture.transitions(saga.id)).length);
    }
  });

  it('refuse with the code, leave nothing behind, and may be called again', async () => {
    const saga = await aSaga();
    const other = { orderSn: 'other', userCouponId: saga.id };
    await fixture.plain('lock', other);
    expect(await saga.action('lock')).toBe('LOCKED_BY_ANOTHER_ORDER');
    expect(await fixture.row(saga.id)).toMatchObject({ status: 2, order_sn: 'other' });
    // Its compensation finds nothing that is its own.
    expect(await saga.compensate('unlock')).toBe('OK');
    expect(await fixture.row(saga.id)).toMatchObject({ status: 2, order_sn: 'other' });
  });

  it.each(['lock', 'use'] as const)(
    'refuse a %s that makes no sense instead of having it repeated',
    async (command) => {
      const { action } = await aSaga();
      const step = { gid: `checkout-bad-${transport}-${command}`, op: 'action' } as const;
      expect(await fixture.branch(transport, command, step, { orderSn: 'not an order', userCouponId: '1' })).toBe(
        'INVALID_ARGUMENT',
      );
      expect(await action(command)).toBe(command === 'lock' ? 'OK' : 'CONFLICT');
    },
  );

  it('do not serve the other operation: a lock is no compensation', async () => {
    const saga = await aSaga();
    // Over gRPC one method serves one operation; over HTTP the path of the action is called for the compensation.
    const step = { gid: `checkout-${saga.orderSn}`, op: 'compensate', pathOf: 'action' } as const;
    expect(await fixture.branch(transport, 'lock', step, saga.request)).toBe('INVALID_BRANCH');
    expect(await fixture.row(saga.id)).toMatchObject({ status: 1 });
  });
});
