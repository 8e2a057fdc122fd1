import fc from 'fast-check';
import { TEMPLATE_TYPE } from '@coupon/domain';
import { DISCOUNT_RULES, findRule } from '.';
import { randomTerms } from '../../test/support/random-case';
import { templateTermsViolations } from '../input/check-terms';
import type { RuleScope, RuleTerms } from './rule';

const TERMS: RuleTerms = {
  type: 1,
  discountType: 1,
  discountValueMinor: 0n,
  minAmountMinor: 0n,
  maxDiscountMinor: null,
  ruleArgs: null,
};

function prepared(terms: Partial<RuleTerms>, scope: RuleScope = { lines: [0], prices: [100], quantities: [1] }) {
  const all = { ...TERMS, ...terms };
  const rule = findRule(all.type);
  if (rule === undefined) throw new Error('no rule');
  expect(rule.check({ ...all, discountType: rule.discountType })).toEqual([]);
  return rule.prepare(all, scope);
}

describe('every registered rule', () => {
  test('has a type of its own, and every type has a rule', () => {
    expect(DISCOUNT_RULES.map(({ type }) => type).sort()).toEqual(Object.values(TEMPLATE_TYPE).sort());
  });

  test.each(DISCOUNT_RULES.map((rule) => [rule.code, rule] as const))(
    '%s: 0 <= amount <= base; where less was left it never takes more and never leaves more',
    (_, rule) => {
      fc.assert(
        fc.property(fc.gen(), (gen) => {
          const draw = (min: number, max: number): number => gen(fc.integer, { min, max });
          const terms = randomTerms(draw, rule.type);
          const count = draw(1, 4);
          const lines = Array.from({ length: count }, (__, index) => index);
          const prices = lines.map(() => draw(0, 60));
          const quantities = lines.map(() => draw(1, 5));
          const { amountOf } = rule.prepare(terms, { lines, prices, quantities });
          const more = lines.map((line) => draw(0, (prices[line] ?? 0) * (quantities[line] ?? 0)));
          const less = more.map((left) => draw(0, left));
          const sum = (left: readonly number[]): number => left.reduce((a, b) => a + b, 0);
          const [taken, takenOfLess] = [amountOf(sum(more), more), amountOf(sum(less), less)];
          expect(taken).toBeGreaterThanOrEqual(0);
          expect(taken).toBeLessThanOrEqual(sum(more));
          expect(takenOfLess).toBeLessThanOrEqual(taken);
          expect(sum(less) - takenOfLess).toBeLessThanOrEqual(sum(more) - taken);
        }),
        { seed: 3, numRuns: 500 },
      );
    },
  );
});

describe('full reduction', () => {
  test.each([
    [500, 499n, 499],
    [500, 500n, 500],
    [500, 501n, 500],
    [0, 5n, 0],
  ])('of %d, %d off take %d', (base, value, expected) => {
    expect(prepared({ discountValueMinor: value }).amountOf(base, [])).toBe(expected);
  });
});

describe('ratio', () => {
  test.each<[base: number, percent: bigint, most: bigint | null, expected: number]>([
    [10_000, 2000n, null, 2000],
    [5, 1000n, null, 1],
    [4, 1000n, null, 0],
    [333, 3333n, null, 111],
    [1, 5000n, null, 1],
    [9_999_999_999, 10_000n, null, 9_999_999_999],
    [9_999_999_999, 1n, null, 1_000_000],
    [10_000, 2000n, 1999n, 1999],
    [10_000, 2000n, 2001n, 2000],
    [10_000, 10_000n, 0n, 0],
  ])('of %d, %d hundredths of a percent, at most %p, take %d', (base, percent, most, expected) => {
    const terms = { type: 2, discountType: 2, discountValueMinor: percent, maxDiscountMinor: most };
    expect(prepared(terms).amountOf(base, [])).toBe(expected);
  });
});

describe('free shipping', () => {
  test.each([
    [800, 0n, 800],
    [800, 500n, 500],
    [300, 500n, 300],
  ])('of a fee of %d, value %d takes %d', (fee, value, expected) => {
    expect(prepared({ type: 3, discountValueMinor: value }).amountOf(fee, [])).toBe(expected);
  });
});

describe('tiers', () => {
  const ruleArgs = {
    tiers: [
      { min_amount: '1.00', discount_value: 0.1 },
      { min_amount: 2, discount_value: '0.50' },
    ],
  };
  const scope = (price: number): RuleScope => ({ lines: [0], prices: [price], quantities: [1] });

  test.each([
    [99, 0],
    [100, 10],
    [199, 10],
    [200, 50],
    [9999, 50],
  ])('lines worth %d reach %d', (price, expected) => {
    expect(prepared({ type: 4, ruleArgs }, scope(price)).amountOf(price, [])).toBe(expected);
  });

  test('the tier is reached by the original amount and takes from what is left', () => {
    expect(prepared({ type: 4, ruleArgs }, scope(200)).amountOf(30, [])).toBe(30);
  });

  test('the lowest tier is the threshold', () => {
    expect(prepared({ type: 4, ruleArgs }).threshold).toBe(100);
    expect(prepared({ type: 4, ruleArgs, minAmountMinor: 100n }).threshold).toBe(100);
  });
});

describe('buy x get y', () => {
  const ruleArgs = { buy_quantity: 2, get_quantity: 1 };

  test.each<[string, readonly [price: number, quantity: number][], number]>([
    ['too few', [[100, 2]], 0],
    ['one of three', [[100, 3]], 100],
    ['one of five', [[100, 5]], 100],
    ['two of six', [[100, 6]], 200],
    [
      'the cheapest of all lines',
      [
        [300, 1],
        [100, 1],
        [200, 4],
      ],
      300,
    ],
    [
      'units that cost nothing are the cheapest',
      [
        [300, 2],
        [0, 1],
      ],
      0,
    ],
  ])('%s', (_, lines, expected) => {
    const scope = {
      lines: lines.map((__, index) => index),
      prices: lines.map(([price]) => price),
      quantities: lines.map(([, quantity]) => quantity),
    };
    const left = lines.map(([price, quantity]) => price * quantity);
    expect(prepared({ type: 5, ruleArgs }, scope).amountOf(0, left)).toBe(expected);
  });

  test('a free unit is worth its share of what is left of its line, half up', () => {
    const scope = { lines: [0], prices: [100], quantities: [3] };
    expect(prepared({ type: 5, ruleArgs }, scope).amountOf(200, [200])).toBe(67);
    expect(prepared({ type: 5, ruleArgs }, scope).amountOf(199, [199])).toBe(66);
  });

  test('only applicable lines count', () => {
    const scope = { lines: [1], prices: [1, 100], quantities: [9, 3] };
    expect(prepared({ type: 5, ruleArgs }, scope).amountOf(300, [9, 300])).toBe(100);
  });
});

describe('what may be stored', () => {
  const tiers = (...list: unknown[]) => ({ type: 4, ruleArgs: { tiers: list } });
  const tier = (min_amount: unknown, discount_value: unknown) => ({ min_amount, discount_value });

  test.each<[Partial<RuleTerms>, string]>([
    [{ type: 6 }, 'type'],
    [{ type: 0 }, 'type'],
    [{ discountValueMinor: 1n, discountType: 2 }, 'discount_type'],
    [{ type: 2, discountValueMinor: 1n }, 'discount_type'],
    [{ type: 3, discountType: 2 }, 'discount_type'],
    [{ ...tiers(tier(1, 1)), discountType: 2 }, 'discount_type'],
    [{ discountValueMinor: 1n, maxDiscountMinor: 1n }, 'max_discount'],
    [{ type: 3, maxDiscountMinor: 1n }, 'max_discount'],
    [{ ...tiers(tier(1, 1)), maxDiscountMinor: 1n }, 'max_discount'],
    [{ type: 2, discountType: 2, discountValueMinor: 0n }, 'discount_value'],
    [{ type: 2, discountType: 2, discountValueMinor: 10_001n }, 'discount_value'],
    [{ type: 2, discountType: 2, discountValueMinor: 1n, maxDiscountMinor: 0n }, 'max_discount'],
    [{ discountValueMinor: 0n }, 'discount_value'],
    [{ discountValueMinor: -1n }, 'discount_value'],
    [{ discountValueMinor: 1n, minAmountMinor: -1n }, 'min_amount'],
    [{ discountValueMinor: 1n, ruleArgs: {} }, 'rule_args'],
    [{ type: 4 }, 'rule_args.tiers'],
    [tiers(), 'rule_args.tiers'],
    [tiers(...Array.from({ length: 21 }, (_, i) => tier(i + 1, i + 1))), 'rule_args.tiers'],
    [tiers(7), 'rule_args.tiers[0]'],
    [tiers(tier(1, 0)), 'rule_args.tiers[0].discount_value'],
    [tiers(tier(1, 0.001)), 'rule_args.tiers[0].discount_value'],
    [tiers(tier(1, 1), tier(1, 2)), 'rule_args.tiers[1].min_amount'],
    [tiers(tier(1, 1), tier(2, 1)), 'rule_args.tiers[1].discount_value'],
    [tiers({ ...tier(1, 1), off: 1 }), 'rule_args.tiers[0].off'],
    [{ ...tiers(tier(1, 1)), discountValueMinor: 1n }, 'discount_value'],
    [{ ...tiers(tier(1, 1)), minAmountMinor: 99n }, 'min_amount'],
    [{ type: 5 }, 'rule_args'],
    [{ type: 5, ruleArgs: { buy_quantity: 1 } }, 'rule_args.get_quantity'],
    [{ type: 5, ruleArgs: { buy_quantity: 0, get_quantity: 1 } }, 'rule_args.buy_quantity'],
    [{ type: 5, ruleArgs: { buy_quantity: 1.5, get_quantity: 1 } }, 'rule_args.buy_quantity'],
    [{ type: 5, ruleArgs: { buy_quantity: 1, get_quantity: 1, of: 1 } }, 'rule_args.of'],
    [{ type: 5, ruleArgs: { buy_quantity: 1, get_quantity: 1 }, discountValueMinor: 1n }, 'discount_value'],
  ])('%p is refused by the name of %s', (terms, field) => {
    expect(templateTermsViolations({ ...TERMS, ...terms }).map((violation) => violation.field)).toContain(field);
  });

  test.each<[Partial<RuleTerms>]>([
    [{ discountValueMinor: 1n, minAmountMinor: 5n }],
    [{ type: 2, discountType: 2, discountValueMinor: 10_000n, maxDiscountMinor: 1n }],
    [{ type: 3 }],
    [{ type: 3, discountValueMinor: 500n }],
    [{ ...tiers(tier('0.01', 1), tier(2, '2.5')), minAmountMinor: 1n }],
    [{ type: 5, ruleArgs: { buy_quantity: 1, get_quantity: 1000 } }],
  ])('%p is accepted', (terms) => {
    expect(templateTermsViolations({ ...TERMS, ...terms })).toEqual([]);
  });
});
