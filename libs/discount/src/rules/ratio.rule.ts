import { DISCOUNT_TYPE, TEMPLATE_TYPE } from '@coupon/domain';
import { mulDivHalfUp } from '../arithmetic/minor';
import { noRuleArgs, unless } from './rule';
import type { DiscountRule } from './rule';

/** 100.00 %, in hundredths of a percent. */
const WHOLE = 10_000;

/** Type 2, "20 % off": base x percentage, rounded half up once, at most max_discount, at most base. */
export const ratioRule: DiscountRule = {
  type: TEMPLATE_TYPE.ratio,
  code: 'ratio',
  discountType: DISCOUNT_TYPE.ratio,
  takesFrom: 'goods',
  maxDiscountAllowed: true,
  check: (terms) => [
    ...unless(
      terms.discountValueMinor > 0n && terms.discountValueMinor <= BigInt(WHOLE),
      'discount_value',
      'must be a percentage above 0 and at most 100',
    ),
    ...noRuleArgs(terms),
  ],
  checkUseful: (terms) =>
    unless(terms.maxDiscountMinor === null || terms.maxDiscountMinor > 0n, 'max_discount', 'must be above 0'),
  prepare: (terms) => {
    const percent = Number(terms.discountValueMinor);
    const most = terms.maxDiscountMinor === null ? Infinity : Number(terms.maxDiscountMinor);
    return {
      threshold: Number(terms.minAmountMinor),
      amountOf: (base) => Math.min(mulDivHalfUp(base, percent, WHOLE), most, base),
      readsLines: false,
    };
  },
  facts: (terms) => ({
    rule: 'ratio',
    minAmountMinor: terms.minAmountMinor,
    percentHundredths: terms.discountValueMinor,
    maxDiscountMinor: terms.maxDiscountMinor,
  }),
};
