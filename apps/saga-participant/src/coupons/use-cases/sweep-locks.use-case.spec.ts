import { pino } from 'pino';
import type { UserCouponId, UserId } from '@coupon/domain';
import type { OrderCoupons } from './order-coupons';
import type { ExpiredLock } from './ports';
import { sweepLocks } from './sweep-locks.use-case';
import type { SweepDeps, SweepResult } from './sweep-locks.use-case';

const lock = (id: number, orderSn: string, userId = '7'): ExpiredLock => ({
  id: String(id) as UserCouponId,
  userId: userId as UserId,
  orderSn,
  expiresMs: 1_000 + id,
});

/** Locks in memory: what is freed is gone, what is left is seen again by the next round only. */
class FakeLocks {
  readonly freed: OrderCoupons[] = [];
  pages = 0;

  constructor(
    readonly all: readonly ExpiredLock[],
    readonly broken: ReadonlySet<string> = new Set(),
  ) {}

  readonly after = async (last: ExpiredLock | undefined, limit: number): Promise<ExpiredLock[]> => {
    this.pages += 1;
    return this.all.filter(({ expiresMs }) => last === undefined || expiresMs > last.expiresMs).slice(0, limit);
  };

  readonly free = async (order: OrderCoupons): Promise<number> => {
    if (this.broken.has(order.orderSn)) throw new Error('deadlock');
    this.freed.push(order);
    return order.ids.length;
  };
}

async function sweep(
  locks: FakeLocks,
  status: Readonly<Record<string, string>> = {},
  over: Partial<SweepDeps['orders']> = {},
  stopped = (): boolean => false,
): Promise<{ result: SweepResult; due: string[]; warnings: number }> {
  const due: string[] = [];
  let warnings = 0;
  const logger = pino({ level: 'warn' }, { write: () => (warnings += 1) });
  const orders = {
    statusOf: async (orderSns: readonly string[]) =>
      new Map(orderSns.flatMap((sn) => (status[sn] === undefined ? [] : [[sn, status[sn]] as const]))),
    paymentDue: async (orderSn: string) => void due.push(orderSn),
    ...over,
  };
  const result = await sweepLocks({ locks, orders, logger }, stopped);
  return { result, due, warnings };
}

it('deals with the coupons of an order together, by id ascending, and with each user’s apart', async () => {
  const locks = new FakeLocks([lock(11, 'a'), lock(9, 'a'), lock(10, 'b'), lock(12, 'a', '8')]);
  const { result } = await sweep(locks);
  expect(result).toEqual({ freed: 4, due: 0, left: 0 });
  expect(locks.freed.map(({ orderSn, userId, ids }) => [orderSn, userId, ids])).toEqual([
    ['a', '7', ['9', '11']],
    ['b', '7', ['10']],
    ['a', '8', ['12']],
  ]);
});

it('sees the locks behind those it leaves, page after page', async () => {
  const left = Array.from({ length: 450 }, (_, index) => lock(index, `settling-${index}`));
  const locks = new FakeLocks([...left, lock(1_000, 'gone'), lock(1_001, 'waiting')]);
  const status = Object.fromEntries(left.map(({ orderSn }) => [orderSn, 'SETTLING']));
  const { result, due } = await sweep(locks, { ...status, waiting: 'AWAITING_PAYMENT' });
  expect([result, locks.pages]).toEqual([{ freed: 1, due: 1, left: 450 }, 3]);
  expect(due).toEqual(['waiting']);
});

it('logs an order that cannot be dealt with, and goes on with the others', async () => {
  const locks = new FakeLocks([lock(1, 'broken'), lock(2, 'stuck'), lock(3, 'fine')], new Set(['broken']));
  const paymentDue = (): Promise<void> => Promise.reject(new Error('no shop'));
  const { result, warnings } = await sweep(locks, { stuck: 'AWAITING_PAYMENT' }, { paymentDue });
  expect([result, warnings]).toEqual([{ freed: 1, due: 0, left: 0 }, 2]);
});

it('frees nothing while it cannot be told what became of the orders', async () => {
  const locks = new FakeLocks([lock(1, 'a')]);
  const statusOf = (): Promise<never> => Promise.reject(new Error('no shop'));
  await expect(sweep(locks, {}, { statusOf })).rejects.toThrow('no shop');
  expect(locks.freed).toEqual([]);
});

it('takes up no other order once it is stopped', async () => {
  const locks = new FakeLocks([lock(1, 'a'), lock(2, 'b')]);
  await sweep(locks, {}, {}, () => locks.freed.length > 0);
  expect(locks.freed).toHaveLength(1);
});
