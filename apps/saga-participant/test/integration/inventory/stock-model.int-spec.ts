import { useRedisDatabase } from '@coupon/testing';
import fc from 'fast-check';
import { STOCK_STRATEGIES } from '../../../src/config';
import { callInventory } from './call-inventory';
import { useInventory } from './inventory-fixture';
import { StockModel } from './stock-model';

const SEED = 20_261_121;
const INITIAL = 6;

interface Command {
  readonly kind: 'reserve' | 'release' | 'commit' | 'undo';
  readonly order: number;
  /** Product and quantity; a product may come twice. */
  readonly lines: readonly (readonly [number, number])[];
  /** A plain call, or a branch of a saga of its own. */
  readonly way: 'plain' | 'http' | 'grpc';
}

const command: fc.Arbitrary<Command> = fc.record({
  kind: fc.constantFrom('reserve', 'reserve', 'release', 'commit', 'undo'),
  order: fc.integer({ min: 0, max: 2 }),
  lines: fc.oneof(
    // The same again, most of the time: otherwise every repetition would be a conflict.
    { weight: 3, arbitrary: fc.constant([[0, 2]] as const) },
    {
      weight: 1,
      arbitrary: fc.array(fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 3 }),
    },
  ),
  way: fc.constantFrom('plain', 'http', 'grpc'),
});

jest.setTimeout(60_000);

describe.each(STOCK_STRATEGIES)('strategy %s: any sequence of reserve, release, commit and undo', (strategy) => {
  const redis = useRedisDatabase();
  const inventory = useInventory(() => ({ CACHE_REDIS_URL: redis.url, STOCK_STRATEGY: strategy }));
  let world = 0;

  it('leaves what the model says, and no unit appears or is lost', async () => {
    const outcomes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 14 }), async (commands) => {
        world += 1;
        const products = [await inventory.product(INITIAL), await inventory.product(INITIAL)];
        const model = new StockModel(new Map(products.map((id) => [id, INITIAL])));
        const lastSaga = new Map<string, string>();
        for (const [index, { kind, order, lines, way }] of commands.entries()) {
          const orderSn = `w${world}-o${order}`;
          const gid = `w${world}-${index}`;
          const items = lines.map(([product, quantity]) => ({ productId: products[product] ?? '', quantity }));
          const call = callInventory(inventory, { way, orderSn, gid, items });
          let [expected, got] = ['ok', 'ok'];
          if (kind === 'reserve') {
            expected = model.reserve(orderSn, items, way !== 'plain');
            got = await call.reserve();
            if (way !== 'plain' && got === 'ok') lastSaga.set(orderSn, gid);
          } else if (kind === 'undo') {
            // The compensation of the last saga that has reserved for the order; twice, as DTM may.
            const saga = lastSaga.get(orderSn);
            if (saga === undefined) continue;
            lastSaga.delete(orderSn);
            expected = model.release(orderSn, false);
            got = await call.undo(saga);
            await call.undo(saga);
          } else {
            expected = kind === 'release' ? model.release(orderSn, true) : model.commit(orderSn);
            got = await call[kind]();
          }
          expect({ kind, way, got }).toEqual({ kind, way, got: expected });
          outcomes.set(`${kind} ${got}`, (outcomes.get(`${kind} ${got}`) ?? 0) + 1);
          for (const productId of products) {
            const rows = await inventory.reservations(productId);
            expect(rows.map((row) => `${row.order_sn} ${row.quantity} ${row.state}`).sort()).toEqual(
              model.reservations(productId),
            );
            const units = (state: string): number =>
              rows.filter((row) => row.state === state).reduce((sum, row) => sum + row.quantity, 0);
            const { stock, reserved } = await inventory.stockOf(productId);
            expect(stock).toBe(model.stock.get(productId));
            expect(reserved).toBe(units('RESERVED'));
            expect(stock + reserved + units('COMMITTED')).toBe(INITIAL);
          }
        }
      }),
      { seed: SEED, numRuns: 25 },
    );
    // It would hold trivially if nothing happened.
    for (const seen of [
      'reserve ok',
      'reserve CONFLICT',
      'reserve SOLD_OUT',
      'release ok',
      'commit ok',
      'commit CONFLICT',
      'undo ok',
    ]) {
      expect([seen, outcomes.get(seen) ?? 0]).toEqual([seen, expect.any(Number)]);
      expect(outcomes.get(seen) ?? 0).toBeGreaterThan(0);
    }
  });
});
