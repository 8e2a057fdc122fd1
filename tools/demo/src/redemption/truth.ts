// What the two databases say after the checkouts. Amounts are minor units, ids decimal strings.

/** Stored in user_coupons.status. */
export const COUPON = { unused: 1, locked: 2, used: 3, expired: 4, void: 5 } as const;

export interface CouponTruth {
  readonly id: string;
  readonly templateId: string;
  readonly status: number;
  readonly orderSn: string | null;
  readonly hasUsedTime: boolean;
  readonly hasLockExpiry: boolean;
}

export interface TransitionTruth {
  readonly couponId: string;
  readonly from: number;
  readonly to: number;
  readonly orderSn: string | null;
}

export interface UsageTruth {
  readonly couponId: string;
  readonly orderSn: string;
  readonly original: bigint;
  readonly discount: bigint;
  readonly final: bigint;
  readonly reverted: boolean;
}

export interface OrderTruth {
  readonly orderSn: string;
  readonly status: string;
  readonly reasonCode: string | null;
  readonly paymentSn: string;
  readonly shippingFee: bigint;
  readonly shippingDiscount: bigint;
  readonly original: bigint;
  readonly discount: bigint;
  readonly final: bigint;
  /** In order of application. */
  readonly coupons: readonly { readonly couponId: string; readonly discount: bigint }[];
}

export interface ItemTruth {
  readonly orderSn: string;
  readonly productId: string;
  readonly quantity: number;
  readonly price: bigint;
  readonly discount: bigint;
  readonly units: readonly { readonly count: number; readonly amount: bigint }[];
}

export interface PaymentTruth {
  readonly paymentSn: string;
  readonly orderSn: string;
  readonly amount: bigint;
  readonly status: string;
}

export interface NotificationTruth {
  readonly providerRef: string;
  readonly paymentSn: string;
  readonly status: string;
}

export interface RefundTruth {
  readonly orderSn: string;
  readonly providerRef: string;
  readonly amount: bigint;
}

export interface ProductTruth {
  readonly id: string;
  readonly stock: number;
  readonly reserved: number;
}

export interface ReservationTruth {
  readonly orderSn: string;
  readonly productId: string;
  readonly quantity: number;
  readonly state: string;
}

export interface RedemptionTruth {
  readonly coupons: readonly CouponTruth[];
  /** Per coupon in the order in which they happened. */
  readonly transitions: readonly TransitionTruth[];
  readonly usage: readonly UsageTruth[];
  readonly templates: readonly { readonly id: string; readonly usedCount: number }[];
  readonly orders: readonly OrderTruth[];
  readonly items: readonly ItemTruth[];
  readonly payments: readonly PaymentTruth[];
  readonly notifications: readonly NotificationTruth[];
  readonly refunds: readonly RefundTruth[];
  readonly products: readonly ProductTruth[];
  readonly reservations: readonly ReservationTruth[];
  readonly unfinishedSagas: readonly { readonly gid: string; readonly state: string }[];
  /** Events in the outbox of either database that were not published. */
  readonly unpublishedEvents: number;
}

/** What an order may be when nothing is under way. */
export const FINAL_STATUSES: ReadonlySet<string> = new Set(['PAID', 'CANCELLED', 'FAILED', 'REFUNDED']);

export function byKey<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

export function sum<T>(rows: readonly T[], value: (row: T) => bigint): bigint {
  return rows.reduce((total, row) => total + value(row), 0n);
}
