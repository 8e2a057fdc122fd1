import {
  aCoupon,
  amountOff,
  amountsOf,
  anOrder,
  codesOf,
  freeShipping,
  percentOff,
  priceWith,
} from './support/builders';
import { NOW_MS } from './support/random-case';

const order = anOrder([[10_000], [10_000, 1, '20']], 1000);
const best = { mode: 'best' } as const;

describe('best', () => {
  test('takes the combination with the largest discount', () => {
    const quote = priceWith(
      order,
      [amountOff(1, 500), percentOff(2, 5000, { stackable: false }), freeShipping(3)],
      best,
    );
    expect(amountsOf(quote)).toEqual(['2: 10000', '3: 1000']);
    expect(quote.refused).toMatchObject([{ id: '1', reason: { code: 'NOT_STACKABLE', blockedBy: '2' } }]);
  });

  test('of equal discounts the one with fewer coupons', () => {
    const quote = priceWith(order, [amountOff(1, 10_000), amountOff(2, 10_000), amountOff(3, 20_000)], best);
    expect(amountsOf(quote)).toEqual(['3: 20000']);
  });

  test('then the one whose earliest end comes first', () => {
    const later = amountOff(1, 500, { stackGroup: 'g' });
    const sooner = { ...amountOff(2, 500, { stackGroup: 'g' }), validEndMs: NOW_MS + 1 };
    expect(amountsOf(priceWith(order, [later, sooner], best))).toEqual(['2: 500']);
  });

  test('then the smallest ids, compared as integers', () => {
    const quote = priceWith(
      order,
      [10, 9, 100].map((id) => amountOff(id, 500, { stackGroup: 'g' })),
      best,
    );
    expect(amountsOf(quote)).toEqual(['9: 500']);
    expect(quote.refused).toMatchObject([
      { id: '10', reason: { code: 'EXCLUSIVE_GROUP', blockedBy: '9' } },
      { id: '100', reason: { code: 'EXCLUSIVE_GROUP', blockedBy: '9' } },
    ]);
  });

  test('of many alike: the one that ends first and the smallest ids beside it', () => {
    const coupons = Array.from({ length: 20 }, (_, index) => amountOff(index + 1, 100));
    const ending = { ...amountOff(17, 100), validEndMs: NOW_MS + 1 };
    const quote = priceWith(
      order,
      coupons.map((one) => (one.id === '17' ? ending : one)),
      best,
    );
    expect(quote.applied.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '17']);
    expect(quote.optimal).toBe(true);
  });

  test('what is left out for no coupon in particular is NOT_IN_BEST', () => {
    const quote = priceWith(
      order,
      [1, 2, 3, 4, 5, 6].map((id) => amountOff(id, 100 * id)),
      best,
    );
    expect(quote.discountMinor).toBe(2000n);
    expect(codesOf(quote)).toEqual(['1 NOT_IN_BEST']);
  });

  test('a group is named before stackability', () => {
    const terms = { stackGroup: 'g', stackable: false };
    const quote = priceWith(order, [amountOff(1, 100, terms), amountOff(2, 200, terms)], best);
    expect(quote.refused).toMatchObject([{ id: '1', reason: { code: 'EXCLUSIVE_GROUP', blockedBy: '2' } }]);
  });

  test('an earlier coupon that makes a later one worth less is left out when that is better', () => {
    // 1 empties the first line; 2 takes half of it only if it is still there.
    const quote = priceWith(
      anOrder([[10_000]]),
      [amountOff(1, 100, { stackGroup: 'g' }), percentOff(2, 9900), amountOff(3, 200, { stackGroup: 'g' })],
      best,
    );
    expect(amountsOf(quote)).toEqual(['3: 200', '2: 9702']);
  });

  test('coupons that differ in the parameters of their rule only do not stand in for each other', () => {
    const tiered = [1, 2, 3].map((off) => {
      const ruleArgs = { tiers: [{ min_amount: '1.00', discount_value: off }] };
      return aCoupon(off, { terms: { type: 4, ruleArgs, stackGroup: 'g' } });
    });
    expect(amountsOf(priceWith(order, tiered, best))).toEqual(['3: 300']);
  });

  test('without an eligible coupon nothing is taken off', () => {
    expect(priceWith(order, [{ ...amountOff(1, 100), status: 3 }], best)).toMatchObject({
      discountMinor: 0n,
      optimal: true,
    });
    expect(priceWith(order, [], best)).toMatchObject({ discountMinor: 0n, applied: [], refused: [] });
  });

  describe('with more than 20 candidates', () => {
    const many = Array.from({ length: 60 }, (_, index) =>
      percentOff(index + 1, 100 + ((index * 37) % 60), {
        priority: index % 7,
        applicableCategories: index % 3 === 0 ? null : [index % 3 === 1 ? '10' : '20'],
      }),
    );

    test('it is exact when the search comes to its end', () => {
      const quote = priceWith(order, many, { ...best, maxSteps: 1e9 });
      expect(quote.optimal).toBe(true);
      expect(quote.boundMinor).toBe(quote.discountMinor);
    });

    test('it states a bound that nothing exceeds when the search ends early', () => {
      const exact = priceWith(order, many, { ...best, maxSteps: 1e9 });
      const early = priceWith(order, many, { ...best, maxSteps: 200 });
      expect(early.optimal).toBe(false);
      expect(early.discountMinor).toBeGreaterThan(0n);
      expect(early.discountMinor <= exact.discountMinor && exact.discountMinor <= early.boundMinor).toBe(true);
    });

    test('up to 20 are exact whatever the number of steps', () => {
      expect(priceWith(order, many.slice(0, 20), { ...best, maxSteps: 1 }).optimal).toBe(true);
    });
  });
});
