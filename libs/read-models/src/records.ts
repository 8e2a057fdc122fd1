import { parseMoney } from '@coupon/domain';
import type {
  ActivityId,
  ActivityStatus,
  ClaimId,
  CouponSource,
  DiscountType,
  TemplateId,
  TemplateStatus,
  TemplateType,
  UserCouponId,
  UserCouponStatus,
  UserId,
} from '@coupon/domain';
import type { Prisma } from '@coupon/persistence';

// Rows of the tables that are cached, as everybody reads them. Ids are decimal strings, money is bigint minor units (a ratio: hundredths of
// a percent), times are epoch milliseconds UTC.

type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface TemplateRecord {
  readonly id: TemplateId;
  readonly name: string;
  readonly type: TemplateType;
  readonly discountType: DiscountType;
  readonly discountValueMinor: bigint;
  readonly minAmountMinor: bigint;
  readonly totalCount: number;
  readonly usedCount: number;
  readonly perUserLimit: number;
  readonly validStartMs: number;
  readonly validEndMs: number;
  /** null = all, empty = nothing. */
  readonly applicableGoods: readonly string[] | null;
  readonly applicableCategories: readonly string[] | null;
  readonly status: TemplateStatus;
  readonly maxDiscountMinor: bigint | null;
  readonly priority: number;
  readonly stackGroup: string | null;
  readonly stackable: boolean;
  readonly excludedGoods: readonly string[] | null;
  readonly excludedCategories: readonly string[] | null;
  readonly validDaysAfterClaim: number | null;
  readonly timeZone: string;
  readonly ruleArgs: { readonly [key: string]: JsonValue } | null;
  readonly version: number;
  readonly allocatedCount: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ActivityRecord {
  readonly id: ActivityId;
  readonly couponId: TemplateId;
  readonly name: string;
  readonly totalCount: number;
  readonly successCount: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly perUserLimit: number;
  /** Claims need a purchase token. */
  readonly hiddenPath: boolean;
  readonly status: ActivityStatus;
  readonly pausedAtMs: number | null;
  readonly epoch: number;
  readonly drainedAtMs: number | null;
  readonly archivedAtMs: number | null;
  readonly loadedAtMs: number | null;
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface UserCouponRecord {
  readonly id: UserCouponId;
  readonly couponId: TemplateId;
  readonly userId: UserId;
  readonly couponSn: string;
  readonly status: UserCouponStatus;
  readonly obtainMs: number;
  readonly usedMs: number | null;
  readonly orderSn: string | null;
  readonly validStartMs: number;
  readonly validEndMs: number;
  readonly activityId: ActivityId | null;
  readonly claimId: ClaimId | null;
  readonly slot: number | null;
  readonly source: CouponSource;
  readonly lockExpiresMs: number | null;
}

export function templateRecordOf(row: Prisma.CouponTemplateGetPayload<object>): TemplateRecord {
  return {
    id: String(row.id) as TemplateId,
    name: row.name,
    type: row.type as TemplateType,
    discountType: row.discountType as DiscountType,
    discountValueMinor: moneyOf(row.discountValue, 'discount_value'),
    minAmountMinor: moneyOf(row.minAmount, 'min_amount'),
    totalCount: row.totalCount,
    usedCount: row.usedCount,
    perUserLimit: row.perUserLimit,
    validStartMs: row.validStartTime.getTime(),
    validEndMs: row.validEndTime.getTime(),
    applicableGoods: idsOf(row.applicableGoods),
    applicableCategories: idsOf(row.applicableCategories),
    status: row.status as TemplateStatus,
    maxDiscountMinor: row.maxDiscount === null ? null : moneyOf(row.maxDiscount, 'max_discount'),
    priority: row.priority,
    stackGroup: row.stackGroup,
    stackable: row.stackable,
    excludedGoods: idsOf(row.excludedGoods),
    excludedCategories: idsOf(row.excludedCategories),
    validDaysAfterClaim: row.validDaysAfterClaim,
    timeZone: row.timeZone,
    ruleArgs: row.ruleArgs as TemplateRecord['ruleArgs'],
    version: row.version,
    allocatedCount: row.allocatedCount,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
  };
}

export function activityRecordOf(row: Prisma.FlashSaleActivityGetPayload<object>): ActivityRecord {
  return {
    id: String(row.id) as ActivityId,
    couponId: String(row.couponId) as TemplateId,
    name: row.name,
    totalCount: row.totalCount,
    successCount: row.successCount,
    startMs: row.startTime.getTime(),
    endMs: row.endTime.getTime(),
    perUserLimit: row.perUserLimit,
    hiddenPath: row.hiddenPath,
    status: row.status as ActivityStatus,
    pausedAtMs: row.pausedAt?.getTime() ?? null,
    epoch: row.epoch,
    drainedAtMs: row.drainedAt?.getTime() ?? null,
    archivedAtMs: row.archivedAt?.getTime() ?? null,
    loadedAtMs: row.loadedAt?.getTime() ?? null,
    version: row.version,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
  };
}

export function userCouponRecordOf(row: Prisma.UserCouponGetPayload<object>): UserCouponRecord {
  return {
    id: String(row.id) as UserCouponId,
    couponId: String(row.couponId) as TemplateId,
    userId: String(row.userId) as UserId,
    couponSn: row.couponSn,
    status: row.status as UserCouponStatus,
    obtainMs: row.obtainTime.getTime(),
    usedMs: row.usedTime?.getTime() ?? null,
    orderSn: row.orderSn,
    validStartMs: row.validStartTime.getTime(),
    validEndMs: row.validEndTime.getTime(),
    activityId: row.activityId === null ? null : (String(row.activityId) as ActivityId),
    claimId: row.claimId as ClaimId | null,
    slot: row.slot,
    source: row.source as CouponSource,
    lockExpiresMs: row.lockExpiresAt?.getTime() ?? null,
  };
}

/** A list written by somebody else may hold numbers. */
function idsOf(text: string | null): string[] | null {
  if (text === null) return null;
  const list = JSON.parse(text) as unknown;
  return Array.isArray(list) ? list.map(String) : null;
}

function moneyOf(amount: { toFixed(digits: number): string }, field: string): bigint {
  return parseMoney(amount.toFixed(2), field);
}
