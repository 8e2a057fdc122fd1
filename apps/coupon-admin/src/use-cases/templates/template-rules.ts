import { isDeepStrictEqual } from 'node:util';
import { templateTermsViolations } from '@coupon/discount';
import { AppError, InvalidArgumentError } from '@coupon/domain';
import type { TemplateFields } from '../model';

/** What several fields of a template must agree on, as far as the calculator and the calendar go. @throws InvalidArgumentError with every violation. */
export function checkTemplate(fields: TemplateFields): void {
  const violations = [...templateTermsViolations(fields)];
  if (fields.validEndMs <= fields.validStartMs) {
    violations.push({ field: 'valid_end_time', message: 'must be after valid_start_time' });
  }
  if (violations.length > 0) throw new InvalidArgumentError(violations);
}

/** What a buyer was promised: fixed once the template has been published. */
const FROZEN = {
  type: 'type',
  discountType: 'discount_type',
  discountValueMinor: 'discount_value',
  minAmountMinor: 'min_amount',
  maxDiscountMinor: 'max_discount',
  ruleArgs: 'rule_args',
} as const satisfies Partial<Record<keyof TemplateFields, string>>;

/** @throws CONFLICT naming the first money field that would change. */
export function checkFrozen(before: TemplateFields, after: TemplateFields): void {
  for (const [key, field] of Object.entries(FROZEN) as [keyof typeof FROZEN, string][]) {
    // Parameters of a rule are JSON.
    if (isDeepStrictEqual(before[key], after[key])) continue;
    throw new AppError('CONFLICT', `${field}: cannot be changed after the template was published`, {
      details: { field },
    });
  }
}
