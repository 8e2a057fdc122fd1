import { InvalidArgumentError, TEMPLATE_STATUS, USER_COUPON_STATUS } from '@coupon/domain';
import type { FieldViolation, TemplateStatus } from '@coupon/domain';
import type { CouponTerms, OwnedCoupon } from '../model';
import { checkCandidates } from './check-order';
import { FieldReader } from './reader';

/**
 * Coupons given inline, by the column names of a template and an id of their own; owned and unused. Absent columns have their defaults;
 * `status` is the template's.
 * @throws InvalidArgumentError with every violation (`coupons[0].discount_value`).
 */
export function parseInlineCoupons(list: unknown): readonly OwnedCoupon[] {
  if (!Array.isArray(list)) {
    throw InvalidArgumentError.of('coupons', list === undefined ? 'is required' : 'must be a list');
  }
  const violations: FieldViolation[] = [];
  const coupons = list.map((coupon: unknown, index) => parseCoupon(coupon, `coupons[${index}]`, violations));
  if (violations.length > 0) throw new InvalidArgumentError(violations);
  checkCandidates(coupons);
  return coupons;
}

function parseCoupon(value: unknown, path: string, violations: FieldViolation[]): OwnedCoupon {
  const fields = new FieldReader(value, path, violations);
  return {
    owned: true,
    id: fields.id('id'),
    sn: null,
    templateId: null,
    status: USER_COUPON_STATUS.unused,
    orderSn: null,
    validStartMs: fields.time('valid_start_time'),
    validEndMs: fields.time('valid_end_time'),
    templateStatus: fields.has('status')
      ? (fields.integer('status', TEMPLATE_STATUS.draft, TEMPLATE_STATUS.disabled) as TemplateStatus)
      : TEMPLATE_STATUS.published,
    terms: parseTerms(fields),
  };
}

function parseTerms(fields: FieldReader): CouponTerms {
  const isGiven = (name: string): boolean => fields.has(name) && fields.raw(name) !== null;
  return {
    type: fields.integer('type'),
    discountType: fields.integer('discount_type'),
    discountValueMinor: fields.money('discount_value'),
    minAmountMinor: fields.has('min_amount') ? fields.money('min_amount') : 0n,
    maxDiscountMinor: isGiven('max_discount') ? fields.money('max_discount') : null,
    ruleArgs: fields.raw('rule_args') ?? null,
    applicableGoods: isGiven('applicable_goods') ? fields.ids('applicable_goods') : null,
    applicableCategories: isGiven('applicable_categories') ? fields.ids('applicable_categories') : null,
    excludedGoods: isGiven('excluded_goods') ? fields.ids('excluded_goods') : [],
    excludedCategories: isGiven('excluded_categories') ? fields.ids('excluded_categories') : [],
    priority: fields.has('priority') ? fields.integer('priority') : 0,
    stackGroup: isGiven('stack_group') ? fields.text('stack_group', 64) : null,
    stackable: fields.has('stackable') ? fields.boolean('stackable') : true,
  };
}
