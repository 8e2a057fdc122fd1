import { AppError, InvalidArgumentError } from '@coupon/domain';
import fc from 'fast-check';
import { MAX_LINES, MAX_UNITS } from './model';
import type { ProductId, ReservationState, StockLine, StoredReservation } from './model';
import { mergeLines, planReservation } from './plan-reservation';

const line = (productId: string, quantity = 1): StockLine => ({ productId: productId as ProductId, quantity });
const row = (state: ReservationState, productId = '1', quantity = 1): StoredReservation => ({
  ...line(productId, quantity),
  state,
});

const PLAIN = { mayReserveAgain: false };
const SAGA = { mayReserveAgain: true };

function outcome(stored: readonly StoredReservation[], lines: readonly StockLine[], caller: typeof PLAIN): string {
  try {
    const plan = planReservation('o', stored, lines, caller);
    return plan.kind === 'replay' ? 'replay' : `reserve again:${[...plan.again].join()}`;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

describe('planReservation', () => {
  test.each<[string, readonly StoredReservation[], string, string]>([
    ['nothing is stored', [], 'reserve again:', 'reserve again:'],
    ['the same is held', [row('RESERVED')], 'replay', 'replay'],
    ['the same is sold', [row('COMMITTED')], 'replay', 'CONFLICT'],
    ['another quantity is held', [row('RESERVED', '1', 2)], 'CONFLICT', 'CONFLICT'],
    ['another product is held', [row('RESERVED', '2')], 'CONFLICT', 'CONFLICT'],
    ['more products are held', [row('RESERVED'), row('RESERVED', '2')], 'CONFLICT', 'CONFLICT'],
    ['it was given back', [row('RELEASED')], 'CONFLICT', 'reserve again:1'],
    ['another quantity was given back', [row('RELEASED', '1', 9)], 'CONFLICT', 'reserve again:1'],
    ['it was returned after the sale', [row('RETURNED')], 'CONFLICT', 'CONFLICT'],
    ['a part is held, a part was given back', [row('RESERVED'), row('RELEASED', '2')], 'replay', 'replay'],
  ])('when %s', (_when, stored, plain, saga) => {
    expect(outcome(stored, [line('1')], PLAIN)).toBe(plain);
    expect(outcome(stored, [line('1')], SAGA)).toBe(saga);
  });
});

describe('mergeLines', () => {
  test('sums the lines of a product and puts products into the order of their ids', () => {
    const items = fc.array(
      fc.record({ productId: fc.bigInt(1n, 2n ** 63n - 1n).map(String), quantity: fc.integer({ min: 1, max: 1_000 }) }),
      { minLength: 1, maxLength: 50 },
    );
    fc.assert(
      fc.property(items, fc.nat(), (given, turn) => {
        // Some products twice.
        const lines = [...given, ...given.slice(0, turn % (given.length + 1))];
        const merged = mergeLines(lines);
        const ids = merged.map(({ productId }) => BigInt(productId));
        expect(ids).toEqual([...new Set(ids)].sort((a, b) => (a < b ? -1 : 1)));
        for (const { productId, quantity } of merged) {
          const wanted = lines.filter((one) => one.productId === productId);
          expect(quantity).toBe(wanted.reduce((sum, one) => sum + one.quantity, 0));
        }
        expect(new Set(lines.map((one) => one.productId)).size).toBe(merged.length);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  test.each<[string, { productId: string; quantity: number }[]]>([
    ['items', []],
    ['items', Array.from({ length: MAX_LINES + 1 }, () => line('1'))],
    ['items[1].product_id', [line('1'), line('0')]],
    ['items[0].product_id', [line('-1')]],
    ['items[0].quantity', [line('1', 0)]],
    ['items[0].quantity', [line('1', -1)]],
    ['items[0].quantity', [line('1', 1.5)]],
    ['items[0].quantity', [line('1', Number.NaN)]],
    ['items[2].quantity', [line('1', MAX_UNITS), line('2'), line('1')]],
  ])('refuses a wrong %s', (field, items) => {
    const violations = (): unknown => {
      try {
        return mergeLines(items);
      } catch (error) {
        return error instanceof InvalidArgumentError ? error.violations.map((one) => one.field) : error;
      }
    };
    expect(violations()).toEqual([field]);
  });
});
