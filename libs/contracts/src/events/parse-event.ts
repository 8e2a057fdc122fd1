import { couponSn, isClaimId, isIdText, isIdempotencyKey } from '@coupon/domain';
import { FLASH_SALE_FAILED, FLASH_SALE_RELEASED, FLASH_SALE_SUCCEEDED, MAX_REASON, MAX_UNITS } from './claim-events';
import type { ClaimEvent, FlashSaleFailedBody, FlashSaleReleasedBody, FlashSaleSucceededBody } from './claim-events';
import { isTimestamp } from './timestamp';

/*
 * Checked by hand instead of by zod: the consumer parses tens of thousands of events per second, and this is several times faster
 * (bench/parse-event.bench.ts). A property test holds it to the zod schemas of claim-event-schemas.ts.
 */

export type InvalidEventCode = 'UNKNOWN_EVENT_TYPE' | 'NOT_JSON' | 'UNSUPPORTED_SCHEMA_VERSION' | 'INVALID_EVENT';

export type ParsedEvent =
  | { readonly ok: true; readonly event: ClaimEvent }
  | { readonly ok: false; readonly code: InvalidEventCode; readonly reason: string };

type Fields = Readonly<Record<string, unknown>>;
/** What is wrong, or undefined. */
type Verdict = string | undefined;

/** A message's routing key and body -> the event, or why it is none. Never throws. */
export function parseEvent(routingKey: string, body: Uint8Array | string): ParsedEvent {
  const check = checkOf(routingKey);
  if (check === undefined) return invalid('UNKNOWN_EVENT_TYPE', `routing key ${printable(routingKey)}`);
  let value: unknown;
  try {
    value = JSON.parse(
      typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.length).toString(),
    );
  } catch (error) {
    return invalid('NOT_JSON', error instanceof Error ? printable(error.message) : 'body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid('INVALID_EVENT', 'body must be an object');
  }
  const fields = value as Fields;
  if (fields['schema_version'] !== 1) {
    return invalid('UNSUPPORTED_SCHEMA_VERSION', 'schema_version must be 1');
  }
  const problem = check(fields);
  if (problem !== undefined) return invalid('INVALID_EVENT', problem);
  return { ok: true, event: eventOf(routingKey, fields) };
}

function checkOf(routingKey: string): ((fields: Fields) => Verdict) | undefined {
  switch (routingKey) {
    case FLASH_SALE_SUCCEEDED:
      return checkSucceeded;
    case FLASH_SALE_RELEASED:
      return checkReleased;
    case FLASH_SALE_FAILED:
      return checkFailed;
    default:
      return undefined;
  }
}

/** Only after its check: the casts state what it has established. */
function eventOf(routingKey: string, fields: Fields): ClaimEvent {
  if (routingKey === FLASH_SALE_SUCCEEDED) {
    return { type: FLASH_SALE_SUCCEEDED, body: fields as unknown as FlashSaleSucceededBody };
  }
  if (routingKey === FLASH_SALE_RELEASED) {
    return { type: FLASH_SALE_RELEASED, body: fields as unknown as FlashSaleReleasedBody };
  }
  return { type: FLASH_SALE_FAILED, body: fields as unknown as FlashSaleFailedBody };
}

function checkSucceeded(fields: Fields): Verdict {
  const problem = checkCommon(fields);
  if (problem !== undefined) return problem;
  if (!isTimestamp(fields['claimed_at'])) return 'claimed_at must be an RFC 3339 time in UTC with milliseconds';
  const key = fields['idempotency_key'];
  if (key !== undefined && !(typeof key === 'string' && isIdempotencyKey(key))) {
    return 'idempotency_key must be 1 to 64 printable characters';
  }
  return undefined;
}

function checkReleased(fields: Fields): Verdict {
  const problem = checkCommon(fields);
  if (problem !== undefined) return problem;
  if (!isReason(fields['reason'])) return `reason must be a text of at most ${MAX_REASON} characters`;
  if (!isTimestamp(fields['released_at'])) return 'released_at must be an RFC 3339 time in UTC with milliseconds';
  return undefined;
}

function checkFailed(fields: Fields): Verdict {
  const problem = checkSucceeded(fields);
  if (problem !== undefined) return problem;
  const { code, reason } = fields;
  if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]{0,63}$/.test(code)) return 'code must be a reason code';
  if (reason !== undefined && !isReason(reason)) return `reason must be a text of at most ${MAX_REASON} characters`;
  if (!isTimestamp(fields['failed_at'])) return 'failed_at must be an RFC 3339 time in UTC with milliseconds';
  return undefined;
}

function checkCommon(fields: Fields): Verdict {
  const { event_id, event_seq, activity_id, template_id, user_id, claim_id, epoch } = fields;
  if (typeof activity_id !== 'string' || !isIdText(activity_id)) return 'activity_id must be a decimal id';
  if (typeof template_id !== 'string' || !isIdText(template_id)) return 'template_id must be a decimal id';
  if (typeof user_id !== 'string' || !isIdText(user_id)) return 'user_id must be a decimal id';
  if (!isCount(event_seq)) return 'event_seq must be a whole number of at least 1';
  if (!isCount(epoch)) return 'epoch must be a whole number of at least 1';
  if (event_id !== `${activity_id}-${epoch}-${event_seq}`) return 'event_id must be <activity_id>-<epoch>-<event_seq>';
  if (typeof claim_id !== 'string' || !isClaimId(claim_id)) return 'claim_id must be a claim id';
  return checkUnits(fields['units'], claim_id);
}

function checkUnits(units: unknown, claimId: string): Verdict {
  if (!Array.isArray(units) || units.length < 1 || units.length > MAX_UNITS)
    return `units must have 1 to ${MAX_UNITS} entries`;
  for (let i = 0; i < units.length; i += 1) {
    const unit: unknown = units[i];
    if (typeof unit !== 'object' || unit === null) return `units[${i}] must be an object`;
    const { sn, slot } = unit as Fields;
    if (sn !== couponSn(claimId, i + 1)) return `units[${i}].sn must be the claim id and its place`;
    if (!isCount(slot) || slot > MAX_UNITS) return `units[${i}].slot must be a whole number from 1 to ${MAX_UNITS}`;
    // Pairs instead of a Set: almost every claim has one or two units.
    for (let j = 0; j < i; j += 1) {
      if ((units[j] as Fields)['slot'] === slot) return `units[${i}].slot is used twice`;
    }
  }
  return undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isReason(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_REASON;
}

function invalid(code: InvalidEventCode, reason: string): ParsedEvent {
  return { ok: false, code, reason };
}

/** Broken input may be anything; the reason ends in a header and in a log. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
