export { calculate } from './calculate';
export { templateTermsViolations } from './input/check-terms';
export { parseInlineCoupons } from './input/parse-coupons';
export { parseOrder } from './input/parse-order';
export { allocationOf, refundOf } from './refund/refund';
export type { AllocatedLine, Allocation, Refund, RefundRequest, UnitRange } from './refund/refund';
export { appliedText } from './texts/applied-text';
export { localeOf } from './texts/locale';
export type { Locale } from './texts/locale';
export { refusalDetails, refusalText, stackingText } from './texts/refusal-text';
export type {
  AppliedCoupon,
  Calculation,
  CalculationRequest,
  Candidate,
  CouponTerms,
  ForeignCoupon,
  LineShare,
  Mode,
  Order,
  OrderLine,
  OwnedCoupon,
  Quote,
  Refusal,
  RefusalReason,
  StackingCode,
  StackingRefusal,
  UnitRun,
} from './model';
export type { RuleCode, RuleFacts, RuleTerms } from './rules/rule';
