import { buyXGetYRule } from './buy-x-get-y.rule';
import { freeShippingRule } from './free-shipping.rule';
import { fullReductionRule } from './full-reduction.rule';
import { ratioRule } from './ratio.rule';
import type { DiscountRule } from './rule';
import { tieredRule } from './tiered.rule';

/** Every rule there is. */
export const DISCOUNT_RULES: readonly DiscountRule[] = [
  fullReductionRule,
  ratioRule,
  freeShippingRule,
  tieredRule,
  buyXGetYRule,
];

const BY_TYPE: ReadonlyMap<number, DiscountRule> = new Map(DISCOUNT_RULES.map((rule) => [rule.type, rule]));

export function findRule(type: number): DiscountRule | undefined {
  return BY_TYPE.get(type);
}
