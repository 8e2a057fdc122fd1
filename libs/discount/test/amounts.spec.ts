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

describe('totals', () => {
  test('goods, shipping and discount make the final amount', () => {
    const quote = priceWith(anOrder([[1000, 3], [250]], 600), [amountOff(1, 500), freeShipping(2)]);
    expect(quote).toMatchObject({
      goodsTotalMinor: 3250n,
      originalMinor: 3850n,
      discountMinor: 1100n,
      shippingDiscountMinor: 600n,
      finalMinor: 2750n,
      optimal: true,
    });
  });

  test('the largest order is priced to the cent, where products exceed 2^53', () => {
    const order = anOrder([[3_333_333_333], [3_333_333_333], [3_333_333_332]], 1);
    const quote = priceWith(order, [amountOff(1, 9_999_999_997), percentOff(2, 3333, { priority: -1 })]);
    expect(amountsOf(quote)).toEqual(['2: 3332999999', '1: 6666999999']);
    expect(quote.finalMinor).toBe(1n);
    const shares = priceWith(order, [amountOff(1, 9_999_999_997)]).applied[0]?.lines.map((line) => line.amountMinor);
    expect(shares).toEqual([3_333_333_333n, 3_333_333_332n, 3_333_333_332n]);
  });
});

describe('order of application', () => {
  const order = anOrder([[10_000]], 1000);

  test('by priority, then type, then id as an integer', () => {
    const quote = priceWith(order, [
      amountOff(10, 100),
      amountOff(9, 100),
      percentOff(1, 1000),
      percentOff(30, 1000, { priority: -1 }),
      amountOff(2, 100, { priority: 1 }),
    ]);
    expect(quote.applied.map(({ id }) => id)).toEqual(['30', '9', '10', '1', '2']);
    expect(amountsOf(quote)).toEqual(['30: 1000', '9: 100', '10: 100', '1: 880', '2: 100']);
  });

  test('types 1 to 5 in turn', () => {
    const tiers = { tiers: [{ min_amount: '1.00', discount_value: '1.00' }] };
    const quote = priceWith(anOrder([[1000, 2]], 500), [
      aCoupon(1, { terms: { type: 5, ruleArgs: { buy_quantity: 1, get_quantity: 1 } } }),
      aCoupon(2, { terms: { type: 4, ruleArgs: tiers } }),
      freeShipping(3),
      percentOff(4, 1000),
      amountOff(5, 100),
    ]);
    expect(amountsOf(quote)).toEqual(['5: 100', '4: 190', '3: 500', '2: 100', '1: 805']);
  });
});

describe('what earlier coupons left', () => {
  test('full reduction takes no more than that', () => {
    const quote = priceWith(anOrder([[300]]), [amountOff(1, 200), amountOff(2, 200)]);
    expect(amountsOf(quote)).toEqual(['1: 200', '2: 100']);
  });

  test('a coupon for which nothing is left has NO_EFFECT and is not used', () => {
    const quote = priceWith(anOrder([[300]]), [amountOff(1, 300), amountOff(2, 200), percentOff(3, 5000)]);
    expect(amountsOf(quote)).toEqual(['1: 300']);
    expect(codesOf(quote)).toEqual(['2 NO_EFFECT', '3 NO_EFFECT']);
  });

  test('only of its own lines', () => {
    const order = anOrder([[1000], [1000, 1, '20']]);
    const quote = priceWith(order, [amountOff(1, 1000, { applicableGoods: ['1'] }), percentOff(2, 5000)]);
    expect(amountsOf(quote)).toEqual(['1: 1000', '2: 500']);
    expect(quote.applied[1]?.lines.map(({ amountMinor }) => amountMinor)).toEqual([0n, 500n]);
  });

  test('a second shipping coupon takes from what is left of the fee', () => {
    const quote = priceWith(anOrder([[100]], 1000), [freeShipping(1, { discountValueMinor: 700n }), freeShipping(2)]);
    expect(amountsOf(quote)).toEqual(['1: 700', '2: 300']);
    expect(quote.applied.every(({ lines }) => lines.length === 0)).toBe(true);
  });
});

describe('allocation', () => {
  const shares = (prices: readonly number[], off: number): unknown =>
    priceWith(anOrder(prices.map((price) => [price])), [amountOff(1, off)]).applied[0]?.lines.map(({ amountMinor }) =>
      Number(amountMinor),
    );

  test.each<[string, readonly number[], number, readonly number[]]>([
    ['proportional', [1000, 3000], 400, [100, 300]],
    ['ties to the earlier line', [100, 100, 100], 100, [34, 33, 33]],
    ['two cents left, the first two lines', [100, 100, 100], 101, [34, 34, 33]],
    ['the largest remainder first', [100, 250, 150], 3, [1, 1, 1]],
    ['remainder before position', [10, 30, 60], 5, [1, 1, 3]],
    ['everything', [7, 0, 5], 99, [7, 0, 5]],
  ])('%s', (_, prices, off, expected) => {
    expect(shares(prices, off)).toEqual(expected);
  });

  test('within a line the same, to the earlier unit, as runs in unit order', () => {
    const [line] = priceWith(anOrder([[100, 3]]), [amountOff(1, 100)]).applied[0]?.lines ?? [];
    expect(line).toEqual({
      index: 0,
      amountMinor: 100n,
      units: [
        { count: 1, amountMinor: 34n },
        { count: 2, amountMinor: 33n },
      ],
    });
  });

  test('units weigh what earlier coupons left of them', () => {
    // Left after the first: 66, 67, 67. Of 100 cents 33, 33.5, 33.5: the last cent goes to the second unit.
    const quote = priceWith(anOrder([[100, 3]]), [amountOff(1, 100), amountOff(2, 100)]);
    expect(quote.applied[1]?.lines[0]?.units).toEqual([
      { count: 1, amountMinor: 33n },
      { count: 1, amountMinor: 34n },
      { count: 1, amountMinor: 33n },
    ]);
  });

  test('a million units are a few runs', () => {
    const quote = priceWith(
      anOrder([[9999, 1_000_000]]),
      [1, 2, 3, 4, 5].map((id) => amountOff(id, 777_777_777)),
    );
    expect(quote.discountMinor).toBe(5n * 777_777_777n);
    for (const { lines } of quote.applied) expect(lines[0]?.units.length).toBeLessThan(8);
  });
});
