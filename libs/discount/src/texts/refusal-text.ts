import { formatMoney } from '@coupon/domain';
import type { RefusalReason, StackingRefusal } from '../model';
import type { Locale } from './locale';

type Code = RefusalReason['code'];
type Texts = { readonly [One in Code]: (reason: Extract<RefusalReason, { code: One }>) => string };

const en: Texts = {
  NOT_OWNED: () => 'This coupon is not one of yours.',
  TEMPLATE_DISABLED: () => 'This coupon is not offered at present.',
  ALREADY_USED: () => 'This coupon has been used.',
  LOCKED_BY_ANOTHER_ORDER: () => 'This coupon is reserved for another order.',
  NOT_YET_VALID: ({ validStartMs }) => `This coupon is valid from ${time(validStartMs)}.`,
  EXPIRED: ({ validEndMs }) => `This coupon was valid until ${time(validEndMs)}.`,
  NO_APPLICABLE_GOODS: () => 'This coupon applies to none of the goods.',
  BELOW_MIN_AMOUNT: ({ shortfallMinor }) => `Spend ${formatMoney(shortfallMinor)} more to use this coupon.`,
  NO_EFFECT: () => 'There is nothing left for this coupon to take off.',
  NOT_IN_BEST: () => 'Another combination saves at least as much.',
  EXCLUSIVE_GROUP: () => 'Only one coupon of its group may be used.',
  NOT_STACKABLE: () => 'This coupon may not be combined with another one.',
};

const zh: Texts = {
  NOT_OWNED: () => '您没有这张优惠券。',
  TEMPLATE_DISABLED: () => '该优惠券目前不可用。',
  ALREADY_USED: () => '该优惠券已使用。',
  LOCKED_BY_ANOTHER_ORDER: () => '该优惠券已被其他订单占用。',
  NOT_YET_VALID: ({ validStartMs }) => `该优惠券将于${time(validStartMs)}生效。`,
  EXPIRED: ({ validEndMs }) => `该优惠券已于${time(validEndMs)}过期。`,
  NO_APPLICABLE_GOODS: () => '订单中没有适用该优惠券的商品。',
  BELOW_MIN_AMOUNT: ({ shortfallMinor }) => `再买${formatMoney(shortfallMinor)}即可使用该优惠券。`,
  NO_EFFECT: () => '该优惠券没有可抵扣的金额。',
  NOT_IN_BEST: () => '其他优惠组合不低于使用该优惠券。',
  EXCLUSIVE_GROUP: () => '同组优惠券只能使用一张。',
  NOT_STACKABLE: () => '该优惠券不能与其他优惠券同时使用。',
};

/** Why a coupon was refused or left out, for people. */
export function refusalText(reason: RefusalReason, locale: Locale): string {
  const texts = locale === 'zh' ? zh : en;
  const text = texts[reason.code] as (reason: RefusalReason) => string;
  return text(reason);
}

/** `details` of a refusal in answers: amounts as decimal text, times as RFC 3339. */
export function refusalDetails(reason: RefusalReason): Readonly<Record<string, string>> {
  switch (reason.code) {
    case 'NOT_YET_VALID':
      return { valid_start_time: time(reason.validStartMs) };
    case 'EXPIRED':
      return { valid_end_time: time(reason.validEndMs) };
    case 'BELOW_MIN_AMOUNT':
      return {
        shortfall: formatMoney(reason.shortfallMinor),
        min_amount: formatMoney(reason.minAmountMinor),
        subtotal: formatMoney(reason.subtotalMinor),
      };
    case 'EXCLUSIVE_GROUP':
    case 'NOT_STACKABLE':
      return { blocked_by: reason.blockedBy };
    default:
      return {};
  }
}

/** Why coupons may not be used together, for people. */
export function stackingText({ code, maxStackCount }: StackingRefusal, locale: Locale): string {
  switch (code) {
    case 'TOO_MANY_COUPONS':
      return locale === 'zh'
        ? `最多可同时使用${maxStackCount}张优惠券。`
        : `At most ${maxStackCount} coupons may be used together.`;
    case 'EXCLUSIVE_GROUP':
      return locale === 'zh' ? '同组优惠券只能使用一张。' : 'Only one coupon of a group may be used.';
    case 'NOT_STACKABLE':
      return locale === 'zh' ? '其中有优惠券不能叠加使用。' : 'These coupons may not be used together.';
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
