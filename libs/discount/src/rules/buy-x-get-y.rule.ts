import { DISCOUNT_TYPE, InvalidArgumentError, TEMPLATE_TYPE } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import { mulDivHalfUp } from '../arithmetic/minor';
import { unless } from './rule';
import type { DiscountRule, RuleScope, RuleTerms } from './rule';
import { isRecord, unknownFields } from './rule-args';

const MAX_UNITS = 1_000;

/**
 * Type 5, "buy 2, get 1": of n applicable units, get x floor(n / (buy + get)) are free, the cheapest by price, ties in the earlier line. What
 * the free units of a line are worth is their share of what earlier coupons left of that line, rounded half up once per line.
 * rule_args: `{"buy_quantity": 2, "get_quantity": 1}`, each 1 to 1,000. discount_value is 0.
 */
export const buyXGetYRule: DiscountRule = {
  type: TEMPLATE_TYPE.buyXGetY,
  code: 'buy_x_get_y',
  discountType: DISCOUNT_TYPE.amount,
  takesFrom: 'goods',
  maxDiscountAllowed: false,
  check: (terms) => [
    ...unless(terms.discountValueMinor === 0n, 'discount_value', 'must be 0: the free units say it'),
    ...argViolations(terms.ruleArgs),
  ],
  checkUseful: () => [],
  prepare: (terms, scope) => {
    const free = freeUnits(terms, scope);
    return {
      threshold: Number(terms.minAmountMinor),
      amountOf: (_base, left) => {
        let amount = 0;
        for (const { line, units, quantity } of free) amount += mulDivHalfUp(left[line] ?? 0, units, quantity);
        return amount;
      },
      readsLines: true,
    };
  },
  facts: (terms, scope) => {
    const { buy, get } = argsOf(terms);
    const units = freeUnits(terms, scope).reduce((sum, one) => sum + one.units, 0);
    return { rule: 'buy_x_get_y', buy, get, freeUnits: units };
  },
};

interface FreeUnits {
  readonly line: number;
  readonly units: number;
  readonly quantity: number;
}

function freeUnits(terms: RuleTerms, { lines, prices, quantities }: RuleScope): readonly FreeUnits[] {
  const { buy, get } = argsOf(terms);
  const count = lines.reduce((sum, line) => sum + (quantities[line] ?? 0), 0);
  let missing = get * Math.floor(count / (buy + get));
  const cheapestFirst = [...lines].sort((a, b) => (prices[a] ?? 0) - (prices[b] ?? 0) || a - b);
  const free: FreeUnits[] = [];
  for (const line of cheapestFirst) {
    const quantity = quantities[line] ?? 0;
    const units = Math.min(missing, quantity);
    if (units > 0) free.push({ line, units, quantity });
    missing -= units;
  }
  return free;
}

/** @throws InvalidArgumentError for terms that were not checked. */
function argsOf(terms: RuleTerms): { buy: number; get: number } {
  const violations = argViolations(terms.ruleArgs);
  if (violations.length > 0) throw new InvalidArgumentError(violations);
  const args = terms.ruleArgs as Readonly<Record<string, number>>;
  return { buy: args['buy_quantity'] ?? 0, get: args['get_quantity'] ?? 0 };
}

function argViolations(args: unknown): readonly FieldViolation[] {
  if (!isRecord(args)) return unless(false, 'rule_args', 'must be an object with buy_quantity and get_quantity');
  const names = ['buy_quantity', 'get_quantity'];
  return [
    ...unknownFields(args, names, 'rule_args'),
    ...names.flatMap((name) =>
      unless(isUnits(args[name]), `rule_args.${name}`, `must be a whole number from 1 to ${MAX_UNITS}`),
    ),
  ];
}

function isUnits(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_UNITS;
}
