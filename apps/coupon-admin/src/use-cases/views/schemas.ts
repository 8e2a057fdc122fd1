import { z } from 'zod';
import type { JsonObject } from '../model';

// The shapes the interface answers with. They describe (openapi.json, types), they do not check: answers come from our own code.

const id = z.string().meta({ description: 'decimal string of a 64-bit integer', examples: ['42'] });
const money = z.string().meta({ description: 'decimal string with two digits', examples: ['12.30'] });
const time = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC' });
const idList = z.array(id).nullable().meta({ description: 'null = all, empty = nothing' });

export const templateSchema = z.object({
  id,
  name: z.string(),
  type: z.number().meta({ description: '1 full reduction, 2 ratio, 3 free shipping, 4 tiers, 5 buy X get Y' }),
  discount_type: z.number().meta({ description: '1 amount, 2 ratio' }),
  discount_value: money,
  min_amount: money,
  total_count: z.number(),
  used_count: z.number(),
  per_user_limit: z.number(),
  valid_start_time: time,
  valid_end_time: time,
  applicable_goods: idList,
  applicable_categories: idList,
  status: z.number().meta({ description: '0 draft, 1 published, 2 disabled' }),
  status_name: z.enum(['draft', 'published', 'disabled']),
  created_at: time,
  updated_at: time,
  max_discount: money.nullable(),
  priority: z.number(),
  stack_group: z.string().nullable(),
  stackable: z.boolean(),
  excluded_goods: idList,
  excluded_categories: idList,
  valid_days_after_claim: z.number().nullable(),
  time_zone: z.string(),
  rule_args: z
    .custom<JsonObject | null>()
    .meta({ type: ['object', 'null'], description: 'parameters of types 4 and 5, null for the others' }),
  version: z.number(),
  allocated_count: z.number().meta({ description: 'units given to activities or issued outside a sale' }),
});

export const activitySchema = z.object({
  id,
  coupon_id: id,
  name: z.string(),
  total_count: z.number(),
  success_count: z.number(),
  start_time: time,
  end_time: time,
  per_user_limit: z.number(),
  hidden_path: z.boolean().meta({ description: 'claims need a purchase token' }),
  status: z.number().meta({ description: '1 pending, 2 running, 3 ended' }),
  status_name: z.enum(['pending', 'running', 'paused', 'ended']),
  paused_at: time.nullable(),
  epoch: z.number(),
  drained_at: time.nullable(),
  archived_at: time.nullable(),
  loaded_at: time.nullable(),
  version: z.number(),
  created_at: time,
  updated_at: time,
});

export const userCouponSchema = z.object({
  id,
  coupon_id: id,
  user_id: id,
  coupon_sn: z.string(),
  status: z.number().meta({ description: '1 unused, 2 locked, 3 used, 4 expired, 5 void' }),
  status_name: z.enum(['unused', 'locked', 'used', 'expired', 'void']),
  obtain_time: time,
  used_time: time.nullable(),
  order_sn: z.string().nullable(),
  valid_start_time: time,
  valid_end_time: time,
  activity_id: id.nullable(),
  claim_id: z.string().nullable(),
  slot: z.number().nullable(),
  source: z.enum(['flash_sale', 'claim', 'grant', 'code']),
  lock_expires_at: time.nullable(),
});

const statusName = z.enum(['unused', 'locked', 'used', 'expired', 'void']);

export const couponHistorySchema = z.object({
  coupon: userCouponSchema,
  transitions: z.array(
    z.object({
      from_status: z.number(),
      from_status_name: statusName,
      to_status: z.number(),
      to_status_name: statusName,
      order_sn: z.string().nullable(),
      reason: z.string().meta({
        description: 'lock, unlock, lock_expired, use, revert, claim_released, release_undone',
      }),
      at: time,
    }),
  ),
});

export const couponCountsSchema = z.object({
  user_id: id,
  total: z.number(),
  unused: z.number(),
  locked: z.number(),
  used: z.number(),
  expired: z.number(),
  void: z.number(),
});

export const claimedSchema = z.object({
  coupon_id: id,
  user_id: id,
  coupon_sn: z.string(),
  coupon_sns: z.array(z.string()),
  remaining_count: z.number(),
});

export const grantedSchema = z.object({
  coupon_id: id,
  granted: z.number(),
  refused: z.number(),
  remaining_count: z.number(),
  results: z.array(
    z.object({
      user_id: id,
      granted: z.boolean(),
      coupon_sns: z.array(z.string()),
      code: z.enum(['LIMIT_REACHED', 'SOLD_OUT']).nullable(),
    }),
  ),
});

export const releasedSchema = z.object({
  claim_id: z.string(),
  activity_id: id,
  user_id: id,
  status: z.literal('RELEASED'),
  coupon_sns: z.array(z.string()),
});

export const auditSchema = z.object({
  id,
  at: time,
  actor: z.string(),
  role: z.string(),
  action: z.string(),
  entity: z.string(),
  entity_id: z.string(),
  before: z.unknown().meta({ description: 'what it was; null when it is new' }),
  after: z.unknown().meta({ description: 'what it became' }),
  request_id: z.string(),
});

export const conservationSchema = z.object({
  activity_id: id,
  verdict: z.enum(['ok', 'in_flight', 'violation', 'unverified']),
  seq: z.number(),
  total: z.number(),
  available: z.number(),
  claimed: z.number(),
  persisted_units: z.number(),
  in_flight: z.object({ outbox: z.number(), queue: z.number(), dead_lettered: z.number() }),
  missing: z.array(
    z.object({
      from: z.number(),
      to: z.number(),
      where: z.enum(['nowhere', 'dead_lettered', 'outbox', 'queue', 'unknown']),
    }),
  ),
  missing_count: z.number(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), expected: z.string(), actual: z.string() })),
  at: time,
});

const rateLimit = z.union([z.object({ rate: z.number(), burst: z.number() }), z.literal('off')]);
const flowSettings = z.object({
  per_user: z.number().meta({ description: 'claims per second of one user on one activity; 0 = off' }),
  per_address: rateLimit.meta({ description: 'claims of one address, per gateway process' }),
  per_activity: rateLimit.meta({ description: 'claims on one activity, over all gateways' }),
  instance: rateLimit.meta({ description: 'claims on one gateway, over its processes' }),
  max_concurrent: z.number().meta({ description: 'claims under way at Redis, per gateway process' }),
  queue_size: z.number().meta({ description: 'claims waiting, per gateway process' }),
  queue_deadline_ms: z.number(),
  shed_threshold: z.number().meta({ description: 'share of capacity from which on claims are refused' }),
  breaker: z.object({ failure_percent: z.number(), min_batches: z.number() }),
});

export const flowSettingsSchema = z.object({
  version: z.number().meta({ description: '0: nobody has changed anything' }),
  updated_at: time.nullable(),
  updated_by: z.string().nullable(),
  settings: flowSettings.meta({ description: 'in force wherever the defaults are those below' }),
  changed: z.array(z.string()).meta({ description: 'names that are stored; every other one is a default' }),
  defaults: flowSettings.meta({ description: 'a gateway whose environment says otherwise has its own' }),
  problem: z
    .string()
    .nullable()
    .meta({ description: 'why what is stored cannot be used; gateways keep what they had' }),
});

/** A page of a list; `next_cursor` is null on the last one. */
export function pageSchema<S extends z.ZodType>(
  item: S,
): z.ZodObject<{ items: z.ZodArray<S>; next_cursor: z.ZodNullable<z.ZodString> }> {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() });
}

/** What a cache reports is as libs/cache has it: open, for it grows. */
export const systemStatsSchema = z.object({
  cache: z
    .object({
      bus: z.record(z.string(), z.unknown()),
      warm_up: z.record(z.string(), z.unknown()).meta({ description: 'how far the values read at the start are' }),
      caches: z.array(z.looseObject({ name: z.string() })),
    })
    .nullable()
    .meta({ description: 'null when nothing is cached' }),
  event_loop_delay: z.object({ p50_ms: z.number(), p99_ms: z.number(), max_ms: z.number() }),
});

export type TemplateView = z.infer<typeof templateSchema>;
export type ActivityView = z.infer<typeof activitySchema>;
export type UserCouponView = z.infer<typeof userCouponSchema>;
export type CouponHistoryView = z.infer<typeof couponHistorySchema>;
export type CouponCountsView = z.infer<typeof couponCountsSchema>;
export type ClaimedView = z.infer<typeof claimedSchema>;
export type GrantedView = z.infer<typeof grantedSchema>;
export type ReleasedView = z.infer<typeof releasedSchema>;
export type FlowSettingsView = z.infer<typeof flowSettingsSchema>;
export type AuditView = z.infer<typeof auditSchema>;

const couponRefusalSchema = z.object({
  user_coupon_id: id.nullable().meta({ description: 'null when only the serial number is known' }),
  coupon_sn: z.string().optional(),
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.string()),
});

export const discountSchema = z.object({
  original_amount: money,
  discount_amount: money,
  final_amount: money,
  shipping_discount: money,
  optimal: z.boolean(),
  coupon_discounts: z.array(
    z.object({
      user_coupon_id: id,
      coupon_sn: z.string().optional(),
      template_id: id.optional(),
      discount_amount: money,
      code: z.literal('APPLIED'),
      discount_reason: z.string(),
      lines: z.array(
        z.object({
          index: z.number(),
          amount: money,
          units: z.array(z.object({ count: z.number(), amount: money })),
        }),
      ),
    }),
  ),
  refused: z.array(couponRefusalSchema),
});

export const availableCouponsSchema = z.object({
  usable: z.array(userCouponSchema),
  unusable: z.array(couponRefusalSchema),
  best: discountSchema,
});

export type CouponRefusalView = z.infer<typeof couponRefusalSchema>;
export type DiscountView = z.infer<typeof discountSchema>;
export type AvailableCouponsView = z.infer<typeof availableCouponsSchema>;

/** Passed on as the caches report it. */
export interface SystemStatsView {
  readonly cache: object | null;
  readonly event_loop_delay: object;
}
