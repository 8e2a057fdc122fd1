import { AppError, ERROR_CODES } from '@coupon/domain';
import type { ErrorCode } from '@coupon/domain';
import { errorBodyText, toErrorReply } from '@coupon/service-kit';
import type { Logger } from '@coupon/service-kit';
import type { ClaimAnswer, Refusal } from '../use-cases/claim-answer';

/** Sentences for people; clients branch on the code. */
const MESSAGES: Partial<Record<ErrorCode, string>> = {
  ACTIVITY_NOT_FOUND: 'no such activity',
  NOT_STARTED: 'the sale has not started',
  ENDED: 'the sale is over',
  PAUSED: 'the sale is paused',
  SOLD_OUT: 'sold out',
  LIMIT_REACHED: 'the limit per user is reached',
  CONFLICT: 'this Idempotency-Key belongs to another purchase',
  PERMISSION_DENIED: 'not allowed',
  RATE_LIMITED: 'too many attempts, please slow down',
  OVERLOADED: 'busy, please try again',
  CIRCUIT_OPEN: 'the claim store does not answer, please try again',
  NOT_READY: 'not ready, please try again',
  OUTCOME_UNKNOWN: 'the outcome is not known; repeat with the same Idempotency-Key to learn it',
};

/** Milliseconds after which a refused claim is worth repeating. */
const RETRY_AFTER_MS: Partial<Record<ErrorCode, number>> = {
  RATE_LIMITED: 1_000,
  OVERLOADED: 1_000,
  CIRCUIT_OPEN: 1_000,
  NOT_READY: 1_000,
};

export function claimMessage(answer: ClaimAnswer): string {
  if (answer.kind === 'won') return answer.replayed ? 'already yours' : 'the coupon is yours';
  return MESSAGES[answer.code] ?? answer.code;
}

export function claimRetryAfterMs(refusal: Refusal): number {
  return refusal.retryAfterMs ?? RETRY_AFTER_MS[refusal.code] ?? 0;
}

/** A refused claim as the error every interface answers with. */
export function claimError(answer: Refusal): AppError {
  const retryAfterMs = claimRetryAfterMs(answer);
  const details: Record<string, unknown> = {};
  if (answer.code === 'SOLD_OUT') details['available'] = answer.available ?? 0;
  if (answer.code === 'RATE_LIMITED') details['limit'] = answer.limit ?? 'user';
  if (answer.code === 'CONFLICT') details['reason'] = answer.reason;
  if (retryAfterMs > 0) details['retry_after_ms'] = retryAfterMs;
  return new AppError(answer.code, claimMessage(answer), Object.keys(details).length === 0 ? {} : { details });
}

/** An answer over HTTP, before it is known which server sends it. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const NO_HEADERS = Object.freeze({});
const RETRY_STEP_MS = 100;
const MAX_REPLIES = 1_000;
/** Refusals that are the same for everybody, by code, reason and Retry-After; while Redis is away nothing else is sent. */
const refusals = new Map<string, HttpReply>();

export function claimReply(answer: ClaimAnswer): HttpReply {
  if (answer.kind === 'won') return { status: 200, headers: NO_HEADERS, body: wonBody(answer) };
  if (answer.code === 'SOLD_OUT') {
    return { status: ERROR_CODES.SOLD_OUT.http, headers: NO_HEADERS, body: soldOutBody(answer.available ?? 0) };
  }
  if (answer.code === 'RATE_LIMITED') return rateLimitedReply(answer);
  // An open breaker tells how long; in steps, so that these are few, too.
  const retryAfterMs =
    answer.retryAfterMs === undefined ? undefined : Math.ceil(answer.retryAfterMs / RETRY_STEP_MS) * RETRY_STEP_MS;
  const key = `${answer.code} ${answer.reason} ${retryAfterMs ?? ''}`;
  const known = refusals.get(key);
  if (known !== undefined) return known;
  const { status, headers, body } = toErrorReply(
    claimError(retryAfterMs === undefined ? answer : { ...answer, retryAfterMs }),
  );
  const reply = { status, headers, body: errorBodyText(body) };
  if (refusals.size < MAX_REPLIES) refusals.set(key, reply);
  return reply;
}

/** The answer to a request that never became a claim. */
export function errorReply(error: unknown, logger: Logger): HttpReply {
  const { status, headers, body, unexpected } = toErrorReply(error);
  if (unexpected) logger.error({ err: error }, 'purchase failed');
  return { status, headers, body: errorBodyText(body) };
}

/** A flood is answered with little else: no error object is made for it. */
function rateLimitedReply(answer: Refusal): HttpReply {
  const retryAfterMs = claimRetryAfterMs(answer);
  return {
    status: ERROR_CODES.RATE_LIMITED.http,
    headers: { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) },
    body: `{"success":false,"code":"RATE_LIMITED","message":"${MESSAGES.RATE_LIMITED ?? ''}","details":{"limit":"${answer.limit ?? 'user'}","retry_after_ms":${retryAfterMs}}}`,
  };
}

function soldOutBody(available: number): string {
  return `{"success":false,"code":"SOLD_OUT","message":"${MESSAGES.SOLD_OUT ?? ''}","details":{"available":${available}}}`;
}

/** Body of a win. Every value is an id or a number of ours, so nothing in it needs escaping. */
function wonBody(answer: Extract<ClaimAnswer, { kind: 'won' }>): string {
  return (
    `{"success":true,"code":"OK","message":"${claimMessage(answer)}","claim_id":"${answer.claimId}",` +
    `"coupon_sn":"${answer.couponSns[0] ?? ''}","coupon_sns":["${answer.couponSns.join('","')}"],` +
    `"remaining_count":${answer.available},"replayed":${answer.replayed}}`
  );
}
