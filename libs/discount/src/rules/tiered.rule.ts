import { DISCOUNT_TYPE, InvalidArgumentError, TEMPLATE_TYPE, parseMoney } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import { subtotalOf, unless } from './rule';
import type { DiscountRule, RuleScope, RuleTerms } from './rule';
import { isRecord, unknownFields } from './rule-args';

const MAX_TIERS = 20;

interface Tier {
  readonly minAmountMinor: bigint;
  readonly valueMinor: bigint;
}

/**
 * Type 4, "20 off from 100, 50 off from 200": the value of the highest tier that the applicable lines reach, before any discount; at most
 * base. rule_args: `{"tiers": [{"min_amount": "100.00", "discount_value": "20.00"}, …]}`, 1 to 20 tiers, both values strictly ascending,
 * so that a larger order never gets less. The lowest tier is the threshold: min_amount is 0 or the same. discount_value is 0.
 */
export const tieredRule: DiscountRule = {
  type: TEMPLATE_TYPE.tiered,
  code: 'tiered',
  discountType: DISCOUNT_TYPE.amount,
  takesFrom: 'goods',
  maxDiscountAllowed: false,
  check: (terms) => {
    const tiers = readTiers(terms.ruleArgs);
    const valueIsInTiers = unless(terms.discountValueMinor === 0n, 'discount_value', 'must be 0: the tiers say it');
    if (tiers.violations.length > 0) return [...valueIsInTiers, ...tiers.violations];
    const lowest = tiers.read[0]?.minAmountMinor;
    return [
      ...valueIsInTiers,
      ...unless(
        terms.minAmountMinor === 0n || terms.minAmountMinor === lowest,
        'min_amount',
        'must be 0 or the min_amount of the lowest tier',
      ),
    ];
  },
  checkUseful: () => [],
  prepare: (terms, scope) => {
    const value = Number(reached(terms, scope)?.valueMinor ?? 0n);
    return {
      threshold: Number(tiersOf(terms)[0]?.minAmountMinor ?? 0n),
      amountOf: (base) => (value < base ? value : base),
      readsLines: false,
    };
  },
  facts: (terms, scope) => ({ rule: 'tiered', ...(reached(terms, scope) ?? { minAmountMinor: 0n, valueMinor: 0n }) }),
};

function reached(terms: RuleTerms, scope: RuleScope): Tier | undefined {
  const subtotal = BigInt(subtotalOf(scope));
  return tiersOf(terms).findLast(({ minAmountMinor }) => minAmountMinor <= subtotal);
}

/** @throws InvalidArgumentError for terms that were not checked. */
function tiersOf(terms: RuleTerms): readonly Tier[] {
  const { read, violations } = readTiers(terms.ruleArgs);
  if (violations.length > 0) throw new InvalidArgumentError(violations);
  return read;
}

function readTiers(args: unknown): { read: readonly Tier[]; violations: readonly FieldViolation[] } {
  const tiers = isRecord(args) ? args['tiers'] : undefined;
  if (!isRecord(args) || !Array.isArray(tiers) || tiers.length < 1 || tiers.length > MAX_TIERS) {
    return { read: [], violations: unless(false, 'rule_args.tiers', `must be a list of 1 to ${MAX_TIERS} tiers`) };
  }
  const violations = [...unknownFields(args, ['tiers'], 'rule_args')];
  const read: Tier[] = [];
  tiers.forEach((tier: unknown, index) => {
    const path = `rule_args.tiers[${index}]`;
    if (!isRecord(tier)) {
      violations.push({ field: path, message: 'must be an object with min_amount and discount_value' });
      return;
    }
    violations.push(...unknownFields(tier, ['min_amount', 'discount_value'], path));
    const amount = (name: string): bigint => {
      try {
        return parseMoney(tier[name], `${path}.${name}`);
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        violations.push(...error.violations);
        return -1n;
      }
    };
    const one = { minAmountMinor: amount('min_amount'), valueMinor: amount('discount_value') };
    const before = read.at(-1) ?? { minAmountMinor: -1n, valueMinor: 0n };
    if (one.minAmountMinor >= 0n && one.minAmountMinor <= before.minAmountMinor) {
      violations.push({ field: `${path}.min_amount`, message: 'must be above that of the tier before' });
    }
    if (one.valueMinor >= 0n && one.valueMinor <= before.valueMinor) {
      const message = index === 0 ? 'must be above 0' : 'must be above that of the tier before';
      violations.push({ field: `${path}.discount_value`, message });
    }
    read.push(one);
  });
  return { read, violations };
}
