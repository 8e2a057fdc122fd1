import type { FieldViolation } from '@coupon/domain';
import { DISCOUNT_RULES, findRule } from '../rules';
import type { DiscountRule, RuleTerms } from '../rules/rule';
import { unless } from '../rules/rule';

/** What is wrong with the terms of a coupon, by column name; without a rule of this type, only that. */
export function termsViolations(terms: RuleTerms): readonly FieldViolation[] {
  const rule = findRule(terms.type);
  return rule === undefined ? unknownType() : violationsOf(rule, terms);
}

/**
 * For whoever stores templates: the same, and whatever would make the template useless. An unknown type is refused here, so that no
 * coupon can be issued that the calculator would not understand.
 */
export function templateTermsViolations(terms: RuleTerms): readonly FieldViolation[] {
  const rule = findRule(terms.type);
  return rule === undefined ? unknownType() : [...violationsOf(rule, terms), ...rule.checkUseful(terms)];
}

function unknownType(): readonly FieldViolation[] {
  return unless(false, 'type', `must be one of ${DISCOUNT_RULES.map(({ type }) => type).join(', ')}`);
}

function violationsOf(rule: DiscountRule, terms: RuleTerms): readonly FieldViolation[] {
  return [
    ...unless(
      terms.discountType === rule.discountType,
      'discount_type',
      `must be ${rule.discountType} for type ${rule.type}`,
    ),
    ...unless(terms.maxDiscountMinor === null || rule.maxDiscountAllowed, 'max_discount', 'is allowed for type 2 only'),
    ...notNegative(terms.discountValueMinor, 'discount_value'),
    ...notNegative(terms.minAmountMinor, 'min_amount'),
    ...notNegative(terms.maxDiscountMinor ?? 0n, 'max_discount'),
    ...rule.check(terms),
  ];
}

function notNegative(amount: bigint, field: string): readonly FieldViolation[] {
  return unless(amount >= 0n, field, 'must not be negative');
}
