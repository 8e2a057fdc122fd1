import { calculate } from '../src/calculate';
import type { OwnedCoupon } from '../src/model';
import { amountOff, anOrder, codesOf, freeShipping, percentOff, priceWith } from './support/builders';
import { NOW_MS } from './support/random-case';

const order = anOrder([[10_000], [5000]], 1000);

function verdict(coupons: readonly OwnedCoupon[], maxStackCount?: number): unknown {
  const limit = maxStackCount === undefined ? {} : { maxStackCount };
  const calculation = calculate({ order, coupons, mode: 'given', nowMs: NOW_MS, ...limit });
  return calculation.outcome === 'priced' ? 'together' : [calculation.code, ...calculation.couponIds];
}

const alone = { stackable: false };
const a = { stackGroup: 'a' };

describe('stacking in mode given', () => {
  test.each<[string, readonly OwnedCoupon[], unknown]>([
    ['five are enough', [1, 2, 3, 4, 5].map((id) => amountOff(id, 1)), 'together'],
    [
      'six are too many, ids as integers',
      [100, 2, 3, 4, 5, 20].map((id) => amountOff(id, 1)),
      ['TOO_MANY_COUPONS', '2', '3', '4', '5', '20', '100'],
    ],
    ['one of a group', [amountOff(1, 1, a), amountOff(2, 1, { stackGroup: 'b' }), amountOff(3, 1)], 'together'],
    ['two of a group', [amountOff(3, 1), amountOff(12, 1, a), freeShipping(9, a)], ['EXCLUSIVE_GROUP', '9', '12']],
    ['no group is no group', [amountOff(1, 1), amountOff(2, 1)], 'together'],
    ['non-stackable goods and goods', [amountOff(2, 1, alone), percentOff(1, 100)], ['NOT_STACKABLE', '1', '2']],
    ['non-stackable goods and stackable shipping', [amountOff(1, 1, alone), freeShipping(2)], 'together'],
    [
      'non-stackable goods and non-stackable shipping',
      [amountOff(1, 1, alone), freeShipping(2, alone)],
      ['NOT_STACKABLE', '1', '2'],
    ],
    ['non-stackable shipping and goods', [amountOff(1, 1), freeShipping(2, alone)], ['NOT_STACKABLE', '1', '2']],
    [
      'non-stackable shipping and shipping',
      [freeShipping(1), freeShipping(2, { ...alone, discountValueMinor: 1n })],
      ['NOT_STACKABLE', '1', '2'],
    ],
    [
      'only those that take part',
      [amountOff(1, 1, alone), amountOff(2, 1), freeShipping(3)],
      ['NOT_STACKABLE', '1', '2'],
    ],
    ['non-stackable alone', [amountOff(1, 1, alone)], 'together'],
    [
      'too many comes before a group',
      [1, 2, 3, 4, 5, 6].map((id) => amountOff(id, 1, a)),
      ['TOO_MANY_COUPONS', '1', '2', '3', '4', '5', '6'],
    ],
    [
      'a group comes before not stackable',
      [amountOff(1, 1, a), amountOff(2, 1, a), amountOff(3, 1, alone)],
      ['EXCLUSIVE_GROUP', '1', '2'],
    ],
  ])('%s', (_, coupons, expected) => {
    expect(verdict(coupons)).toEqual(expected);
    expect(verdict([...coupons].reverse())).toEqual(expected);
  });

  test('the most that may be used together is configured', () => {
    expect(verdict([amountOff(1, 1), amountOff(2, 1)], 1)).toEqual(['TOO_MANY_COUPONS', '1', '2']);
  });

  test('the verdict is given before application: a coupon that would take nothing still counts', () => {
    const all = amountOff(1, 15_000);
    expect(codesOf(priceWith(order, [all, amountOff(2, 1)]))).toEqual(['2 NO_EFFECT']);
    expect(verdict([amountOff(1, 15_000, a), amountOff(2, 1, a)])).toEqual(['EXCLUSIVE_GROUP', '1', '2']);
  });

  test('a refused call still names the coupons refused for themselves', () => {
    const coupons = [amountOff(1, 1, a), amountOff(2, 1, a), { ...amountOff(3, 1), status: 3 as const }];
    expect(calculate({ order, coupons, mode: 'given', nowMs: NOW_MS })).toMatchObject({
      outcome: 'refused',
      refused: [{ id: '3', reason: { code: 'ALREADY_USED' } }],
    });
  });
});
