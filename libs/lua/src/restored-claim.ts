import type { ClaimId, UserId } from '@coupon/domain';

/** A claim as MySQL knows it, to be put back into Redis. */
export interface RestoredClaim {
  readonly userId: UserId;
  readonly claimId: ClaimId;
  readonly eventSeq: number;
  readonly slots: readonly number[];
  /** '' when the claim id was the key. */
  readonly idempotencyKey: string;
  readonly released: boolean;
}
