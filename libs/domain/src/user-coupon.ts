/** user_coupons.status */
export const USER_COUPON_STATUS = { unused: 1, locked: 2, used: 3, expired: 4, void: 5 } as const;
export type UserCouponStatusName = keyof typeof USER_COUPON_STATUS;
export type UserCouponStatus = (typeof USER_COUPON_STATUS)[UserCouponStatusName];

/** user_coupons.source */
export const COUPON_SOURCES = ['flash_sale', 'claim', 'grant', 'code'] as const;
export type CouponSource = (typeof COUPON_SOURCES)[number];

const NAMES: Record<UserCouponStatus, UserCouponStatusName> = {
  1: 'unused',
  2: 'locked',
  3: 'used',
  4: 'expired',
  5: 'void',
};

/** The status to show: an unused coupon past its validity reads as expired before the sweep has written so. */
export function effectiveCouponStatus(status: UserCouponStatus, validEndMs: number, nowMs: number): UserCouponStatus {
  return status === USER_COUPON_STATUS.unused && nowMs >= validEndMs ? USER_COUPON_STATUS.expired : status;
}

export function userCouponStatusName(status: UserCouponStatus): UserCouponStatusName {
  return NAMES[status];
}

const DAY_MS = 86_400_000;

/**
 * When a coupon obtained at `obtainMs` is valid: [start, end). With `validDaysAfterClaim` it runs from the moment it was obtained for so
 * many days, but never outside the template's own window.
 */
export function couponValidity(
  template: { validStartMs: number; validEndMs: number; validDaysAfterClaim: number | null },
  obtainMs: number,
): { startMs: number; endMs: number } {
  if (template.validDaysAfterClaim === null) return { startMs: template.validStartMs, endMs: template.validEndMs };
  const startMs = Math.max(obtainMs, template.validStartMs);
  return { startMs, endMs: Math.min(startMs + template.validDaysAfterClaim * DAY_MS, template.validEndMs) };
}
