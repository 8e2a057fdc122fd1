import { randomUUID } from 'node:crypto';
import { TcpProxy, eventually, useRedisDatabase } from '@coupon/testing';
import { Redis } from 'ioredis';
import type { ShopDatabase, ShopTransaction } from '../../../src/adapters/databases';
import { createLockStrategy } from '../../../src/inventory/strategies/lock-strategy';
import { Inventory } from '../../../src/inventory/use-cases/inventory';
import type { ReserveCommand } from '../../../src/inventory/use-cases/reserve-stock.use-case';
import type { ProductId } from '../../../src/inventory/use-cases/model';
import { useInventory } from './inventory-fixture';

jest.setTimeout(30_000);

describe('strategy lock', () => {
  const redisDatabase = useRedisDatabase();
  let proxy: Awaited<ReturnType<typeof TcpProxy.inFrontOf>>;
  let redis: Redis;
  beforeAll(async () => {
    proxy = await TcpProxy.inFrontOf(redisDatabase.url);
    redis = new Redis(redisDatabase.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await proxy.stop();
  });
  const inventory = useInventory(() => ({ CACHE_REDIS_URL: proxy.url, STOCK_STRATEGY: 'lock' }));
  const keyOf = (productId: string): string => `coupon:lock:stock:${productId}`;
  const command = (productId: string, orderSn: string): ReserveCommand => ({
    orderSn,
    lines: [{ productId: productId as ProductId, quantity: 1 }],
    about: 'product',
    mayReserveAgain: false,
  });

  /** An inventory of another process, which stops between having the lock and writing, until `resume`. */
  function pausedInventory(holdMs: number) {
    const warnings: unknown[] = [];
    let [resume, paused] = [() => {}, () => {}];
    const wait = new Promise<void>((resolve) => (resume = resolve));
    const isPaused = new Promise<void>((resolve) => (paused = resolve));
    const { shop, clock } = inventory.service.context;
    const slow: ShopDatabase = {
      ...shop,
      transaction: (work) =>
        shop.transaction(async (tx: ShopTransaction) => {
          paused();
          await wait;
          return work(tx);
        }),
    };
    const deps = { clock, sleep: (ms: number) => new Promise<void>((r) => setTimeout(r, ms)), random: Math.random };
    const logger = { warn: (...warning: unknown[]) => void warnings.push(warning) };
    const strategy = createLockStrategy({ ...deps, redis, logger, newToken: randomUUID, holdMs });
    return {
      reserve: (productId: string, orderSn: string) =>
        new Inventory({ ...deps, shop: slow }).reserve(strategy, command(productId, orderSn)),
      isPaused,
      resume,
    };
  }

  it('keeps other processes out while it holds the lock, and lets them in when it is done', async () => {
    const productId = await inventory.product(2);
    const holder = pausedInventory(60_000);
    const first = holder.reserve(productId, 'holder');
    await holder.isPaused;
    expect(await redis.get(keyOf(productId))).toMatch(/^[\w-]{36}$/);
    let isDone = false;
    const second = inventory.reserve(productId, 'waits').finally(() => (isDone = true));
    // Nobody but the holder can end this wait: the other one is still at it after ten looks at the lock.
    const before = Number((await redis.info('commandstats')).match(/cmdstat_evalsha:calls=(\d+)/)?.[1] ?? 0);
    await eventually(async () => {
      const now = Number((await redis.info('commandstats')).match(/cmdstat_evalsha:calls=(\d+)/)?.[1] ?? 0);
      return now >= before + 10;
    });
    expect(isDone).toBe(false);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 2 });
    holder.resume();
    expect((await first)[0]?.remaining).toBe(1);
    expect((await second).body.remaining_stock).toBe(0);
    expect(await redis.exists(keyOf(productId))).toBe(0);
  });

  it('does not oversell when its holder is paused past the lock’s end', async () => {
    const productId = await inventory.product(1);
    const sleeper = pausedInventory(50);
    const late = sleeper.reserve(productId, 'sleeper');
    const refused = expect(late).rejects.toMatchObject({ code: 'SOLD_OUT' });
    await sleeper.isPaused;
    await eventually(async () => (await redis.exists(keyOf(productId))) === 0);
    expect(await inventory.reserve(productId, 'awake')).toMatchObject({ status: 200, body: { remaining_stock: 0 } });
    // The next holder's lock is not the sleeper's to give back.
    await redis.set(keyOf(productId), 'a-third-one', 'PX', 60_000);
    sleeper.resume();
    await refused;
    expect(await redis.get(keyOf(productId))).toBe('a-third-one');
    expect(await inventory.stockOf(productId)).toEqual({ stock: 0, reserved: 1, version: 2 });
    expect((await inventory.reservations(productId)).map((row) => row.order_sn)).toEqual(['awake']);
  });

  it('goes on after the lock’s end when its holder has died', async () => {
    const productId = await inventory.product(1);
    await redis.set(keyOf(productId), 'of-a-dead-process', 'PX', 400);
    expect(await inventory.reserve(productId, 'patient')).toMatchObject({ status: 200 });
    await redis.set(keyOf(productId), 'of-another-one', 'PX', 60_000);
    // What is sold out needs no lock to be refused; what the order has needs one, and gets it in time or is told to come again.
    expect(await inventory.reserve(productId, 'other')).toMatchObject({ status: 409, body: { code: 'SOLD_OUT' } });
    expect(await inventory.reserve(productId, 'patient')).toMatchObject({ status: 503, body: { code: 'OVERLOADED' } });
    expect(
      await inventory.branch('reserve', 'checkout-wait', {
        order_sn: 'patient',
        items: [{ product_id: productId, quantity: 1 }],
      }),
    ).toMatchObject({ status: 425 });
    await redis.del(keyOf(productId));
  });

  it('refuses while Redis is away, touches nothing, and goes on when it is back; the other strategies do not need it', async () => {
    const productId = await inventory.product(3);
    proxy.setMode('refuse');
    proxy.cut();
    expect(await inventory.reserve(productId, 'away')).toMatchObject({ status: 503, body: { code: 'NOT_READY' } });
    expect((await inventory.reserve(productId, 'away')).body.message).toContain('Redis');
    expect(
      await inventory.branch('reserve', 'checkout-away', {
        order_sn: 'away',
        items: [{ product_id: productId, quantity: 1 }],
      }),
    ).toMatchObject({ status: 500 });
    expect((await inventory.call('GET', '/health')).status).toBe(503);
    expect(await inventory.stockOf(productId)).toEqual({ stock: 3, reserved: 0, version: 1 });
    expect((await inventory.reserve(productId, 'without', 1, 'optimistic')).status).toBe(200);
    expect((await inventory.reserve(productId, 'without-too', 1, 'pessimistic')).status).toBe(200);
    proxy.setMode('pass');
    await eventually(async () => (await inventory.reserve(productId, 'away')).status === 200);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 0, reserved: 3 });
  });
});
