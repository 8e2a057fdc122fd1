import { useRedisDatabase } from '@coupon/testing';
import { stockEventSchemas } from '@coupon/contracts';
import { STOCK_STRATEGIES } from '../../../src/config';
import { decided, useInventory } from './inventory-fixture';
import type { InventoryFixture } from './inventory-fixture';

const ORDERS = 100;
const UNITS = 10;
const orders = (name: string): string[] => Array.from({ length: ORDERS }, (_, index) => `${name}-${index}`);

function count<T>(values: readonly T[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}

async function expectSoldOut(inventory: InventoryFixture, productId: string): Promise<void> {
  expect(await inventory.stockOf(productId)).toMatchObject({ stock: 0, reserved: UNITS, version: UNITS + 1 });
  const rows = await inventory.reservations(productId);
  expect(rows.map(({ state, quantity }) => `${quantity} ${state}`)).toEqual(Array(UNITS).fill('1 RESERVED'));
  const events = await inventory.events(productId);
  const schema = stockEventSchemas['stock.reserved.v1'];
  expect(events.map((event) => schema.parse(event).order_id).sort()).toEqual(rows.map((row) => row.order_sn).sort());
  expect(events.map((event) => schema.parse(event).remaining_stock).sort((a, b) => b - a)).toEqual(
    Array.from({ length: UNITS }, (_, index) => UNITS - 1 - index),
  );
}

// A bound for a machine that is busy with other things.
jest.setTimeout(60_000);

describe.each(STOCK_STRATEGIES)('strategy %s: 100 orders for 10 units', (strategy) => {
  const redis = useRedisDatabase();
  const inventory = useInventory(() => ({ CACHE_REDIS_URL: redis.url, STOCK_STRATEGY: strategy }));

  it('get exactly 10 of them over REST, each with another rest', async () => {
    const productId = await inventory.product(UNITS);
    const answers = await Promise.all(
      orders('rest').map((order) => decided(() => inventory.reserve(productId, order, 1, strategy))),
    );
    expect(count(answers.map(({ status, body }) => `${status} ${body.code ?? 'OK'}`))).toEqual({
      '200 OK': UNITS,
      '409 SOLD_OUT': ORDERS - UNITS,
    });
    const remaining = answers.filter(({ status }) => status === 200).map(({ body }) => body.remaining_stock);
    expect(remaining.sort((a, b) => a - b)).toEqual(Array.from({ length: UNITS }, (_, index) => index));
    await expectSoldOut(inventory, productId);
  });

  it('get exactly 10 of them as branches over HTTP', async () => {
    const productId = await inventory.product(UNITS);
    const answers = await Promise.all(
      orders('http').map((order) =>
        decided(() =>
          inventory.branch('reserve', `checkout-${order}`, {
            order_sn: order,
            items: [{ product_id: productId, quantity: 1 }],
          }),
        ),
      ),
    );
    expect(count(answers.map(({ status, body }) => `${status} ${body.code ?? body.dtm_result}`))).toEqual({
      '200 SUCCESS': UNITS,
      '409 SOLD_OUT': ORDERS - UNITS,
    });
    await expectSoldOut(inventory, productId);
  });

  it('get exactly 10 of them as branches over gRPC', async () => {
    const productId = await inventory.product(UNITS);
    const answers = await Promise.all(
      orders('grpc').map((order) =>
        decided(() =>
          inventory.grpcBranch('reserveStock', `checkout-${order}`, {
            orderSn: order,
            items: [{ productId, quantity: 1 }],
          }),
        ),
      ),
    );
    expect(count(answers.map(({ code, details }) => `${code} ${details}`))).toEqual({
      '0 ': UNITS,
      '10 SOLD_OUT': ORDERS - UNITS,
    });
    await expectSoldOut(inventory, productId);
  });

  it('all get theirs when there is enough for all', async () => {
    const productId = await inventory.product(ORDERS);
    const answers = await Promise.all(
      orders('ample').map((order) => decided(() => inventory.reserve(productId, order, 1, strategy))),
    );
    expect(count(answers.map(({ status }) => status))).toEqual({ 200: ORDERS });
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 0, reserved: ORDERS });
  });

  it('never deadlock over several products in any order of lines', async () => {
    const products = [await inventory.product(UNITS), await inventory.product(UNITS), await inventory.product(UNITS)];
    const answers = await Promise.all(
      orders('cross').map((order, index) => {
        const items = [0, 1, 2].map((offset) => ({ productId: products[(index + offset) % 3] ?? '', quantity: 1 }));
        return decided(() => inventory.grpcBranch('reserveStock', `checkout-${order}`, { orderSn: order, items }));
      }),
    );
    expect(count(answers.map(({ code, details }) => `${code} ${details}`))).toEqual({
      '0 ': UNITS,
      '10 SOLD_OUT': ORDERS - UNITS,
    });
    for (const productId of products) await expectSoldOut(inventory, productId);
  });

  it('are one order when they are the same one: one unit, one event, the same answer to all', async () => {
    const productId = await inventory.product(1);
    const answers = await Promise.all(
      orders('x').map(() => decided(() => inventory.reserve(productId, 'same', 1, strategy))),
    );
    expect(count(answers.map(({ status, body }) => `${status} ${body.remaining_stock}`))).toEqual({ '200 0': ORDERS });
    expect(await inventory.stockOf(productId)).toEqual({ stock: 0, reserved: 1, version: 2 });
    expect(await inventory.events(productId)).toHaveLength(1);
  });
});
