import { AppError, DISCOUNT_TYPE, InvalidArgumentError, TEMPLATE_TYPE } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import type { TemplateFields } from '../model';

/** 100.00 %, in hundredths of a percent. */
const FULL_RATIO = 10_000n;

/** What several fields of a template must agree on. @throws InvalidArgumentError with every violation. */
export function checkTemplate(fields: TemplateFields): void {
  const violations: FieldViolation[] = [];
  const wrong = (field: string, message: string): void => {
    violations.push({ field, message });
  };
  const ratio = fields.type === TEMPLATE_TYPE.ratio;
  if (ratio !== (fields.discountType === DISCOUNT_TYPE.ratio)) {
    wrong('discount_type', ratio ? 'must be 2 (ratio) for type 2' : `must be 1 (amount) for type ${fields.type}`);
  }
  if (ratio && (fields.discountValueMinor <= 0n || fields.discountValueMinor > FULL_RATIO)) {
    wrong('discount_value', 'must be a percentage above 0 and at most 100');
  }
  if (fields.type === TEMPLATE_TYPE.fullReduction && fields.discountValueMinor <= 0n) {
    wrong('discount_value', 'must be above 0');
  }
  if (fields.maxDiscountMinor !== null && !ratio) wrong('max_discount', 'is allowed for type 2 only');
  if (fields.maxDiscountMinor !== null && fields.maxDiscountMinor <= 0n) wrong('max_discount', 'must be above 0');
  if (fields.validEndMs <= fields.validStartMs) wrong('valid_end_time', 'must be after valid_start_time');
  if (violations.length > 0) throw new InvalidArgumentError(violations);
}

/** What a buyer was promised: fixed once the template has been published. */
const FROZEN = {
  type: 'type',
  discountType: 'discount_type',
  discountValueMinor: 'discount_value',
  minAmountMinor: 'min_amount',
  maxDiscountMinor: 'max_discount',
} as const satisfies Partial<Record<keyof TemplateFields, string>>;

/** @throws CONFLICT naming the first money field that would change. */
export function checkFrozen(before: TemplateFields, after: TemplateFields): void {
  for (const [key, field] of Object.entries(FROZEN) as [keyof typeof FROZEN, string][]) {
    if (before[key] === after[key]) continue;
    throw new AppError('CONFLICT', `${field}: cannot be changed after the template was published`, {
      details: { field },
    });
  }
}
