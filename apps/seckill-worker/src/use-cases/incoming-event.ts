import { FLASH_SALE_RELEASED, FLASH_SALE_SUCCEEDED, parseEvent } from '@coupon/contracts';
import type { FlashSaleReleasedBody, FlashSaleSucceededBody } from '@coupon/contracts';
import type { Delivery } from '@coupon/messaging';

/** An event of the work queue, read and checked. */
export type IncomingEvent =
  | { readonly kind: 'claimed'; readonly body: FlashSaleSucceededBody }
  | { readonly kind: 'released'; readonly body: FlashSaleReleasedBody };

export type ClaimedEvent = Extract<IncomingEvent, { kind: 'claimed' }>;
export type ReleasedEvent = Extract<IncomingEvent, { kind: 'released' }>;

export type ReadDelivery =
  | { readonly ok: true; readonly event: IncomingEvent }
  | { readonly ok: false; readonly code: string; readonly reason: string };

/** Claims and releases; another type has no business in this queue. */
export function readDelivery(delivery: Delivery): ReadDelivery {
  const parsed = parseEvent(delivery.type, delivery.body);
  if (!parsed.ok) return parsed;
  const { event } = parsed;
  if (event.type === FLASH_SALE_SUCCEEDED) return { ok: true, event: { kind: 'claimed', body: event.body } };
  if (event.type === FLASH_SALE_RELEASED) return { ok: true, event: { kind: 'released', body: event.body } };
  return { ok: false, code: 'UNEXPECTED_EVENT_TYPE', reason: `events of type ${event.type} are not stored here` };
}

/** What makes an event unique: the place it took in its activity's order. */
export function eventKey(event: IncomingEvent): string {
  return `${event.body.activity_id}-${event.body.event_seq}`;
}
