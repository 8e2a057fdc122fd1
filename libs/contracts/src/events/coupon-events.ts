/**
 * Bodies of the events around a user's coupon, as they travel through the outbox of database `coupon` and RabbitMQ: one event per order and
 * change, written in the transaction that makes it. Ids are decimal strings, amounts decimal strings of minor units, times RFC 3339 UTC with
 * milliseconds. Fields this version does not know are allowed: a newer sender may add some.
 */

export interface CouponEventCoupon {
  readonly user_coupon_id: string;
  readonly coupon_sn: string;
  readonly template_id: string;
}

interface CouponEventFields {
  readonly schema_version: 1;
  /** New for every change, the same however often it is published. */
  readonly event_id: string;
  readonly order_sn: string;
  readonly user_id: string;
  /** Those whose status has changed, by id ascending; never empty. */
  readonly coupons: readonly CouponEventCoupon[];
}

/** unused -> locked */
export interface CouponLockedBody extends CouponEventFields {
  readonly locked_at: string;
  readonly lock_expires_at: string;
}

/** locked -> unused */
export interface CouponUnlockedBody extends CouponEventFields {
  readonly unlocked_at: string;
  /** `unlock`: somebody asked for it; `lock_expired`: nobody needed the lock any more. */
  readonly reason: 'unlock' | 'lock_expired';
}

export interface UsedCoupon extends CouponEventCoupon {
  /** What the coupon took off. */
  readonly discount_minor: string;
}

/** locked -> used */
export interface CouponUsedBody extends CouponEventFields {
  readonly coupons: readonly UsedCoupon[];
  readonly used_at: string;
  /** The order's amounts, as whoever used the coupons gave them; 0 when not given. */
  readonly original_minor: string;
  readonly final_minor: string;
}

/** used -> unused */
export interface CouponRevertedBody extends CouponEventFields {
  readonly reverted_at: string;
}

export const COUPON_LOCKED = 'coupon.locked.v1';
export const COUPON_UNLOCKED = 'coupon.unlocked.v1';
export const COUPON_USED = 'coupon.used.v1';
export const COUPON_REVERTED = 'coupon.reverted.v1';

export type CouponEvent =
  | { readonly type: typeof COUPON_LOCKED; readonly body: CouponLockedBody }
  | { readonly type: typeof COUPON_UNLOCKED; readonly body: CouponUnlockedBody }
  | { readonly type: typeof COUPON_USED; readonly body: CouponUsedBody }
  | { readonly type: typeof COUPON_REVERTED; readonly body: CouponRevertedBody };
