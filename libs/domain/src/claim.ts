import type { ActivityId, UserId } from './ids';

/** Claim id: 26 characters of Crockford base32, time first (ULID layout), minted by the gateway and sent once. */
export type ClaimId = string & { readonly __id: 'claim' };

const CLAIM_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,64}$/;

export function isClaimId(text: string): text is ClaimId {
  return CLAIM_ID.test(text);
}

/** 1 to 64 printable ASCII characters without the space. */
export function isIdempotencyKey(text: string): boolean {
  return IDEMPOTENCY_KEY.test(text);
}

/** Serial number of the n-th unit (1-based) of a claim: the claim id and three digits, 29 characters. Made the same way in claim.lua. */
export function couponSn(claimId: string, unit: number): string {
  return claimId + String(unit).padStart(3, '0');
}

const ENCODING = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID from a time and 80 random bits (10 bytes): both arrive by argument, this library has no clock and no randomness. */
export function encodeClaimId(timeMs: number, random: Uint8Array): ClaimId {
  let time = timeMs;
  let head = '';
  for (let i = 0; i < 10; i += 1) {
    head = ENCODING.charAt(time % 32) + head;
    time = Math.floor(time / 32);
  }
  let tail = '';
  let bits = 0;
  let value = 0;
  for (let i = 0; i < 10; i += 1) {
    value = (value << 8) | (random[i] ?? 0);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      tail += ENCODING.charAt((value >>> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return (head + tail) as ClaimId;
}

/** One unit of an accepted claim; `slot` is its place 1..limit among its user's units. */
export interface ClaimUnit {
  readonly sn: string;
  readonly slot: number;
}

/** What a winner holds. */
export interface ClaimReceipt {
  readonly claimId: ClaimId;
  readonly couponSns: readonly string[];
}

export interface ClaimRequest {
  readonly activityId: ActivityId;
  readonly userId: UserId;
  readonly quantity: number;
  readonly claimId: ClaimId;
  /** The client's Idempotency-Key; absent: the claim id itself is the key. */
  readonly idempotencyKey?: string;
}
