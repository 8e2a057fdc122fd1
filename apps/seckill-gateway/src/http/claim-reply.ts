import { AppError } from '@coupon/domain';
import type { ErrorCode } from '@coupon/domain';
import type { ClaimAnswer } from '../use-cases/claim-coupon.use-case';

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
  NOT_READY: 'not ready, please try again',
  OUTCOME_UNKNOWN: 'the outcome is not known; repeat with the same Idempotency-Key to learn it',
};

/** Milliseconds after which a refused claim is worth repeating. */
const RETRY_AFTER_MS: Partial<Record<ErrorCode, number>> = {
  RATE_LIMITED: 1_000,
  OVERLOADED: 1_000,
  NOT_READY: 1_000,
};

export function claimMessage(answer: ClaimAnswer): string {
  if (answer.kind === 'won') return answer.replayed ? 'already yours' : 'the coupon is yours';
  return MESSAGES[answer.code] ?? answer.code;
}

export function claimRetryAfterMs(code: ErrorCode): number {
  return RETRY_AFTER_MS[code] ?? 0;
}

/** A refused claim as the error every interface answers with. */
export function claimError(answer: Extract<ClaimAnswer, { kind: 'refused' }>): AppError {
  const retryAfterMs = claimRetryAfterMs(answer.code);
  const details: Record<string, unknown> = {};
  if (answer.code === 'SOLD_OUT') details['available'] = answer.available ?? 0;
  if (answer.code === 'RATE_LIMITED') details['limit'] = 'user';
  if (answer.code === 'CONFLICT') details['reason'] = answer.reason;
  if (retryAfterMs > 0) details['retry_after_ms'] = retryAfterMs;
  return new AppError(answer.code, claimMessage(answer), Object.keys(details).length === 0 ? {} : { details });
}

/** Body of a win. Every value is an id or a number of ours, so nothing in it needs escaping. */
export function wonBody(answer: Extract<ClaimAnswer, { kind: 'won' }>): string {
  return (
    `{"success":true,"code":"OK","message":"${claimMessage(answer)}","claim_id":"${answer.claimId}",` +
    `"coupon_sn":"${answer.couponSns[0] ?? ''}","coupon_sns":["${answer.couponSns.join('","')}"],` +
    `"remaining_count":${answer.available},"replayed":${answer.replayed}}`
  );
}
