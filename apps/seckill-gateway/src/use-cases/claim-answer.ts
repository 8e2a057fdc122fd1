import type { ActivityId, ClaimId, ErrorCode, UserId } from '@coupon/domain';
import type { LimitName } from '@coupon/flow-control';
import type { ClaimOutcome } from '@coupon/lua';
import type { NotLoadedCode } from './activity-directory';

export interface ClaimCommand {
  readonly activityId: ActivityId;
  readonly userId: UserId;
  readonly quantity: number;
  /** '' when the client gave none. */
  readonly idempotencyKey: string;
  /** Where the buyer calls from, for the limit per address; '' is not limited. */
  readonly address: string;
  /** As the client sent it; only activities with a hidden path ask for it. */
  readonly purchaseToken?: string | undefined;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly code: ErrorCode;
  readonly reason: string;
  /** Of a refusal for the stock: what was left. */
  readonly available?: number;
  /** Of RATE_LIMITED: which limit. */
  readonly limit?: LimitName;
  /** When to come back, where that is known better than by the code. */
  readonly retryAfterMs?: number;
}

/** What a caller is told. `available` is the stock after the batch this claim was decided in. */
export type ClaimAnswer =
  | {
      readonly kind: 'won';
      readonly claimId: ClaimId;
      readonly couponSns: readonly string[];
      readonly available: number;
      readonly replayed: boolean;
    }
  | Refusal;

/** Gets the answer of one claim; an object instead of a function, so that who is waiting anyway need not make one per claim. */
export interface ClaimReceiver {
  answered(answer: ClaimAnswer): void;
}

/** Takes claims one by one; the answer comes once, now or later. Never throws. */
export interface ClaimTaker<R extends ClaimReceiver = ClaimReceiver> {
  claim(command: ClaimCommand, receiver: R): void;
}

export const NOT_READY: Refusal = Object.freeze({ kind: 'refused', code: 'NOT_READY', reason: 'claim_store' });
export const OUTCOME_UNKNOWN: Refusal = Object.freeze({ kind: 'refused', code: 'OUTCOME_UNKNOWN', reason: 'no_reply' });
export const QUEUED_TOO_LONG: Refusal = Object.freeze({ kind: 'refused', code: 'OVERLOADED', reason: 'deadline' });
export const QUEUE_FULL: Refusal = Object.freeze({ kind: 'refused', code: 'OVERLOADED', reason: 'queue_full' });
export const ACTIVITY_SHARE: Refusal = Object.freeze({ kind: 'refused', code: 'OVERLOADED', reason: 'activity_share' });
export const SHED: Refusal = Object.freeze({ kind: 'refused', code: 'OVERLOADED', reason: 'load' });
export const ENDED: Refusal = Object.freeze({ kind: 'refused', code: 'ENDED', reason: 'ended' });
export const SOLD_OUT: Refusal = Object.freeze({ kind: 'refused', code: 'SOLD_OUT', reason: 'sold_out', available: 0 });

export const NO_PURCHASE_TOKEN: Refusal = Object.freeze({
  kind: 'refused',
  code: 'PERMISSION_DENIED',
  reason: 'no_purchase_token',
});

/** Redis does not have the activity. */
export function notLoaded(code: NotLoadedCode): Refusal {
  return { kind: 'refused', code, reason: 'not_loaded' };
}

/** @param retryAfterMs until the next probe of the claim store */
export function circuitOpen(retryAfterMs: number): Refusal {
  return { kind: 'refused', code: 'CIRCUIT_OPEN', reason: 'claim_store', retryAfterMs };
}

/** @param retryAfterMs Infinity when the limit can never hold the claim */
export function rateLimited(limit: LimitName, retryAfterMs: number): Refusal {
  const finite = Math.min(retryAfterMs, 3_600_000);
  return { kind: 'refused', code: 'RATE_LIMITED', reason: `${limit}_rate`, limit, retryAfterMs: finite };
}

/**
 * What the script has decided of a claim.
 * @param available after its batch
 * @param kept whether a win is as durable as the deployment asks for
 */
export function toAnswer(outcome: ClaimOutcome | undefined, available: number, kept: boolean): ClaimAnswer {
  if (outcome === undefined || (outcome.kind === 'won' && !kept)) return OUTCOME_UNKNOWN;
  if (outcome.kind === 'refused') {
    const { code, reason } = outcome;
    if (code === 'RATE_LIMITED') return { kind: 'refused', code, reason, limit: 'user', retryAfterMs: 1_000 };
    return { kind: 'refused', code, reason, available };
  }
  return {
    kind: 'won',
    claimId: outcome.claimId,
    couponSns: outcome.couponSns,
    available,
    replayed: outcome.replayed,
  };
}
