import { randomFillSync } from 'node:crypto';
import { FLASH_SALE_RELEASED, FLASH_SALE_SUCCEEDED } from '@coupon/contracts';
import { couponSn, encodeClaimId } from '@coupon/domain';
import type { OutgoingMessage } from '@coupon/messaging';
import type { ClaimedEvent, IncomingEvent, ReleasedEvent } from '../../src/use-cases/incoming-event';

export const CLAIMED_MS = Date.UTC(2026, 10, 21, 12, 0, 0, 123);

export interface Place {
  readonly activityId: string;
  readonly templateId: string;
}

export interface ClaimShape {
  readonly userId?: string;
  /** Slots of the units; their number is the quantity. */
  readonly slots?: readonly number[];
  readonly claimId?: string;
  readonly epoch?: number;
  readonly atMs?: number;
  readonly idempotencyKey?: string;
}

export function newClaimId(): string {
  return encodeClaimId(CLAIMED_MS, randomFillSync(new Uint8Array(10)));
}

/** The event of an accepted claim, as the script writes it. */
export function claimed(place: Place, seq: number, shape: ClaimShape = {}): ClaimedEvent {
  const claimId = shape.claimId ?? newClaimId();
  const epoch = shape.epoch ?? 1;
  return {
    kind: 'claimed',
    body: {
      schema_version: 1,
      event_id: `${place.activityId}-${epoch}-${seq}`,
      event_seq: seq,
      activity_id: place.activityId,
      template_id: place.templateId,
      user_id: shape.userId ?? String(1_000_000 + seq),
      claim_id: claimId,
      units: (shape.slots ?? [1]).map((slot, index) => ({ sn: couponSn(claimId, index + 1), slot })),
      epoch,
      claimed_at: new Date(shape.atMs ?? CLAIMED_MS + seq).toISOString(),
      ...(shape.idempotencyKey === undefined ? {} : { idempotency_key: shape.idempotencyKey }),
    },
  };
}

/** `count` claims of one unit by as many users, numbered from `from`. */
export function claims(place: Place, count: number, from = 1): ClaimedEvent[] {
  return Array.from({ length: count }, (_, n) => claimed(place, from + n));
}

/** The release of a claim, numbered `seq`. */
export function released(claim: ClaimedEvent, seq: number): ReleasedEvent {
  const { activity_id, template_id, user_id, claim_id, units, epoch } = claim.body;
  return {
    kind: 'released',
    body: {
      schema_version: 1,
      event_id: `${activity_id}-${epoch}-${seq}`,
      event_seq: seq,
      activity_id,
      template_id,
      user_id,
      claim_id,
      units,
      epoch,
      reason: 'returned by the operator',
      released_at: new Date(CLAIMED_MS + seq).toISOString(),
    },
  };
}

export function messageOf(event: IncomingEvent): OutgoingMessage {
  return {
    id: event.body.event_id,
    type: event.kind === 'claimed' ? FLASH_SALE_SUCCEEDED : FLASH_SALE_RELEASED,
    body: JSON.stringify(event.body),
    timestampMs: CLAIMED_MS,
  };
}
