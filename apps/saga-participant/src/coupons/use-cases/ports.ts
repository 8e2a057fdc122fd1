import type { CouponEvent } from '@coupon/contracts';
import type { TemplateStatus, UserCouponId, UserCouponStatus, UserId } from '@coupon/domain';
import type { OrderCoupons } from './order-coupons';

/** A row of user_coupons, held until the end of the transaction. */
export interface HeldCoupon {
  readonly id: UserCouponId;
  readonly couponSn: string;
  readonly templateId: string;
  readonly status: UserCouponStatus;
  readonly orderSn: string | null;
  readonly usedMs: number | null;
  readonly validStartMs: number;
  readonly validEndMs: number;
  readonly lockExpiresMs: number | null;
  readonly templateStatus: TemplateStatus;
}

export interface HeldCoupons {
  /** By id ascending; those that the user does not have are missing. */
  readonly coupons: readonly HeldCoupon[];
  /** The database's clock once the rows were ours. */
  readonly nowMs: number;
}

/** Why a coupon's status has changed; user_coupon_transitions.reason. */
export type TransitionReason = 'lock' | 'unlock' | 'lock_expired' | 'use' | 'revert';

export interface Use {
  readonly coupon: HeldCoupon;
  readonly discountMinor: bigint;
}

/** The order's amounts. */
export interface OrderAmounts {
  readonly originalMinor: bigint;
  readonly finalMinor: bigint;
}

/**
 * The coupons inside one transaction. A change writes the row by a conditional UPDATE (from the expected status and, but for a lock, of this
 * order), its transitions, and nothing else; whoever changes holds the rows. Rows are taken by id ascending, counters of templates last, by
 * template id ascending: two transactions never wait for each other.
 */
export interface OrderCouponStore {
  hold(order: OrderCoupons): Promise<HeldCoupons>;
  /** unused -> locked */
  lock(order: OrderCoupons, coupons: readonly HeldCoupon[], expiresMs: number): Promise<void>;
  /** Later ends of locks that this order has. */
  extend(order: OrderCoupons, coupons: readonly HeldCoupon[], expiresMs: number): Promise<void>;
  /** locked -> unused */
  unlock(order: OrderCoupons, coupons: readonly HeldCoupon[], reason: 'unlock' | 'lock_expired'): Promise<void>;
  /** locked -> used */
  use(order: OrderCoupons, coupons: readonly HeldCoupon[], usedMs: number): Promise<void>;
  /** used -> unused */
  revert(order: OrderCoupons, coupons: readonly HeldCoupon[]): Promise<void>;
  /** One row per coupon and order; a use after a revert takes the row again. */
  logUses(order: OrderCoupons, uses: readonly Use[], amounts: OrderAmounts, usedMs: number): Promise<void>;
  logReverts(order: OrderCoupons, coupons: readonly HeldCoupon[], revertedMs: number): Promise<void>;
  /** used_count of the coupons' templates, `by` per coupon. */
  count(coupons: readonly HeldCoupon[], by: 1 | -1): Promise<void>;
  append(event: CouponEvent, orderSn: string): Promise<void>;
}

/** A lock past its end. */
export interface ExpiredLock {
  readonly id: UserCouponId;
  readonly userId: UserId;
  readonly orderSn: string;
  readonly expiresMs: number;
}
