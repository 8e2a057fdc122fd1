/**
 * Bodies of the events around a claim, as they travel through the outbox and RabbitMQ. Names are those of the wire; ids are decimal
 * strings, times RFC 3339 UTC with milliseconds. Fields this version does not know are allowed: a newer sender may add some.
 */

export interface ClaimEventUnit {
  /** Claim id and the three digits of the unit's place in the claim. */
  readonly sn: string;
  /** Place 1..limit among the user's units in this activity. */
  readonly slot: number;
}

interface ClaimEventFields {
  readonly schema_version: 1;
  /** `<activity_id>-<epoch>-<event_seq>` */
  readonly event_id: string;
  readonly event_seq: number;
  readonly activity_id: string;
  readonly template_id: string;
  readonly user_id: string;
  readonly claim_id: string;
  readonly units: readonly ClaimEventUnit[];
  readonly epoch: number;
}

export interface FlashSaleSucceededBody extends ClaimEventFields {
  readonly claimed_at: string;
  /** The client's key; absent when the claim id is the key. */
  readonly idempotency_key?: string | undefined;
}

export interface FlashSaleReleasedBody extends ClaimEventFields {
  readonly reason: string;
  readonly released_at: string;
}

/** An accepted claim that could not be stored and was parked. */
export interface FlashSaleFailedBody extends FlashSaleSucceededBody {
  /** Stable reason code. */
  readonly code: string;
  readonly reason?: string | undefined;
  readonly failed_at: string;
}

export const FLASH_SALE_SUCCEEDED = 'flash_sale.succeeded.v1';
export const FLASH_SALE_RELEASED = 'flash_sale.released.v1';
export const FLASH_SALE_FAILED = 'flash_sale.failed.v1';

export type ClaimEvent =
  | { readonly type: typeof FLASH_SALE_SUCCEEDED; readonly body: FlashSaleSucceededBody }
  | { readonly type: typeof FLASH_SALE_RELEASED; readonly body: FlashSaleReleasedBody }
  | { readonly type: typeof FLASH_SALE_FAILED; readonly body: FlashSaleFailedBody };

export type ClaimEventType = ClaimEvent['type'];

/** Longest list of units a claim can have (domain: MAX_PER_USER_LIMIT). */
export const MAX_UNITS = 999;

/** Longest `reason` that is kept; it ends in a TEXT column and in headers. */
export const MAX_REASON = 1_000;
