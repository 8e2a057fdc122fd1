import { AppError, TEMPLATE_STATUS, USER_COUPON_STATUS } from '@coupon/domain';
import type { ErrorCode, UserCouponId } from '@coupon/domain';
import type { HeldCoupon } from './ports';

const TEXTS = {
  NOT_OWNED: 'is not a coupon of this user',
  TEMPLATE_DISABLED: 'cannot be used at the moment: its template is disabled',
  ALREADY_USED: 'has been used',
  LOCKED_BY_ANOTHER_ORDER: 'is locked by another order',
  NOT_YET_VALID: 'is not valid yet',
  EXPIRED: 'has expired',
  CONFLICT: 'is not locked by this order',
} as const satisfies Partial<Record<ErrorCode, string>>;

export type CouponRefusal = keyof typeof TEXTS;

/** 409: the coupon cannot be what the order wants it to be. */
export function refusal(code: CouponRefusal, id: UserCouponId, coupon?: HeldCoupon): AppError {
  return new AppError(code, `coupon ${id} ${TEXTS[code]}`, {
    details: { user_coupon_id: id, ...(coupon === undefined ? {} : { coupon_sn: coupon.couponSn }) },
  });
}

/** Why a coupon that this order has not locked cannot be; in the order in which the calculator asks. */
export function whyNotLockable(coupon: HeldCoupon, nowMs: number): CouponRefusal | undefined {
  const { status } = coupon;
  if (status === USER_COUPON_STATUS.void) return 'NOT_OWNED';
  if (coupon.templateStatus !== TEMPLATE_STATUS.published) return 'TEMPLATE_DISABLED';
  if (status === USER_COUPON_STATUS.used) return 'ALREADY_USED';
  if (status === USER_COUPON_STATUS.locked) return 'LOCKED_BY_ANOTHER_ORDER';
  if (nowMs < coupon.validStartMs) return 'NOT_YET_VALID';
  if (nowMs >= coupon.validEndMs || status === USER_COUPON_STATUS.expired) return 'EXPIRED';
  return undefined;
}

/** Why a coupon that this order has neither locked nor used cannot be used. Its validity does not matter any more: the lock has kept it. */
export function whyNotUsable({ status }: HeldCoupon): CouponRefusal {
  switch (status) {
    case USER_COUPON_STATUS.locked:
      return 'LOCKED_BY_ANOTHER_ORDER';
    case USER_COUPON_STATUS.used:
      return 'ALREADY_USED';
    case USER_COUPON_STATUS.void:
      return 'NOT_OWNED';
    case USER_COUPON_STATUS.expired:
      return 'EXPIRED';
    case USER_COUPON_STATUS.unused:
      return 'CONFLICT';
  }
}
