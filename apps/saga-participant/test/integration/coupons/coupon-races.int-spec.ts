import fc from 'fast-check';
import { USER, useCoupons } from './coupon-fixture';
import type { Command, Told } from './coupon-fixture';

const SEED = 20_261_121;

describe('two orders that want one coupon', () => {
  const fixture = useCoupons();

  it('exactly one gets it, fifty times out of fifty', async () => {
    const templateId = await fixture.template();
    for (let round = 0; round < 50; round += 1) {
      const id = await fixture.coupon(templateId);
      const step = (name: string) => ({ gid: `checkout-${name}`, op: 'action' }) as const;
      const one = `one-${round}`;
      const other = `other-${round}`;
      const told = await Promise.all([
        fixture.branch('grpc', 'lock', step(one), { orderSn: one, userCouponId: id }),
        fixture.branch('http', 'lock', step(other), { orderSn: other, userCouponId: id }),
      ]);
      expect([...told].sort()).toEqual(['LOCKED_BY_ANOTHER_ORDER', 'OK']);
      expect(await fixture.row(id)).toMatchObject({ status: 2, order_sn: told[0] === 'OK' ? one : other });
      expect(await fixture.transitions(id)).toHaveLength(1);
    }
  });

  it('with two coupons in opposite order: never half of them, and nobody waits for ever', async () => {
    const templateId = await fixture.template();
    for (let round = 0; round < 20; round += 1) {
      const ids = [await fixture.coupon(templateId), await fixture.coupon(templateId)];
      const names = [`pair-a-${round}`, `pair-b-${round}`];
      const told = await Promise.all([
        fixture.plain('lock', { orderSn: names[0] ?? '', userCouponIds: ids }),
        fixture.plain('lock', { orderSn: names[1] ?? '', userCouponIds: [...ids].reverse() }),
      ]);
      expect([...told].sort()).toEqual(['LOCKED_BY_ANOTHER_ORDER', 'OK']);
      const owners = await Promise.all(ids.map(async (id) => (await fixture.row(id)).order_sn));
      expect(owners).toEqual(Array(2).fill(names[told.indexOf('OK')]));
    }
  });
});

/** What the database should hold, by the rules alone. */
class Model {
  readonly coupons = new Map<string, { status: number; orderSn: string | null; transitions: string[] }>();
  readonly logs = new Map<string, boolean>();
  events = 0;

  constructor(readonly ids: readonly string[]) {
    for (const id of ids) this.coupons.set(id, { status: 1, orderSn: null, transitions: [] });
  }

  get used(): number {
    return [...this.coupons.values()].filter(({ status }) => status === 3).length;
  }

  call(command: Command, orderSn: string, ids: readonly string[]): Told {
    const inOrder = this.ids.filter((id) => ids.includes(id));
    if (command === 'lock' || command === 'use') {
      for (const id of inOrder) {
        const refused = this.refusal(command, orderSn, id);
        if (refused !== undefined) return refused;
      }
    }
    const [from, to] = { lock: [1, 2], unlock: [2, 1], use: [2, 3], revert: [3, 1] }[command] as [number, number];
    let changed = 0;
    for (const id of inOrder) {
      const coupon = this.coupons.get(id);
      if (coupon?.status !== from || (command !== 'lock' && coupon.orderSn !== orderSn)) continue;
      coupon.status = to;
      coupon.orderSn = to === 1 ? null : orderSn;
      coupon.transitions.push(`${from}>${to} ${orderSn} ${command}`);
      if (command === 'use' || command === 'revert') this.logs.set(`${id} ${orderSn}`, command === 'revert');
      changed += 1;
    }
    if (changed > 0) this.events += 1;
    return 'OK';
  }

  private refusal(command: 'lock' | 'use', orderSn: string, id: string): Told | undefined {
    const { status, orderSn: owner } = this.coupons.get(id) ?? { status: 0, orderSn: null };
    const isOwn = owner === orderSn;
    if (command === 'lock') {
      if (status === 3) return 'ALREADY_USED';
      return status === 2 && !isOwn ? 'LOCKED_BY_ANOTHER_ORDER' : undefined;
    }
    if (isOwn) return undefined;
    return status === 1 ? 'CONFLICT' : status === 2 ? 'LOCKED_BY_ANOTHER_ORDER' : 'ALREADY_USED';
  }
}

describe.each(['mysql', 'mariadb'] as const)('any calls of several orders on %s', (server) => {
  const fixture = useCoupons({ server });
  let run = 0;

  const call = fc.record({
    command: fc.constantFrom<Command>('lock', 'lock', 'use', 'use', 'unlock', 'revert'),
    order: fc.constantFrom('a', 'b', 'c'),
    coupons: fc.uniqueArray(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 3 }),
  });

  it('leave what the model says: answers, states, transitions, usage, counter and events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 4, maxLength: 24 }), async (calls) => {
        const prefix = `m${(run += 1)}`;
        const templateId = await fixture.template();
        const ids = [
          await fixture.coupon(templateId),
          await fixture.coupon(templateId),
          await fixture.coupon(templateId),
        ];
        const model = new Model(ids);
        for (const { command, order, coupons } of calls) {
          const orderSn = `${prefix}-${order}`;
          const named = coupons.map((index) => ids[index] ?? '');
          const told = await fixture.plain(command, { orderSn, userCouponIds: named });
          expect(told).toBe(model.call(command, orderSn, named));
        }
        for (const [id, { status, orderSn, transitions }] of model.coupons) {
          const row = await fixture.row(id);
          expect(row).toMatchObject({ status, order_sn: orderSn });
          expect([row.used_time !== null, row.lock_expires_at !== null]).toEqual([status === 3, status === 2]);
          expect(await fixture.transitions(id)).toEqual(transitions);
        }
        const logs = await fixture.database.query<{ name: string; reverted: number }>(
          `SELECT CONCAT(l.user_coupon_id, ' ', l.order_sn) AS name, l.reverted_time IS NOT NULL AS reverted
           FROM coupon_usage_logs l JOIN user_coupons c ON c.id = l.user_coupon_id
           WHERE c.coupon_id = ? AND l.user_id = ?`,
          [templateId, USER],
        );
        expect(new Map(logs.map(({ name, reverted }) => [name, Number(reverted) === 1]))).toEqual(model.logs);
        expect(logs).toHaveLength(model.logs.size);
        expect(await fixture.usedCount(templateId)).toBe(model.used);
        const [events] = await fixture.database.query<{ events: number }>(
          `SELECT COUNT(*) AS events FROM outbox WHERE JSON_UNQUOTE(JSON_EXTRACT(body, '$.order_sn')) LIKE ?`,
          [`${prefix}-%`],
        );
        expect(Number(events?.events)).toBe(model.events);
      }),
      { numRuns: 30, seed: SEED },
    );
  });

  it('all at once: no coupon has two owners, and counter, log and transitions agree with the states', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 8, maxLength: 20 }), async (calls) => {
        const prefix = `x${(run += 1)}`;
        const templateId = await fixture.template();
        const ids = [
          await fixture.coupon(templateId),
          await fixture.coupon(templateId),
          await fixture.coupon(templateId),
        ];
        const told = await Promise.all(
          calls.map(({ command, order, coupons }) =>
            fixture.plain(command, {
              orderSn: `${prefix}-${order}`,
              userCouponIds: coupons.map((index) => ids[index] ?? ''),
            }),
          ),
        );
        expect(told).not.toContain('FAULT');
        let used = 0;
        for (const id of ids) {
          const { status } = await fixture.row(id);
          if (status === 3) used += 1;
          // Every change starts where the one before it has ended.
          let at = 1;
          for (const told of await fixture.transitions(id)) {
            expect(Number(told[0])).toBe(at);
            at = Number(told[2]);
          }
          expect(at).toBe(status);
        }
        expect(await fixture.usedCount(templateId)).toBe(used);
        const [open] = await fixture.database.query<{ open: number }>(
          `SELECT COUNT(*) AS open FROM coupon_usage_logs l JOIN user_coupons c ON c.id = l.user_coupon_id
           WHERE c.coupon_id = ? AND l.reverted_time IS NULL`,
          [templateId],
        );
        expect(Number(open?.open)).toBe(used);
      }),
      { numRuns: 20, seed: SEED },
    );
  });
});
