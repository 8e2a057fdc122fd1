import { couponSn } from '@coupon/domain';
import type { ActivityId, BusinessRefusal, ClaimId, UserId } from '@coupon/domain';
import { activityKeys } from './keys';
import { REPLY, UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

/** The most claims one script call decides; a longer one would hold up every other activity on the server. */
export const MAX_CLAIMS_PER_BATCH = 128;

export interface BatchedClaim {
  readonly userId: UserId;
  readonly claimId: ClaimId;
  /** 1..2^31-1; more than the limit is refused by the script. */
  readonly quantity: number;
  /** The client's key, or '' when the claim id is the key. */
  readonly idempotencyKey: string;
  /** Came with a purchase token that is verified; only an activity with a hidden path asks. @default false */
  readonly hasToken?: boolean;
}

export type ClaimOutcome =
  | {
      readonly kind: 'won';
      readonly claimId: ClaimId;
      readonly couponSns: readonly string[];
      readonly replayed: boolean;
    }
  | {
      readonly kind: 'refused';
      readonly code: BusinessRefusal | 'RATE_LIMITED' | 'NOT_READY' | 'PERMISSION_DENIED';
      readonly reason: RefusalReason;
    };

export type RefusalReason =
  | 'not_started'
  | 'ended'
  | 'paused'
  | 'closed'
  | 'user_rate'
  | 'limit'
  | 'sold_out'
  | 'other_quantity'
  | 'claim_released'
  | 'no_purchase_token';

export type ClaimBatchReply =
  | {
      readonly kind: 'decided';
      readonly available: number;
      readonly stockVersion: number;
      readonly nowMs: number;
      /** One per claim, in order. */
      readonly outcomes: readonly ClaimOutcome[];
    }
  | { readonly kind: 'not_loaded' | 'half_loaded' | 'wrong_run' };

/** What a claim's negative reply means. */
export const REFUSALS: Readonly<Record<number, Extract<ClaimOutcome, { kind: 'refused' }>>> = {
  [REPLY.NOT_STARTED]: { kind: 'refused', code: 'NOT_STARTED', reason: 'not_started' },
  [REPLY.ENDED]: { kind: 'refused', code: 'ENDED', reason: 'ended' },
  [REPLY.PAUSED]: { kind: 'refused', code: 'PAUSED', reason: 'paused' },
  [REPLY.CLOSED]: { kind: 'refused', code: 'NOT_READY', reason: 'closed' },
  [REPLY.RATE_LIMITED]: { kind: 'refused', code: 'RATE_LIMITED', reason: 'user_rate' },
  [REPLY.LIMIT_REACHED]: { kind: 'refused', code: 'LIMIT_REACHED', reason: 'limit' },
  [REPLY.SOLD_OUT]: { kind: 'refused', code: 'SOLD_OUT', reason: 'sold_out' },
  [REPLY.OTHER_QUANTITY]: { kind: 'refused', code: 'CONFLICT', reason: 'other_quantity' },
  [REPLY.CLAIM_RELEASED]: { kind: 'refused', code: 'CONFLICT', reason: 'claim_released' },
  [REPLY.NO_PURCHASE_TOKEN]: { kind: 'refused', code: 'PERMISSION_DENIED', reason: 'no_purchase_token' },
};

/** Keys of the claim script for one activity; made once per activity, not per batch. */
export function claimKeys(activityId: ActivityId): readonly string[] {
  const k = activityKeys(activityId);
  return [k.activity, k.stock, k.user, k.rateEven, k.rateOdd, k.outbox, k.log, k.stats];
}

/**
 * Decides up to {@link MAX_CLAIMS_PER_BATCH} claims of one activity in one script call.
 * @param userRate claims per user and second that is in force instead of the activity's own; 0 = no limit
 * Rejects with the Redis error when there was no reply to read: see `meansNothingHappened` for what that tells.
 */
export async function claimUnits(
  redis: ClaimRedis,
  keys: readonly string[],
  runId: string,
  claims: readonly BatchedClaim[],
  userRate?: number,
): Promise<ClaimBatchReply> {
  const args: (string | number)[] = [runId];
  let tokens = 0;
  for (const claim of claims) {
    args.push(claim.userId, claim.claimId, claim.quantity, claim.idempotencyKey);
    if (claim.hasToken === true) tokens += 1;
  }
  if (tokens > 0) args.push(`T${claims.map((claim) => (claim.hasToken === true ? '1' : '0')).join('')}`);
  if (userRate !== undefined) args.push(`R${userRate}`);
  return parseClaimReply(await runScript(redis, 'claimUnits', keys, args), claims);
}

function parseClaimReply(reply: unknown, claims: readonly BatchedClaim[]): ClaimBatchReply {
  const count = claims.length;
  if (!Array.isArray(reply)) throw new UnexpectedReplyError('claim-units', reply);
  const [status, available, stockVersion, nowMs] = reply as number[];
  if (status === REPLY.NOT_LOADED) return { kind: 'not_loaded' };
  if (status === REPLY.HALF_LOADED) return { kind: 'half_loaded' };
  if (status === REPLY.WRONG_RUN) return { kind: 'wrong_run' };
  if (
    status !== 0 ||
    reply.length !== count + 4 ||
    available === undefined ||
    stockVersion === undefined ||
    nowMs === undefined
  ) {
    throw new UnexpectedReplyError('claim-units', reply);
  }
  const outcomes = new Array<ClaimOutcome>(count);
  for (const [i, claim] of claims.entries()) outcomes[i] = parseOutcome((reply as unknown[])[i + 4], claim);
  return { kind: 'decided', available, stockVersion, nowMs, outcomes };
}

function parseOutcome(entry: unknown, claim: BatchedClaim): ClaimOutcome {
  if (entry === REPLY.WON) {
    return {
      kind: 'won',
      claimId: claim.claimId,
      couponSns: couponSnsOf(claim.claimId, claim.quantity),
      replayed: false,
    };
  }
  if (typeof entry === 'string' && entry.length >= 29 && entry.startsWith('R')) {
    const claimId = entry.slice(1, 27) as ClaimId;
    return { kind: 'won', claimId, couponSns: couponSnsOf(claimId, Number(entry.slice(28))), replayed: true };
  }
  const refusal = typeof entry === 'number' ? REFUSALS[entry] : undefined;
  if (refusal === undefined) throw new UnexpectedReplyError('claim-units', entry);
  return refusal;
}

/** The serial numbers of a claim: they follow from the claim id and the number of its units. */
export function couponSnsOf(claimId: ClaimId, units: number): string[] {
  const sns = new Array<string>(units);
  for (let unit = 1; unit <= units; unit += 1) sns[unit - 1] = couponSn(claimId, unit);
  return sns;
}
