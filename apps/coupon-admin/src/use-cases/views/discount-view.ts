import { appliedText, refusalDetails, refusalText } from '@coupon/discount';
import type { Locale, Quote, Refusal } from '@coupon/discount';
import { formatMoney } from '@coupon/domain';
import type { CouponRefusalView, DiscountView } from './schemas';

export function discountView(quote: Quote, locale: Locale): DiscountView {
  return {
    original_amount: formatMoney(quote.originalMinor),
    discount_amount: formatMoney(quote.discountMinor),
    final_amount: formatMoney(quote.finalMinor),
    shipping_discount: formatMoney(quote.shippingDiscountMinor),
    optimal: quote.optimal,
    coupon_discounts: quote.applied.map(({ id, sn, templateId, amountMinor, facts, lines }) => ({
      user_coupon_id: id,
      ...(sn === null ? {} : { coupon_sn: sn }),
      ...(templateId === null ? {} : { template_id: templateId }),
      discount_amount: formatMoney(amountMinor),
      code: 'APPLIED',
      discount_reason: appliedText(facts, locale),
      lines: lines.map((line) => ({
        index: line.index,
        amount: formatMoney(line.amountMinor),
        units: line.units.map((run) => ({ count: run.count, amount: formatMoney(run.amountMinor) })),
      })),
    })),
    refused: quote.refused.map((refusal) => couponRefusalView(refusal, locale)),
  };
}

export function couponRefusalView({ id, sn, reason }: Refusal, locale: Locale): CouponRefusalView {
  return {
    user_coupon_id: id,
    ...(sn === null ? {} : { coupon_sn: sn }),
    code: reason.code,
    message: refusalText(reason, locale),
    details: refusalDetails(reason),
  };
}
