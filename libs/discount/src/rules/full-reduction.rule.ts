import { DISCOUNT_TYPE, TEMPLATE_TYPE } from '@coupon/domain';
import { noRuleArgs, unless } from './rule';
import type { DiscountRule } from './rule';

/** Type 1, "20 off from 100": min(discount_value, base). */
export const fullReductionRule: DiscountRule = {
  type: TEMPLATE_TYPE.fullReduction,
  code: 'full_reduction',
  discountType: DISCOUNT_TYPE.amount,
  takesFrom: 'goods',
  maxDiscountAllowed: false,
  check: noRuleArgs,
  checkUseful: (terms) => unless(terms.discountValueMinor > 0n, 'discount_value', 'must be above 0'),
  prepare: (terms) => {
    const value = Number(terms.discountValueMinor);
    return {
      threshold: Number(terms.minAmountMinor),
      amountOf: (base) => (value < base ? value : base),
      readsLines: false,
    };
  },
  facts: (terms) => ({
    rule: 'full_reduction',
    minAmountMinor: terms.minAmountMinor,
    valueMinor: terms.discountValueMinor,
  }),
};
