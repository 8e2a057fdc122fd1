import { z } from 'zod';
import { couponSn, isClaimId, isIdText, isIdempotencyKey } from '@coupon/domain';
import { FLASH_SALE_FAILED, FLASH_SALE_RELEASED, FLASH_SALE_SUCCEEDED, MAX_REASON, MAX_UNITS } from './claim-events';
import type { FlashSaleFailedBody, FlashSaleReleasedBody, FlashSaleSucceededBody } from './claim-events';
import { isTimestamp } from './timestamp';

/** The events as schemas: what documentation, tools and tests read. The consumer uses `parseEvent`, which decides the same, faster. */

const id = z.string().refine(isIdText, 'must be a decimal id');
const count = z.int().min(1);
const timestamp = z.string().refine(isTimestamp, 'must be an RFC 3339 time in UTC with milliseconds');
const unit = z.looseObject({ sn: z.string(), slot: count.max(MAX_UNITS) });
const reason = z.string().max(MAX_REASON);

const common = {
  schema_version: z.literal(1),
  event_id: z.string(),
  event_seq: count,
  activity_id: id,
  template_id: id,
  user_id: id,
  claim_id: z.string().refine(isClaimId, 'must be a claim id'),
  units: z.array(unit).min(1).max(MAX_UNITS),
  epoch: count,
};

interface Common {
  readonly event_id: string;
  readonly event_seq: number;
  readonly activity_id: string;
  readonly claim_id: string;
  readonly epoch: number;
  readonly units: readonly { readonly sn: string; readonly slot: number }[];
}

function isConsistent(event: Common): boolean {
  return (
    event.event_id === `${event.activity_id}-${event.epoch}-${event.event_seq}` &&
    event.units.every(({ sn }, index) => sn === couponSn(event.claim_id, index + 1)) &&
    new Set(event.units.map(({ slot }) => slot)).size === event.units.length
  );
}

const MESSAGE = 'event_id, claim_id and units must agree';
const succeeded = {
  ...common,
  claimed_at: timestamp,
  idempotency_key: z.string().refine(isIdempotencyKey, 'must be 1 to 64 printable characters').optional(),
};

const succeededSchema: z.ZodType<FlashSaleSucceededBody> = z.looseObject(succeeded).refine(isConsistent, MESSAGE);
const releasedSchema: z.ZodType<FlashSaleReleasedBody> = z
  .looseObject({ ...common, reason, released_at: timestamp })
  .refine(isConsistent, MESSAGE);
const failedSchema: z.ZodType<FlashSaleFailedBody> = z
  .looseObject({
    ...succeeded,
    code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
    reason: reason.optional(),
    failed_at: timestamp,
  })
  .refine(isConsistent, MESSAGE);

/** Routing key -> schema of the body. */
export const claimEventSchemas = Object.freeze({
  [FLASH_SALE_SUCCEEDED]: succeededSchema,
  [FLASH_SALE_RELEASED]: releasedSchema,
  [FLASH_SALE_FAILED]: failedSchema,
});
