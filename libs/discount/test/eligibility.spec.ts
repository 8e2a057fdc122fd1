import { calculate } from '../src/calculate';
import type { CouponTerms } from '../src/model';
import { aCoupon, amountOff, anOrder, codesOf, freeShipping, percentOff, priceWith } from './support/builders';
import type { CouponSpec } from './support/builders';
import { NOW_MS } from './support/random-case';

const order = anOrder([[1000], [2000, 2, '20']], 500);

/** From the reason that is looked at last to the one looked at first; each wins over all before it. */
const REASONS: readonly (readonly [code: string, spec: CouponSpec])[] = [
  ['NO_EFFECT', { terms: { type: 1, discountValueMinor: 0n } }],
  ['BELOW_MIN_AMOUNT', { terms: { minAmountMinor: 5001n } }],
  ['NO_APPLICABLE_GOODS', { terms: { applicableGoods: [] } }],
  ['EXPIRED', { validEndMs: NOW_MS }],
  ['NOT_YET_VALID', { validStartMs: NOW_MS + 1 }],
  ['LOCKED_BY_ANOTHER_ORDER', { status: 2, orderSn: 'other' }],
  ['ALREADY_USED', { status: 3 }],
  ['TEMPLATE_DISABLED', { templateStatus: 2 }],
];

describe('eligibility', () => {
  test.each(REASONS.map(([code], index) => [code, index] as const))('%s wins over every later reason', (code, last) => {
    let spec: CouponSpec = {};
    for (const [, one] of REASONS.slice(0, last + 1)) {
      // A status is one value: used wins over locked because it is looked at first, and both cannot be.
      spec = { ...spec, ...one, terms: { ...spec.terms, ...one.terms } };
    }
    expect(codesOf(priceWith(order, [aCoupon(1, spec)]))).toEqual([`1 ${code}`]);
  });

  test('a coupon that is unknown, of somebody else or void is NOT_OWNED, and nothing is told about it', () => {
    const quote = priceWith(order, [
      { owned: false, id: null, sn: 'guessed' },
      { owned: false, id: '9', sn: null },
      aCoupon(3, { status: 5, templateStatus: 2, validEndMs: 0 }),
    ]);
    expect(quote.refused).toEqual([
      { id: '3', sn: null, templateId: null, reason: { code: 'NOT_OWNED' } },
      { id: '9', sn: null, templateId: null, reason: { code: 'NOT_OWNED' } },
      { id: null, sn: 'guessed', templateId: null, reason: { code: 'NOT_OWNED' } },
    ]);
  });

  test.each([0, 2] as const)('template status %d is TEMPLATE_DISABLED', (templateStatus) => {
    expect(codesOf(priceWith(order, [{ ...amountOff(1, 10), templateStatus }]))).toEqual(['1 TEMPLATE_DISABLED']);
  });

  test('a coupon locked for this very order may be priced for it', () => {
    const locked = { ...amountOff(1, 100), status: 2, orderSn: 'mine' } as const;
    expect(priceWith(order, [locked], { orderSn: 'mine' }).discountMinor).toBe(100n);
    expect(codesOf(priceWith(order, [locked], { orderSn: 'theirs' }))).toEqual(['1 LOCKED_BY_ANOTHER_ORDER']);
    expect(codesOf(priceWith(order, [{ ...locked, orderSn: null }]))).toEqual(['1 LOCKED_BY_ANOTHER_ORDER']);
  });

  test.each([
    ['the first moment', 0, 1, []],
    ['one millisecond early', 1, 2, ['1 NOT_YET_VALID']],
    ['the last millisecond', -5, 1, []],
    ['the end itself', -5, 0, ['1 EXPIRED']],
  ])('valid in [start, end): %s', (_, start, end, expected) => {
    const coupon = { ...amountOff(1, 1), validStartMs: NOW_MS + start, validEndMs: NOW_MS + end };
    expect(codesOf(priceWith(order, [coupon]))).toEqual(expected);
  });

  test('a coupon the sweep has marked is EXPIRED', () => {
    expect(codesOf(priceWith(order, [{ ...amountOff(1, 1), status: 4 }]))).toEqual(['1 EXPIRED']);
  });

  test('below the threshold, the distance to it is told', () => {
    const quote = priceWith(order, [
      amountOff(1, 10, { minAmountMinor: 5001n }),
      amountOff(2, 10, { minAmountMinor: 5000n }),
    ]);
    expect(quote.refused.map(({ reason }) => reason)).toEqual([
      { code: 'BELOW_MIN_AMOUNT', minAmountMinor: 5001n, subtotalMinor: 5000n, shortfallMinor: 1n },
    ]);
    expect(quote.discountMinor).toBe(10n);
  });

  test('the threshold counts applicable lines only, without shipping', () => {
    const onlyFirst = { applicableGoods: ['1'], minAmountMinor: 1001n };
    expect(codesOf(priceWith(order, [amountOff(1, 10, onlyFirst)]))).toEqual(['1 BELOW_MIN_AMOUNT']);
  });

  test('the threshold is met by the original amount, whatever other coupons take', () => {
    const quote = priceWith(order, [amountOff(1, 4900), amountOff(2, 10, { minAmountMinor: 5000n })]);
    expect(quote.discountMinor).toBe(4910n);
  });

  test('lines that cost nothing are applicable, and alone leave nothing to take', () => {
    expect(codesOf(priceWith(anOrder([[0], [100]]), [amountOff(1, 10, { applicableGoods: ['1'] })]))).toEqual([
      '1 NO_EFFECT',
    ]);
  });

  test('a ratio that rounds to nothing and free shipping without a fee have NO_EFFECT', () => {
    const cheap = anOrder([[49]]);
    expect(codesOf(priceWith(cheap, [percentOff(1, 100), freeShipping(2)]))).toEqual(['1 NO_EFFECT', '2 NO_EFFECT']);
  });
});

describe('applicable lines', () => {
  const cart = anOrder([
    [100, 1, 'a'],
    [200, 1, 'b'],
    [400, 1, null],
    [0, 1, 'a'],
  ]);

  test.each<[string, Partial<CouponTerms>, readonly number[]]>([
    ['null twice: all lines', {}, [0, 1, 2, 3]],
    ['goods alone', { applicableGoods: ['2', '77'] }, [1]],
    ['categories alone; a line without category is in none', { applicableCategories: ['a'] }, [0, 3]],
    ['both: the union', { applicableGoods: ['3'], applicableCategories: ['b'] }, [1, 2]],
    ['an empty list beside a list adds nothing', { applicableGoods: [], applicableCategories: ['b'] }, [1]],
    ['excluded goods win over goods', { applicableGoods: ['1', '2'], excludedGoods: ['1'] }, [1]],
    ['excluded goods win over categories', { applicableCategories: ['a'], excludedGoods: ['1', '4'] }, []],
    ['excluded categories win over goods', { applicableGoods: ['1', '3'], excludedCategories: ['a'] }, [2]],
    ['exclusions restrict all lines', { excludedCategories: ['b'] }, [0, 2, 3]],
    ['two empty lists: nothing', { applicableGoods: [], applicableCategories: [] }, []],
  ])('%s', (_, terms, expected) => {
    const quote = priceWith(cart, [percentOff(1, 10_000, terms)]);
    expect(quote.applied[0]?.lines.map(({ index }) => index) ?? []).toEqual(expected);
    if (expected.length === 0) expect(codesOf(quote)).toEqual(['1 NO_APPLICABLE_GOODS']);
  });

  test('an empty list is not null: it means nothing', () => {
    expect(codesOf(priceWith(cart, [amountOff(1, 10, { applicableCategories: [] })]))).toEqual([
      '1 NO_APPLICABLE_GOODS',
    ]);
  });

  test('a line that costs nothing receives 0', () => {
    const quote = priceWith(cart, [amountOff(1, 10, { applicableCategories: ['a'] })]);
    expect(quote.applied[0]?.lines.map(({ index, amountMinor }) => [index, amountMinor])).toEqual([
      [0, 10n],
      [3, 0n],
    ]);
  });

  test('free shipping: applicable lines decide eligibility and threshold, never the amount', () => {
    const shipped = { ...cart, shippingFeeMinor: 900n };
    const terms = { applicableGoods: ['1'], minAmountMinor: 100n };
    expect(priceWith(shipped, [freeShipping(1, terms)]).shippingDiscountMinor).toBe(900n);
    expect(codesOf(priceWith(shipped, [freeShipping(1, { ...terms, minAmountMinor: 101n })]))).toEqual([
      '1 BELOW_MIN_AMOUNT',
    ]);
    expect(codesOf(priceWith(shipped, [freeShipping(1, { applicableGoods: ['9'] })]))).toEqual([
      '1 NO_APPLICABLE_GOODS',
    ]);
  });
});

test('coupons refused for eligibility do not fail the call and do not count for stacking', () => {
  const used = [1, 2, 3, 4, 5].map((id) => ({ ...amountOff(id, 10, { stackGroup: 'g' }), status: 3 as const }));
  const calculation = calculate({
    order,
    coupons: [...used, amountOff(6, 10, { stackGroup: 'g' })],
    mode: 'given',
    nowMs: NOW_MS,
  });
  expect(calculation).toMatchObject({ outcome: 'priced', discountMinor: 10n });
});
