import { z } from 'zod';
import { isIdText } from '@coupon/domain';
import { COUPON_LOCKED, COUPON_REVERTED, COUPON_UNLOCKED, COUPON_USED } from './coupon-events';
import type { CouponLockedBody, CouponRevertedBody, CouponUnlockedBody, CouponUsedBody } from './coupon-events';
import { isTimestamp } from './timestamp';

const id = z.string().refine(isIdText, 'must be a decimal id');
const amount = z.string().regex(/^(?:0|[1-9]\d{0,17})$/, 'must be a decimal amount of minor units');
const timestamp = z.string().refine(isTimestamp, 'must be an RFC 3339 time in UTC with milliseconds');
const coupon = { user_coupon_id: id, coupon_sn: z.string().min(1).max(32), template_id: id };
const common = {
  schema_version: z.literal(1),
  event_id: z.string().min(1).max(64),
  order_sn: z.string().min(1).max(64),
  user_id: id,
  coupons: z.array(z.looseObject(coupon)).min(1),
};

const lockedSchema: z.ZodType<CouponLockedBody> = z.looseObject({
  ...common,
  locked_at: timestamp,
  lock_expires_at: timestamp,
});
const unlockedSchema: z.ZodType<CouponUnlockedBody> = z.looseObject({
  ...common,
  unlocked_at: timestamp,
  reason: z.enum(['unlock', 'lock_expired']),
});
const usedSchema: z.ZodType<CouponUsedBody> = z.looseObject({
  ...common,
  coupons: z.array(z.looseObject({ ...coupon, discount_minor: amount })).min(1),
  used_at: timestamp,
  original_minor: amount,
  final_minor: amount,
});
const revertedSchema: z.ZodType<CouponRevertedBody> = z.looseObject({ ...common, reverted_at: timestamp });

/** Routing key -> schema of the body. */
export const couponEventSchemas = Object.freeze({
  [COUPON_LOCKED]: lockedSchema,
  [COUPON_UNLOCKED]: unlockedSchema,
  [COUPON_USED]: usedSchema,
  [COUPON_REVERTED]: revertedSchema,
});
