import {
  activityStatusName,
  effectiveCouponStatus,
  formatMoney,
  templateStatusName,
  userCouponStatusName,
} from '@coupon/domain';
import type { Activity, AuditRecord, Template, UserCoupon } from '../model';
import type { CouponHistory } from '../ports';
import type { ActivityView, AuditView, CouponHistoryView, TemplateView, UserCouponView } from './schemas';

// What the interface shows: column names, decimal strings for ids and money, RFC 3339 for times. Answers that are kept for a repeated
// Idempotency-Key and the audit log use the same shapes.

/** `version` is that of the terms; `used_count`, `allocated_count` and `updated_at` may be of another moment, see `cachedReads`. */
export function templateView(template: Template): TemplateView {
  return {
    id: template.id,
    name: template.name,
    type: template.type,
    discount_type: template.discountType,
    discount_value: formatMoney(template.discountValueMinor),
    min_amount: formatMoney(template.minAmountMinor),
    total_count: template.totalCount,
    used_count: template.usedCount,
    per_user_limit: template.perUserLimit,
    valid_start_time: time(template.validStartMs),
    valid_end_time: time(template.validEndMs),
    applicable_goods: list(template.applicableGoods),
    applicable_categories: list(template.applicableCategories),
    status: template.status,
    status_name: templateStatusName(template.status),
    created_at: time(template.createdAtMs),
    updated_at: time(template.updatedAtMs),
    max_discount: template.maxDiscountMinor === null ? null : formatMoney(template.maxDiscountMinor),
    priority: template.priority,
    stack_group: template.stackGroup,
    stackable: template.stackable,
    excluded_goods: list(template.excludedGoods),
    excluded_categories: list(template.excludedCategories),
    valid_days_after_claim: template.validDaysAfterClaim,
    time_zone: template.timeZone,
    rule_args: template.ruleArgs,
    version: template.version,
    allocated_count: template.allocatedCount,
  };
}

/** `version` is that of the terms; `success_count` and `updated_at` may be of another moment, see `cachedReads`. */
export function activityView(activity: Activity, nowMs: number): ActivityView {
  return {
    id: activity.id,
    coupon_id: activity.couponId,
    name: activity.name,
    total_count: activity.totalCount,
    success_count: activity.successCount,
    start_time: time(activity.startMs),
    end_time: time(activity.endMs),
    per_user_limit: activity.perUserLimit,
    hidden_path: activity.hiddenPath,
    status: activity.status,
    status_name: activityStatusName(activity, nowMs),
    paused_at: optionalTime(activity.pausedAtMs),
    epoch: activity.epoch,
    drained_at: optionalTime(activity.drainedAtMs),
    archived_at: optionalTime(activity.archivedAtMs),
    loaded_at: optionalTime(activity.loadedAtMs),
    version: activity.version,
    created_at: time(activity.createdAtMs),
    updated_at: time(activity.updatedAtMs),
  };
}

export function userCouponView(coupon: UserCoupon, nowMs: number): UserCouponView {
  const status = effectiveCouponStatus(coupon.status, coupon.validEndMs, nowMs);
  return {
    id: coupon.id,
    coupon_id: coupon.couponId,
    user_id: coupon.userId,
    coupon_sn: coupon.couponSn,
    status,
    status_name: userCouponStatusName(status),
    obtain_time: time(coupon.obtainMs),
    used_time: optionalTime(coupon.usedMs),
    order_sn: coupon.orderSn,
    valid_start_time: time(coupon.validStartMs),
    valid_end_time: time(coupon.validEndMs),
    activity_id: coupon.activityId,
    claim_id: coupon.claimId,
    slot: coupon.slot,
    source: coupon.source,
    lock_expires_at: optionalTime(coupon.lockExpiresMs),
  };
}

export function couponHistoryView({ coupon, transitions }: CouponHistory, nowMs: number): CouponHistoryView {
  return {
    coupon: userCouponView(coupon, nowMs),
    transitions: transitions.map(({ fromStatus, toStatus, orderSn, reason, atMs }) => ({
      from_status: fromStatus,
      from_status_name: userCouponStatusName(fromStatus),
      to_status: toStatus,
      to_status_name: userCouponStatusName(toStatus),
      order_sn: orderSn,
      reason,
      at: time(atMs),
    })),
  };
}

export function auditView(record: AuditRecord): AuditView {
  return {
    id: record.id,
    at: time(record.atMs),
    actor: record.actor,
    role: record.role,
    action: record.action,
    entity: record.entity,
    entity_id: record.entityId,
    before: record.before,
    after: record.after,
    request_id: record.requestId,
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function optionalTime(ms: number | null): string | null {
  return ms === null ? null : time(ms);
}

function list(ids: readonly string[] | null): string[] | null {
  return ids === null ? null : [...ids];
}
