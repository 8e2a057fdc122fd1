import type { DiscountType, FieldViolation, TemplateType } from '@coupon/domain';
import type { Minor } from '../arithmetic/minor';

/** The columns of a template that a rule reads. */
export interface RuleTerms {
  /** coupon_templates.type */
  readonly type: number;
  /** coupon_templates.discount_type */
  readonly discountType: number;
  /** Minor units; of a ratio hundredths of a percent taken off (2000 = 20 % off). */
  readonly discountValueMinor: bigint;
  readonly minAmountMinor: bigint;
  readonly maxDiscountMinor: bigint | null;
  /** The JSON of the rules that have parameters of their own (types 4 and 5), else null. */
  readonly ruleArgs: unknown;
}

/** The applicable lines of one coupon in one order, before any discount. */
export interface RuleScope {
  /** Positions in the order, ascending. */
  readonly lines: readonly number[];
  /** Of all lines of the order, by position. */
  readonly prices: readonly Minor[];
  readonly quantities: readonly number[];
}

/**
 * What the coupon takes off: `base` is what earlier coupons left of what the rule takes from (its applicable lines, or the shipping fee),
 * `left` what they left of every line of the order. A rule keeps to three things, which the search for the best combination relies on
 * and the specs check for every registered rule: 0 <= amount <= base; where less was left, it never takes more, and never leaves more.
 */
export type AmountOf = (base: Minor, left: readonly Minor[]) => Minor;

export interface PreparedRule {
  /** The applicable lines must be worth this much, before any discount. */
  readonly threshold: Minor;
  readonly amountOf: AmountOf;
  /** Whether the amount depends on more than `base`. */
  readonly readsLines: boolean;
}

/** What the text of an applied coupon says, one shape per rule. */
export type RuleFacts =
  | { readonly rule: 'full_reduction'; readonly minAmountMinor: bigint; readonly valueMinor: bigint }
  | {
      readonly rule: 'ratio';
      readonly minAmountMinor: bigint;
      /** Hundredths of a percent. */
      readonly percentHundredths: bigint;
      readonly maxDiscountMinor: bigint | null;
    }
  | { readonly rule: 'free_shipping'; readonly minAmountMinor: bigint; readonly valueMinor: bigint | null }
  | { readonly rule: 'tiered'; readonly minAmountMinor: bigint; readonly valueMinor: bigint }
  | { readonly rule: 'buy_x_get_y'; readonly buy: number; readonly get: number; readonly freeUnits: number };

export type RuleCode = RuleFacts['rule'];

/** One kind of coupon. One file per rule; `rules/index.ts` registers it under its type. */
export interface DiscountRule {
  readonly type: TemplateType;
  readonly code: RuleCode;
  /** The discount_type that goes with the type. */
  readonly discountType: DiscountType;
  readonly takesFrom: 'goods' | 'shipping';
  readonly maxDiscountAllowed: boolean;
  /** What is wrong with the values, by the column's name; type, discount_type and max_discount have been looked at. */
  readonly check: (terms: RuleTerms) => readonly FieldViolation[];
  /** What a stored template must keep to on top of that, because it would never take anything off. */
  readonly checkUseful: (terms: RuleTerms) => readonly FieldViolation[];
  /** For terms that `check` has passed. */
  readonly prepare: (terms: RuleTerms, scope: RuleScope) => PreparedRule;
  readonly facts: (terms: RuleTerms, scope: RuleScope) => RuleFacts;
}

/** The violation list of one condition. */
export function unless(holds: boolean, field: string, message: string): readonly FieldViolation[] {
  return holds ? [] : [{ field, message }];
}

/** For rules without parameters of their own. */
export function noRuleArgs(terms: RuleTerms): readonly FieldViolation[] {
  return unless(
    terms.ruleArgs === null || terms.ruleArgs === undefined,
    'rule_args',
    `is not allowed for type ${terms.type}`,
  );
}

/** What the applicable lines are worth before any discount. */
export function subtotalOf({ lines, prices, quantities }: RuleScope): Minor {
  return lines.reduce((sum, line) => sum + (prices[line] ?? 0) * (quantities[line] ?? 0), 0);
}
