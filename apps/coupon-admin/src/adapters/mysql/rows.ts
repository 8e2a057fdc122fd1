import { parseMoney } from '@coupon/domain';
import type { ActivityId, ClaimId, CouponSource, TemplateId, UserCouponId, UserId } from '@coupon/domain';
import type { Prisma } from '@coupon/persistence';
import type {
  Activity,
  AuditRecord,
  CouponTransition,
  Json,
  Operation,
  Template,
  UserCoupon,
} from '../../use-cases/model';

// Rows as Prisma reads them -> what the use cases work with.

type TemplateRow = Prisma.CouponTemplateGetPayload<object>;
type ActivityRow = Prisma.FlashSaleActivityGetPayload<object>;
type CouponRow = Prisma.UserCouponGetPayload<object>;
type TransitionRow = Prisma.UserCouponTransitionGetPayload<object>;
type OperationRow = Prisma.OperationGetPayload<object>;
type AuditRow = Prisma.AuditLogGetPayload<object>;

export function templateOf(row: TemplateRow): Template {
  return {
    id: String(row.id) as TemplateId,
    name: row.name,
    type: row.type as Template['type'],
    discountType: row.discountType as Template['discountType'],
    discountValueMinor: moneyOf(row.discountValue, 'discount_value'),
    minAmountMinor: moneyOf(row.minAmount, 'min_amount'),
    totalCount: row.totalCount,
    usedCount: row.usedCount,
    perUserLimit: row.perUserLimit,
    validStartMs: row.validStartTime.getTime(),
    validEndMs: row.validEndTime.getTime(),
    applicableGoods: idsOf(row.applicableGoods),
    applicableCategories: idsOf(row.applicableCategories),
    status: row.status as Template['status'],
    maxDiscountMinor: row.maxDiscount === null ? null : moneyOf(row.maxDiscount, 'max_discount'),
    priority: row.priority,
    stackGroup: row.stackGroup,
    stackable: row.stackable,
    excludedGoods: idsOf(row.excludedGoods),
    excludedCategories: idsOf(row.excludedCategories),
    validDaysAfterClaim: row.validDaysAfterClaim,
    timeZone: row.timeZone,
    ruleArgs: row.ruleArgs as Template['ruleArgs'],
    version: row.version,
    allocatedCount: row.allocatedCount,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
  };
}

export function activityOf(row: ActivityRow): Activity {
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
    status: row.status as Activity['status'],
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

export function couponOf(row: CouponRow): UserCoupon {
  return {
    id: String(row.id) as UserCouponId,
    couponId: String(row.couponId) as TemplateId,
    userId: String(row.userId) as UserId,
    couponSn: row.couponSn,
    status: row.status as UserCoupon['status'],
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

export function transitionOf(row: TransitionRow): CouponTransition {
  return {
    fromStatus: row.fromStatus as UserCoupon['status'],
    toStatus: row.toStatus as UserCoupon['status'],
    orderSn: row.orderSn,
    reason: row.reason,
    atMs: row.at.getTime(),
  };
}

export function operationOf(row: OperationRow): Operation {
  return {
    operationId: row.operationId,
    kind: row.kind as Operation['kind'],
    activityId: row.activityId === null ? null : (String(row.activityId) as ActivityId),
    state: row.state,
    payload: row.payload as Operation['payload'],
    result: row.result as Operation['result'],
    attempts: row.attempts,
    lastError: row.lastError,
    finishedAtMs: row.finishedAt?.getTime() ?? null,
  };
}

export function auditOf(row: AuditRow): AuditRecord {
  return {
    id: String(row.id),
    atMs: row.at.getTime(),
    actor: row.actor,
    role: row.role,
    action: row.action,
    entity: row.entity,
    entityId: row.entityId,
    before: row.before as Json,
    after: row.after as Json,
    requestId: row.requestId,
  };
}

/** Ids are kept as a JSON list of strings. */
export function idsText(ids: readonly string[] | null): string | null {
  return ids === null ? null : JSON.stringify(ids);
}

function idsOf(text: string | null): string[] | null {
  if (text === null) return null;
  const list = JSON.parse(text) as unknown;
  // A list written by somebody else may hold numbers.
  return Array.isArray(list) ? list.map(String) : null;
}

function moneyOf(amount: { toFixed(digits: number): string }, field: string): bigint {
  return parseMoney(amount.toFixed(2), field);
}
