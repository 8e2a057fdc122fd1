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

// What the use cases work with. Ids are decimal strings, money is bigint minor units (a ratio: hundredths of a percent), times are epoch
// milliseconds UTC.

/** The columns of a template that its author sets. */
export interface TemplateFields {
  readonly name: string;
  readonly type: TemplateType;
  readonly discountType: DiscountType;
  readonly discountValueMinor: bigint;
  readonly minAmountMinor: bigint;
  readonly totalCount: number;
  readonly perUserLimit: number;
  readonly validStartMs: number;
  readonly validEndMs: number;
  /** null = all, empty = nothing. */
  readonly applicableGoods: readonly string[] | null;
  readonly applicableCategories: readonly string[] | null;
  readonly maxDiscountMinor: bigint | null;
  readonly priority: number;
  readonly stackGroup: string | null;
  readonly stackable: boolean;
  readonly excludedGoods: readonly string[] | null;
  readonly excludedCategories: readonly string[] | null;
  readonly validDaysAfterClaim: number | null;
  readonly timeZone: string;
  /** Parameters of a rule that has its own: tiers (type 4), buy X get Y (type 5). */
  readonly ruleArgs: JsonObject | null;
}

export interface Template extends TemplateFields {
  readonly id: TemplateId;
  readonly status: TemplateStatus;
  readonly usedCount: number;
  readonly allocatedCount: number;
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ActivityFields {
  readonly name: string;
  readonly totalCount: number;
  readonly perUserLimit: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Claims need a purchase token. */
  readonly hiddenPath: boolean;
}

export interface Activity extends ActivityFields {
  readonly id: ActivityId;
  readonly couponId: TemplateId;
  readonly successCount: number;
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

export interface UserCoupon {
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

export type NewUserCoupon = Pick<
  UserCoupon,
  'couponId' | 'userId' | 'couponSn' | 'obtainMs' | 'validStartMs' | 'validEndMs' | 'source'
>;

/** One change of a coupon's status. */
export interface CouponTransition {
  readonly fromStatus: UserCouponStatus;
  readonly toStatus: UserCouponStatus;
  readonly orderSn: string | null;
  readonly reason: string;
  readonly atMs: number;
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export const OPERATION_KINDS = [
  'prewarm',
  'start',
  'pause',
  'resume',
  'end',
  'stock',
  'release',
  'flow_settings',
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/** A multi-step operation. `state` names the step that comes next; `done` and `failed` are the ends. */
export interface Operation {
  readonly operationId: string;
  readonly kind: OperationKind;
  readonly activityId: ActivityId | null;
  readonly state: string;
  readonly payload: JsonObject;
  readonly result: JsonObject | null;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly finishedAtMs: number | null;
}

export interface NewOperation {
  readonly operationId: string;
  readonly kind: OperationKind;
  readonly activityId: ActivityId | null;
  /** One unfinished operation per key. */
  readonly activeKey: string;
  readonly state: string;
  readonly payload: JsonObject;
}

/** Who asks for a change; `scheduler` is the system itself. */
export interface Actor {
  readonly subject: string;
  readonly role: string;
  readonly requestId: string;
}

export interface AuditEntry {
  readonly actor: Actor;
  readonly action: string;
  readonly entity: string;
  readonly entityId: string;
  readonly before: Json;
  readonly after: Json;
}

export interface AuditRecord {
  readonly id: string;
  readonly atMs: number;
  readonly actor: string;
  readonly role: string;
  readonly action: string;
  readonly entity: string;
  readonly entityId: string;
  readonly before: Json;
  readonly after: Json;
  readonly requestId: string;
}
