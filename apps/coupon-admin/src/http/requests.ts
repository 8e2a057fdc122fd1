import type { DiscountType, TemplateType, UserId } from '@coupon/domain';
import { flowSettingsChangeShape } from '@coupon/flow-control';
import { integerField, pageFields, textField } from '@coupon/service-kit';
import { z } from 'zod';
import type { ActivityFields, TemplateFields } from '../use-cases/model';
import {
  choiceField,
  claimIdField,
  countField,
  idField,
  idListField,
  int32Field,
  moneyField,
  perUserLimitField,
  queryChoiceField,
  timeField,
  timeZoneField,
  versionField,
} from './fields';
import { ruleArgsField } from './rule-args.field';

// What each route accepts. Writes refuse fields they do not know. Transforms hand the use cases their own names.

const TEMPLATE_TYPES = [1, 2, 3, 4, 5] as const satisfies readonly TemplateType[];
const DISCOUNT_TYPES = [1, 2] as const satisfies readonly DiscountType[];
const MAX_VALID_DAYS = 3_650;
const MAX_VERSION = 2_147_483_647;
const MAX_GRANTED_USERS = 1_000;

const requiredTemplateFields = {
  name: textField(100),
  type: choiceField(TEMPLATE_TYPES),
  discount_type: choiceField(DISCOUNT_TYPES),
  discount_value: moneyField(),
  total_count: countField(),
  valid_start_time: timeField(),
  valid_end_time: timeField(),
};

const optionalTemplateFields = {
  min_amount: moneyField().optional(),
  per_user_limit: perUserLimitField().optional(),
  applicable_goods: idListField().optional(),
  applicable_categories: idListField().optional(),
  max_discount: moneyField().nullable().optional(),
  priority: int32Field().optional(),
  stack_group: textField(64).nullable().optional(),
  stackable: z.boolean('must be true or false').optional(),
  excluded_goods: idListField().optional(),
  excluded_categories: idListField().optional(),
  valid_days_after_claim: integerField(1, MAX_VALID_DAYS).nullable().optional(),
  time_zone: timeZoneField().optional(),
  rule_args: ruleArgsField().optional(),
};

export const createTemplateBody = z
  .strictObject({ ...requiredTemplateFields, ...optionalTemplateFields, status: choiceField([0, 1]).optional() })
  .transform((body) => ({
    status: body.status ?? 0,
    fields: {
      name: body.name,
      type: body.type,
      discountType: body.discount_type,
      discountValueMinor: body.discount_value,
      minAmountMinor: body.min_amount ?? 0n,
      totalCount: body.total_count,
      perUserLimit: body.per_user_limit ?? 1,
      validStartMs: body.valid_start_time,
      validEndMs: body.valid_end_time,
      applicableGoods: body.applicable_goods ?? null,
      applicableCategories: body.applicable_categories ?? null,
      maxDiscountMinor: body.max_discount ?? null,
      priority: body.priority ?? 0,
      stackGroup: body.stack_group ?? null,
      stackable: body.stackable ?? true,
      excludedGoods: body.excluded_goods ?? null,
      excludedCategories: body.excluded_categories ?? null,
      validDaysAfterClaim: body.valid_days_after_claim ?? null,
      timeZone: body.time_zone ?? 'UTC',
      ruleArgs: body.rule_args ?? null,
    } satisfies TemplateFields,
  }));

export const updateTemplateBody = z
  .strictObject({
    ...z.object(requiredTemplateFields).partial().shape,
    ...optionalTemplateFields,
    version: versionField(),
  })
  .transform((body) => ({
    version: body.version,
    change: present<TemplateFields>({
      name: body.name,
      type: body.type,
      discountType: body.discount_type,
      discountValueMinor: body.discount_value,
      minAmountMinor: body.min_amount,
      totalCount: body.total_count,
      perUserLimit: body.per_user_limit,
      validStartMs: body.valid_start_time,
      validEndMs: body.valid_end_time,
      applicableGoods: body.applicable_goods,
      applicableCategories: body.applicable_categories,
      maxDiscountMinor: body.max_discount,
      priority: body.priority,
      stackGroup: body.stack_group,
      stackable: body.stackable,
      excludedGoods: body.excluded_goods,
      excludedCategories: body.excluded_categories,
      validDaysAfterClaim: body.valid_days_after_claim,
      timeZone: body.time_zone,
      ruleArgs: body.rule_args,
    }),
  }));

/** A command without a body may still carry the version the caller has seen. */
export const moveTemplateBody = z.strictObject({ version: versionField().optional() });

export const listTemplatesQuery = z.object({
  ...pageFields,
  status: queryChoiceField([0, 1, 2]).optional(),
  type: queryChoiceField(TEMPLATE_TYPES).optional(),
});

const hiddenPathField = (): z.ZodBoolean => z.boolean('must be true or false');

const requiredActivityFields = {
  name: textField(100),
  total_count: countField(),
  start_time: timeField(),
  end_time: timeField(),
};

export const createActivityBody = z
  .strictObject({
    coupon_id: idField<'template'>(),
    ...requiredActivityFields,
    per_user_limit: perUserLimitField().optional(),
    hidden_path: hiddenPathField().optional(),
  })
  .transform((body) => ({
    couponId: body.coupon_id,
    fields: {
      name: body.name,
      totalCount: body.total_count,
      perUserLimit: body.per_user_limit ?? 1,
      startMs: body.start_time,
      endMs: body.end_time,
      hiddenPath: body.hidden_path ?? false,
    } satisfies ActivityFields,
  }));

export const updateActivityBody = z
  .strictObject({
    ...z.object(requiredActivityFields).partial().shape,
    per_user_limit: perUserLimitField().optional(),
    hidden_path: hiddenPathField().optional(),
    version: versionField(),
  })
  .transform((body) => ({
    version: body.version,
    change: present<ActivityFields>({
      name: body.name,
      totalCount: body.total_count,
      perUserLimit: body.per_user_limit,
      startMs: body.start_time,
      endMs: body.end_time,
      hiddenPath: body.hidden_path,
    }),
  }));

export const listActivitiesQuery = z
  .object({
    ...pageFields,
    status: queryChoiceField([1, 2, 3]).optional(),
    coupon_id: idField<'template'>().optional(),
  })
  .transform(({ coupon_id: couponId, ...query }) => ({ ...query, couponId }));

export const addStockBody = z.strictObject({ add: countField() });

/** Commands that need nothing but their path. */
export const emptyBody = z.strictObject({});

export const claimCouponBody = z
  .strictObject({ user_id: idField<'user'>(), quantity: integerField(1, 999).optional() })
  .transform((body) => ({ userId: body.user_id, quantity: body.quantity ?? 1 }));

export const grantCouponsBody = z
  .strictObject({
    user_ids: z
      .array(idField<'user'>(), {
        error: (issue) => (issue.input === undefined ? 'is required' : 'must be a list of user ids'),
      })
      .min(1, 'must have at least one user')
      .max(MAX_GRANTED_USERS, `must have at most ${MAX_GRANTED_USERS} users`)
      .superRefine(refuseRepeated),
    quantity: integerField(1, 999).optional(),
  })
  .transform((body) => ({ userIds: body.user_ids, quantity: body.quantity ?? 1 }));

const MAX_CANDIDATES = 200;

/** The order itself is read by the calculator (`parseOrder`), which names its fields. */
const orderFields = {
  order_items: z.unknown().meta({
    description: '1 to 500 lines {goods_id, category_id?, quantity, price}',
    type: 'array',
    items: { type: 'object', required: ['goods_id', 'quantity', 'price'] },
  }),
  shipping_fee: z.unknown().meta({ description: 'amount; 0 unless given' }).optional(),
};
const modeField = z.enum(['given', 'best'], 'must be given or best').optional();

export const calculateDiscountBody = z.object({
  ...orderFields,
  user_id: idField<'user'>(),
  coupon_sns: z
    .array(z.string('must be a serial number').min(1).max(32), 'must be a list of serial numbers')
    .max(MAX_CANDIDATES, `must have at most ${MAX_CANDIDATES} coupons`),
  mode: modeField,
});

export const simulateDiscountBody = z.object({
  ...orderFields,
  now: timeField().optional(),
  coupons: z
    .array(z.unknown(), 'must be a list')
    .max(MAX_CANDIDATES, `must have at most ${MAX_CANDIDATES} coupons`)
    .meta({ description: 'templates by their column names, with an id' }),
  mode: modeField,
});

export const availableCouponsBody = z.object(orderFields);

export const releaseClaimBody = z.strictObject({ reason: textField(200) });
export const claimIdParameter = claimIdField();

/** Version 0: nobody has changed anything yet. */
export const changeFlowSettingsBody = z
  .strictObject({ version: integerField(0, MAX_VERSION), ...flowSettingsChangeShape })
  .transform(({ version, ...change }) => ({ version, change }));

export const listUserCouponsQuery = z.object({ ...pageFields, status: queryChoiceField([1, 2, 3, 4, 5]).optional() });

const word = z.string().min(1, 'must not be empty').max(64, 'must have at most 64 characters').optional();
export const listAuditQuery = z
  .object({ ...pageFields, entity: word, entity_id: word, actor: word, action: word })
  .transform(({ entity_id: entityId, ...query }) => ({ ...query, entityId }));

function refuseRepeated(ids: readonly UserId[], context: z.RefinementCtx): void {
  const seen = new Set<UserId>();
  ids.forEach((id, index) => {
    if (seen.has(id)) context.addIssue({ code: 'custom', path: [index], message: 'is in the list twice' });
    seen.add(id);
  });
}

/** Leaves out what the request did not name. */
function present<Fields>(fields: { readonly [Name in keyof Fields]?: Fields[Name] | undefined }): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Fields>;
}
