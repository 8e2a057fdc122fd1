import type { RestoredClaim } from './restored-claim';

/**
 * Receipts of users in the layout of scripts/includes/receipts.lua, for putting a lost activity back. Reading them is the scripts' business.
 * @returns user id -> receipts, claims in the order of their events.
 */
export function encodeReceipts(claims: readonly RestoredClaim[]): Map<string, string> {
  const byUser = new Map<string, string>();
  for (const claim of [...claims].sort((a, b) => a.eventSeq - b.eventSeq)) {
    const state = claim.released ? 'X' : 'R';
    const key = claim.idempotencyKey;
    const receipt = `${state}${claim.claimId}:${claim.eventSeq}:${claim.slots.join(',')}:${key.length}:${key}`;
    byUser.set(claim.userId, (byUser.get(claim.userId) ?? '1') + receipt);
  }
  return byUser;
}
