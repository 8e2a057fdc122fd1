import type { ActivityId, UserId } from './ids';

/** Claim id: 26 characters of Crockford base32, time first (ULID layout), minted by the gateway and sent once. */
export type ClaimId = string & { readonly __id: 'claim' };

/** Ticket of an asynchronous purchase within its activity: the same 26 characters, 80 of their bits random, so nobody guesses another's. */
export type TicketId = string & { readonly __id: 'ticket' };

const CLAIM_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,64}$/;

export function isClaimId(text: string): text is ClaimId {
  return CLAIM_ID.test(text);
}

export function isTicketId(text: string): text is TicketId {
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
/** Two characters for each ten bits. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_, bits) => ENCODING.charAt(bits >>> 5) + ENCODING.charAt(bits & 31),
);

/**
 * A ULID (https://github.com/ulid/spec) from a time below 2^48 ms and 80 random bits (10 bytes from `at` on): both arrive by argument, this
 * library has no clock and no randomness.
 */
export function encodeClaimId(timeMs: number, random: Uint8Array, at = 0): ClaimId {
  // 50 bits of time: 20 above, 30 below, so that the shifts stay within 32 bits.
  const high = Math.floor(timeMs / 1_073_741_824);
  const low = timeMs % 1_073_741_824;
  let id = pair(high >>> 10) + pair(high) + pair(low >>> 20) + pair(low >>> 10) + pair(low);
  for (let i = at; i < at + 10; i += 5) {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = [random[i], random[i + 1], random[i + 2], random[i + 3], random[i + 4]];
    id += pair((a << 2) | (b >>> 6)) + pair((b << 4) | (c >>> 4)) + pair((c << 6) | (d >>> 2)) + pair((d << 8) | e);
  }
  return id as ClaimId;
}

function pair(bits: number): string {
  return PAIRS[bits & 1023] ?? '';
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
