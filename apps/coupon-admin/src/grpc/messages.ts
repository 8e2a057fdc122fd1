import type {
  CreateTemplateRequest,
  FlashSaleStatusResponse,
  TemplateResponse,
  UpdateTemplateRequest,
  UserCoupon,
} from '@coupon/contracts';
import { InvalidArgumentError } from '@coupon/domain';
import type { ActivityView, TemplateView, UserCouponView } from '../use-cases/views/schemas';

// Messages <-> the bodies and views of the REST interface, so that both ways in are checked by the same schemas.

type Body = Record<string, unknown>;

/** What `createTemplateBody` reads. */
export function createBody(message: CreateTemplateRequest): Body {
  return given({
    name: message.name,
    type: message.type,
    discount_type: message.discountType,
    discount_value: message.discountValue,
    min_amount: message.minAmount,
    total_count: message.totalCount,
    per_user_limit: message.perUserLimit,
    valid_start_time: message.validStartTime,
    valid_end_time: message.validEndTime,
    applicable_goods: idList(message.applicableGoods, 'applicable_goods'),
    applicable_categories: idList(message.applicableCategories, 'applicable_categories'),
    status: message.status,
    max_discount: nullable(message.maxDiscount),
    priority: message.priority,
    stack_group: nullable(message.stackGroup),
    stackable: message.stackable,
    excluded_goods: idList(message.excludedGoods, 'excluded_goods'),
    excluded_categories: idList(message.excludedCategories, 'excluded_categories'),
    valid_days_after_claim: message.validDaysAfterClaim,
    time_zone: message.timeZone,
    rule_args: ruleArgs(message.ruleArgs),
  });
}

/** What `updateTemplateBody` reads. */
export function updateBody(message: UpdateTemplateRequest): Body {
  return given({
    name: message.name,
    type: message.type,
    discount_type: message.discountType,
    discount_value: message.discountValue,
    min_amount: message.minAmount,
    total_count: message.totalCount,
    per_user_limit: message.perUserLimit,
    valid_start_time: message.validStartTime,
    valid_end_time: message.validEndTime,
    applicable_goods: idList(message.applicableGoods, 'applicable_goods'),
    applicable_categories: idList(message.applicableCategories, 'applicable_categories'),
    max_discount: nullable(message.maxDiscount),
    priority: message.priority,
    stack_group: nullable(message.stackGroup),
    stackable: message.stackable,
    excluded_goods: idList(message.excludedGoods, 'excluded_goods'),
    excluded_categories: idList(message.excludedCategories, 'excluded_categories'),
    valid_days_after_claim: message.validDaysAfterClaim === 0 ? null : message.validDaysAfterClaim,
    time_zone: message.timeZone,
    rule_args: ruleArgs(message.ruleArgs),
    version: message.version,
  });
}

/** `page_size` and `page_token` as the query of a list. */
export function pageQuery(message: { readonly pageSize: number; readonly pageToken: string }): Record<string, string> {
  return {
    ...(message.pageSize === 0 ? {} : { limit: String(message.pageSize) }),
    ...(message.pageToken === '' ? {} : { cursor: message.pageToken }),
  };
}

export function templateMessage(view: TemplateView): TemplateResponse {
  return {
    id: view.id,
    name: view.name,
    type: view.type,
    discountType: view.discount_type,
    discountValue: view.discount_value,
    minAmount: view.min_amount,
    totalCount: view.total_count,
    usedCount: view.used_count,
    perUserLimit: view.per_user_limit,
    validStartTime: view.valid_start_time,
    validEndTime: view.valid_end_time,
    applicableGoods: listText(view.applicable_goods),
    applicableCategories: listText(view.applicable_categories),
    status: view.status,
    createdAt: view.created_at,
    updatedAt: view.updated_at,
    maxDiscount: view.max_discount ?? undefined,
    priority: view.priority,
    stackGroup: view.stack_group ?? undefined,
    stackable: view.stackable,
    excludedGoods: listText(view.excluded_goods),
    excludedCategories: listText(view.excluded_categories),
    validDaysAfterClaim: view.valid_days_after_claim ?? undefined,
    timeZone: view.time_zone,
    version: view.version,
    allocatedCount: view.allocated_count,
    statusName: view.status_name,
    ruleArgs: view.rule_args === null ? undefined : JSON.stringify(view.rule_args),
  };
}

export function couponMessage(view: UserCouponView): UserCoupon {
  return {
    id: view.id,
    couponId: view.coupon_id,
    userId: view.user_id,
    couponSn: view.coupon_sn,
    status: view.status,
    obtainTime: view.obtain_time,
    usedTime: view.used_time ?? undefined,
    orderSn: view.order_sn ?? undefined,
    validStartTime: view.valid_start_time,
    validEndTime: view.valid_end_time,
    activityId: view.activity_id ?? undefined,
    claimId: view.claim_id ?? undefined,
    slot: view.slot ?? undefined,
    source: view.source,
    lockExpiresAt: view.lock_expires_at ?? undefined,
    statusName: view.status_name,
  };
}

/** The activity as MySQL knows it; sold units arrive there a moment after Redis has given them away. */
export function activityMessage(view: ActivityView): FlashSaleStatusResponse {
  return {
    activityId: view.id,
    status: view.status,
    statusName: view.status_name,
    totalCount: String(view.total_count),
    successCount: String(view.success_count),
    remainingCount: String(view.total_count - view.success_count),
    startTime: view.start_time,
    endTime: view.end_time,
    over: isOverForGood(view),
  };
}

/** Ended, and nothing will load it into Redis (again). One that was drained comes back only with a release, which needs it there. */
function isOverForGood(view: ActivityView): boolean {
  return view.status_name === 'ended' && (view.loaded_at === null || view.drained_at !== null);
}

function given(body: Body): Body {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

function nullable(text: string | undefined): string | null | undefined {
  return text === '' ? null : text;
}

function idList(text: string | undefined, field: string): unknown {
  return jsonOf(text, field, 'must be a JSON list of ids or null');
}

function ruleArgs(text: string | undefined): unknown {
  return jsonOf(text, 'rule_args', 'must be a JSON object or null');
}

/** @throws InvalidArgumentError with that message */
function jsonOf(text: string | undefined, field: string, message: string): unknown {
  if (text === undefined) return undefined;
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw InvalidArgumentError.of(field, message);
  }
}

function listText(ids: readonly string[] | null): string | undefined {
  return ids === null ? undefined : JSON.stringify(ids);
}
