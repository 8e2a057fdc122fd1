import fc from 'fast-check';
import { LineAllocator, shareOverRuns } from './largest-remainder';
import { OPERAND_LIMIT, mulDiv, mulDivHalfUp } from './minor';

const operand = fc.oneof(
  fc.integer({ min: 0, max: 100 }),
  fc.maxSafeInteger().map((n) => Math.abs(n) % OPERAND_LIMIT),
  fc.integer({ min: 0, max: 100 }).map((n) => OPERAND_LIMIT - 1 - n),
);

describe('mulDiv', () => {
  test('is exact for all operands below 2^34, also where the product exceeds 2^53', () => {
    fc.assert(
      fc.property(operand, operand, operand, (a, first, second) => {
        const [b, c] = first <= second ? [first, Math.max(second, 1)] : [second, first];
        const out = { quotient: 0, remainder: 0 };
        mulDiv(a, b, c, out);
        const product = BigInt(a) * BigInt(b);
        expect([BigInt(out.quotient), BigInt(out.remainder)]).toEqual([product / BigInt(c), product % BigInt(c)]);
      }),
      { seed: 1, numRuns: 20_000 },
    );
  });

  test.each([
    [1, 1, 2, 1],
    [1, 49, 100, 0],
    [1, 50, 100, 1],
    [9_999_999_999, 5_000, 10_000, 5_000_000_000],
    [0, 7, 9, 0],
  ])('%d x %d / %d rounds half up to %d', (a, b, c, expected) => {
    expect(mulDivHalfUp(a, b, c)).toBe(expected);
  });
});

describe('largest remainder', () => {
  const weights = fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 20_000_000 })), {
    minLength: 1,
    maxLength: 40,
  });

  function expected(amount: number, weights: readonly number[]): number[] {
    const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
    const shares = weights.map((weight) => (BigInt(amount) * BigInt(weight)) / total);
    const remainders = weights.map((weight, index) => ({ index, rest: (BigInt(amount) * BigInt(weight)) % total }));
    remainders.sort((a, b) => (a.rest > b.rest ? -1 : a.rest < b.rest ? 1 : a.index - b.index));
    const missing = BigInt(amount) - shares.reduce((sum, share) => sum + share, 0n);
    for (const { index } of remainders.slice(0, Number(missing))) shares[index] = (shares[index] ?? 0n) + 1n;
    return shares.map(Number);
  }

  test('over lines and over runs of equal units it is the sorted definition', () => {
    fc.assert(
      fc.property(weights, fc.double({ min: 0, max: 1, noNaN: true }), (values, part) => {
        const total = values.reduce((sum, value) => sum + value, 0);
        fc.pre(total > 0);
        const amount = Math.max(1, Math.floor(total * part));
        const shares: number[] = [];
        new LineAllocator(values.length).share(amount, total, [...values.keys()], values, shares);
        expect(shares).toEqual(expected(amount, values));
        const runs = shareOverRuns(
          amount,
          total,
          values.map((value) => ({ count: 1, amount: value })),
        );
        expect(runs.map((run) => run.amount)).toEqual(shares);
      }),
      { seed: 2, numRuns: 3_000 },
    );
  });

  test('a run is split where its units differ, never dropped', () => {
    expect(shareOverRuns(5, 30, [{ count: 3, amount: 10 }])).toEqual([
      { count: 2, amount: 2 },
      { count: 1, amount: 1 },
    ]);
  });
});
