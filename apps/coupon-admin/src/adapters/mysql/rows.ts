import type { ActivityId } from '@coupon/domain';
import type { Prisma } from '@coupon/persistence';
import { activityRecordOf, templateRecordOf, userCouponRecordOf } from '@coupon/read-models';
import type { AuditRecord, CouponTransition, Json, Operation, UserCoupon } from '../../use-cases/model';
// Those that are cached are read as the caches read them.
export { activityRecordOf as activityOf, templateRecordOf as templateOf, userCouponRecordOf as couponOf };

// Rows as Prisma reads them -> what the use cases work with.

type TransitionRow = Prisma.UserCouponTransitionGetPayload<object>;
type OperationRow = Prisma.OperationGetPayload<object>;
type AuditRow = Prisma.AuditLogGetPayload<object>;

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
