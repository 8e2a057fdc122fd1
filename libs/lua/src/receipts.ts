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

/** One claim of a user's receipts. A tombstone has no slots and event number 0. */
export interface StoredReceipt {
  readonly state: 'R' | 'C' | 'X';
  readonly claimId: string;
  readonly eventSeq: number;
  readonly slots: readonly number[];
}

const RECEIPT = /([RCX])(\w+):(\d+):([\d,]*):(\d+):/y;

/** The other way round, for audits outside the scripts. @throws Error when the text is not what the scripts write. */
export function decodeReceipts(value: string): StoredReceipt[] {
  if (!value.startsWith('1')) throw new Error('unknown receipt version');
  const receipts: StoredReceipt[] = [];
  let at = 1;
  while (at < value.length) {
    RECEIPT.lastIndex = at;
    const found = RECEIPT.exec(value);
    if (found === null) throw new Error('broken receipt');
    const [whole, state, claimId = '', seq, slots = '', keyLength] = found;
    receipts.push({
      state: state as StoredReceipt['state'],
      claimId,
      eventSeq: Number(seq),
      slots: slots === '' ? [] : slots.split(',').map(Number),
    });
    at += whole.length + Number(keyLength);
    if (at > value.length) throw new Error('broken receipt');
  }
  return receipts;
}
