import { formatMoney } from '@coupon/domain';
import type { RuleCode, RuleFacts } from '../rules/rule';
import type { Locale } from './locale';

type Texts = { readonly [Code in RuleCode]: (facts: Extract<RuleFacts, { rule: Code }>) => string };

const en: Texts = {
  full_reduction: ({ minAmountMinor, valueMinor }) => `${formatMoney(valueMinor)} off${from(minAmountMinor)}`,
  ratio: ({ minAmountMinor, percentHundredths, maxDiscountMinor }) =>
    `${percent(percentHundredths)}% off${from(minAmountMinor)}` +
    (maxDiscountMinor === null ? '' : `, at most ${formatMoney(maxDiscountMinor)}`),
  free_shipping: ({ minAmountMinor, valueMinor }) =>
    (valueMinor === null ? 'free shipping' : `${formatMoney(valueMinor)} off shipping`) + from(minAmountMinor),
  tiered: ({ minAmountMinor, valueMinor }) => `${formatMoney(valueMinor)} off${from(minAmountMinor)} (tier reached)`,
  buy_x_get_y: ({ buy, get, freeUnits }) => `buy ${buy}, get ${get} free: ${freeUnits} free`,
};

const zh: Texts = {
  full_reduction: ({ minAmountMinor, valueMinor }) => `${zhFrom(minAmountMinor)}减${formatMoney(valueMinor)}`,
  ratio: ({ minAmountMinor, percentHundredths, maxDiscountMinor }) =>
    `${zhFrom(minAmountMinor)}减${percent(percentHundredths)}%` +
    (maxDiscountMinor === null ? '' : `，最多减${formatMoney(maxDiscountMinor)}`),
  free_shipping: ({ minAmountMinor, valueMinor }) =>
    zhFrom(minAmountMinor) + (valueMinor === null ? '免运费' : `减运费${formatMoney(valueMinor)}`),
  tiered: ({ minAmountMinor, valueMinor }) => `阶梯满减：${zhFrom(minAmountMinor)}减${formatMoney(valueMinor)}`,
  buy_x_get_y: ({ buy, get, freeUnits }) => `买${buy}送${get}：免${freeUnits}件`,
};

/** Why an applied coupon takes something off, for people. */
export function appliedText(facts: RuleFacts, locale: Locale): string {
  const texts = locale === 'zh' ? zh : en;
  const text = texts[facts.rule] as (facts: RuleFacts) => string;
  return text(facts);
}

function from(minAmountMinor: bigint): string {
  return minAmountMinor === 0n ? '' : ` from ${formatMoney(minAmountMinor)}`;
}

function zhFrom(minAmountMinor: bigint): string {
  return minAmountMinor === 0n ? '无门槛' : `满${formatMoney(minAmountMinor)}`;
}

/** Without zeros at the end: 20, 12.5, 33.33. */
function percent(hundredths: bigint): string {
  return formatMoney(hundredths).replace(/\.?0+$/, '');
}
