import { AppError, InvalidArgumentError } from '@coupon/domain';
import type { TemplateFields } from '../model';
import { checkFrozen, checkTemplate } from './template-rules';

const valid: TemplateFields = {
  name: 't',
  type: 1,
  discountType: 1,
  discountValueMinor: 500n,
  minAmountMinor: 0n,
  totalCount: 10,
  perUserLimit: 1,
  validStartMs: 1,
  validEndMs: 2,
  applicableGoods: null,
  applicableCategories: null,
  maxDiscountMinor: null,
  priority: 0,
  stackGroup: null,
  stackable: true,
  excludedGoods: null,
  excludedCategories: null,
  validDaysAfterClaim: null,
  timeZone: 'UTC',
  ruleArgs: null,
};

const TIERS = { tiers: [{ min_amount: '100.00', discount_value: '20.00' }] };
const BUY = { buy_quantity: 2, get_quantity: 1 };

function wrongFields(change: Partial<TemplateFields>): string[] {
  try {
    checkTemplate({ ...valid, ...change });
    return [];
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.violations.map((violation) => violation.field);
    throw error;
  }
}

it.each<[string, Partial<TemplateFields>, string[]]>([
  ['a full reduction', {}, []],
  ['a full reduction of nothing', { discountValueMinor: 0n }, ['discount_value']],
  ['a full reduction with a ratio', { discountType: 2 }, ['discount_type']],
  ['a ratio of 100 %', { type: 2, discountType: 2, discountValueMinor: 10_000n }, []],
  ['a ratio with a cap', { type: 2, discountType: 2, maxDiscountMinor: 1n }, []],
  ['a ratio above 100 %', { type: 2, discountType: 2, discountValueMinor: 10_001n }, ['discount_value']],
  ['a ratio with a cap of nothing', { type: 2, discountType: 2, maxDiscountMinor: 0n }, ['max_discount']],
  ['a ratio with an amount', { type: 2, discountType: 1 }, ['discount_type']],
  ['free shipping, all of it', { type: 3, discountValueMinor: 0n }, []],
  ['free shipping up to an amount', { type: 3 }, []],
  ['free shipping with a cap', { type: 3, maxDiscountMinor: 5n }, ['max_discount']],
  ['tiers', { type: 4, discountValueMinor: 0n, ruleArgs: TIERS }, []],
  ['tiers without any', { type: 4, discountValueMinor: 0n }, ['rule_args.tiers']],
  ['tiers with a value beside them', { type: 4, ruleArgs: TIERS }, ['discount_value']],
  ['buy X get Y', { type: 5, discountValueMinor: 0n, ruleArgs: BUY }, []],
  [
    'buy X get Y without Y',
    { type: 5, discountValueMinor: 0n, ruleArgs: { buy_quantity: 2 } },
    ['rule_args.get_quantity'],
  ],
  ['a full reduction with parameters', { ruleArgs: BUY }, ['rule_args']],
  ['a ratio with parameters', { type: 2, discountType: 2, ruleArgs: BUY }, ['rule_args']],
  ['a validity of no time', { validEndMs: 1 }, ['valid_end_time']],
  [
    'several at once',
    { discountType: 2, discountValueMinor: 0n, validEndMs: 0 },
    ['discount_type', 'discount_value', 'valid_end_time'],
  ],
])('%s', (_name, change, fields) => {
  expect(wrongFields(change)).toEqual(fields);
});

it.each<[string, Partial<TemplateFields>]>([
  ['type', { type: 3 }],
  ['discount_type', { discountType: 2 }],
  ['discount_value', { discountValueMinor: 501n }],
  ['min_amount', { minAmountMinor: 1n }],
  ['max_discount', { maxDiscountMinor: 1n }],
  ['rule_args', { ruleArgs: BUY }],
])('keeps %s of a published template', (field, change) => {
  const refusal = (): void => checkFrozen(valid, { ...valid, ...change });
  expect(refusal).toThrow(AppError);
  expect(refusal).toThrow(field);
});

it('takes parameters for the same whatever the order of their names', () => {
  const before = { ...valid, ruleArgs: BUY };
  expect(() => checkFrozen(before, { ...before, ruleArgs: { get_quantity: 1, buy_quantity: 2 } })).not.toThrow();
  expect(() => checkFrozen(before, { ...before, ruleArgs: { get_quantity: 2, buy_quantity: 2 } })).toThrow('rule_args');
});

it('lets everything else of a published template change', () => {
  expect(() =>
    checkFrozen(valid, { ...valid, name: 'n', totalCount: 11, priority: 3, excludedGoods: ['1'] }),
  ).not.toThrow();
});
