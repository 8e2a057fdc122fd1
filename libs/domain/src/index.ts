export { ERROR_CODES, BUSINESS_REFUSALS, isErrorCode } from './error-codes';
export type { ErrorCode, BusinessRefusal } from './error-codes';
export { AppError, InvalidArgumentError } from './app-error';
export type { ErrorDetails, FieldViolation } from './app-error';
export { isIdText, parseId } from './ids';
export type { ActivityId, Id, TemplateId, UserCouponId, UserId } from './ids';
export { MAX_AMOUNT_MINOR, formatMoney, parseMoney } from './money';
export { DISCOUNT_TYPE, TEMPLATE_STATUS, TEMPLATE_TYPE, canMoveTemplate, templateStatusName } from './template';
export type { DiscountType, TemplateStatus, TemplateStatusName, TemplateType, TemplateValidity } from './template';
export { ACTIVITY_STATES, ACTIVITY_STATUS, MAX_PER_USER_LIMIT, activityAllows, activityStatusName } from './activity';
export type { ActivityCommand, ActivityState, ActivityStatus, ActivityStatusName } from './activity';
export {
  COUPON_SOURCES,
  USER_COUPON_STATUS,
  couponValidity,
  effectiveCouponStatus,
  userCouponStatusName,
} from './user-coupon';
export type { CouponSource, UserCouponStatus, UserCouponStatusName } from './user-coupon';
export { couponSn, encodeClaimId, isClaimId, isIdempotencyKey } from './claim';
export type { ClaimId, ClaimReceipt, ClaimRequest, ClaimUnit } from './claim';
