import { DISCOUNT_TYPE, TEMPLATE_TYPE } from '@coupon/domain';
import { noRuleArgs } from './rule';
import type { DiscountRule } from './rule';

/** Type 3: min(shipping fee left, discount_value if above 0, else all of it). */
export const freeShippingRule: DiscountRule = {
  type: TEMPLATE_TYPE.freeShipping,
  code: 'free_shipping',
  discountType: DISCOUNT_TYPE.amount,
  takesFrom: 'shipping',
  maxDiscountAllowed: false,
  check: noRuleArgs,
  checkUseful: () => [],
  prepare: (terms) => {
    const value = terms.discountValueMinor > 0n ? Number(terms.discountValueMinor) : Infinity;
    return {
      threshold: Number(terms.minAmountMinor),
      amountOf: (base) => (value < base ? value : base),
      readsLines: false,
    };
  },
  facts: (terms) => ({
    rule: 'free_shipping',
    minAmountMinor: terms.minAmountMinor,
    valueMinor: terms.discountValueMinor > 0n ? terms.discountValueMinor : null,
  }),
};
