import { FLASH_SALE_FAILED } from '@coupon/contracts';
import { createHash } from 'node:crypto';
import { deadLetterQueueOf } from '@coupon/messaging';
import type { Delivery, EventPublisher, OutgoingMessage } from '@coupon/messaging';
import type { Clock } from '@coupon/service-kit';
import type { IncomingEvent } from './incoming-event';
import { withPatience } from './with-patience';
import type { Patience } from './with-patience';

/** Why a message was parked. */
export interface Rejection {
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
}

export interface DeadLetterEntry {
  readonly eventId: string;
  readonly queue: string;
  readonly activityId: string | null;
  readonly eventSeq: number | null;
  readonly claimId: string | null;
  readonly reasonCode: string;
  readonly reason: string;
  readonly body: string;
}

export interface StoredDeadLetter extends DeadLetterEntry {
  /** The last time. */
  readonly parkedAt: Date;
  readonly replayedAt: Date | null;
}

/** Table of what lies in the dead-letter queues; the queue is the truth, the table is what people search. */
export interface DeadLetterIndex {
  /** Writes the entry; one that is there already is parked again. */
  record(entry: DeadLetterEntry): Promise<void>;
  /** Only if it has not been parked again since the entry was read: a worker may be faster than we are. */
  markReplayed(entry: Pick<StoredDeadLetter, 'eventId' | 'parkedAt'>): Promise<void>;
  /** Newest first. */
  list(options: { limit: number; includeReplayed: boolean }): Promise<StoredDeadLetter[]>;
  find(eventId: string): Promise<StoredDeadLetter | null>;
}

export const HEADER = {
  reasonCode: 'x-reason-code',
  reason: 'x-reason',
  attempts: 'x-attempts',
  originalRoutingKey: 'x-original-routing-key',
} as const;

const MAX_HEADER_BYTES = 1_000;

export interface DeadLettersOptions {
  readonly publisher: EventPublisher;
  readonly index: DeadLetterIndex;
  readonly clock: Clock;
  /** The work queue. */
  readonly queue: string;
}

/** Parks messages that cannot be stored: first safe in the dead-letter queue, then indexed, then announced. Only then may they be acknowledged. */
export class DeadLetters {
  constructor(private readonly options: DeadLettersOptions) {}

  /** @throws AbandonedError when the patience ends; parking the message again later is harmless. */
  async park(
    delivery: Delivery,
    event: IncomingEvent | undefined,
    rejection: Rejection,
    patience: Patience,
  ): Promise<void> {
    const { publisher, index, clock, queue } = this.options;
    const eventId = event?.body.event_id ?? eventIdOf(delivery);
    const message: OutgoingMessage = {
      id: eventId,
      type: delivery.type,
      body: delivery.body,
      timestampMs: clock.nowMs(),
      queue: deadLetterQueueOf(queue),
      headers: {
        ...(typeof delivery.headers['traceparent'] === 'string'
          ? { traceparent: delivery.headers['traceparent'] }
          : {}),
        [HEADER.reasonCode]: rejection.code,
        [HEADER.reason]: printable(rejection.reason),
        [HEADER.attempts]: rejection.attempts,
        [HEADER.originalRoutingKey]: delivery.type,
      },
    };
    await withPatience('park', patience, () => publishOne(publisher, message));
    await withPatience('index', patience, () =>
      index.record({
        eventId,
        queue,
        activityId: event?.body.activity_id ?? null,
        eventSeq: event?.body.event_seq ?? null,
        claimId: event?.body.claim_id ?? null,
        reasonCode: rejection.code,
        reason: rejection.reason,
        body: delivery.body.toString('utf8'),
      }),
    );
    if (event?.kind !== 'claimed') return;
    const failed = failedMessage(event.body, rejection, clock.nowMs());
    await withPatience('announce', patience, () => publishOne(publisher, failed));
  }
}

/** @throws Error unless the message was confirmed. */
export async function publishOne(publisher: EventPublisher, message: OutgoingMessage): Promise<void> {
  const [result] = await publisher.publishBatch([message]);
  if (result?.kind === 'returned') throw new Error(`message returned: ${result.reason}`);
  if (result?.kind !== 'confirmed') throw new Error('message not confirmed', { cause: result?.error });
}

/** A message without a usable id gets one from its content, the same at every delivery. */
function eventIdOf(delivery: Delivery): string {
  if (/^[\x21-\x7e]{1,64}$/.test(delivery.id)) return delivery.id;
  return `sha256-${createHash('sha256').update(delivery.body).digest('hex').slice(0, 56)}`;
}

function failedMessage(
  body: Extract<IncomingEvent, { kind: 'claimed' }>['body'],
  rejection: Rejection,
  nowMs: number,
): OutgoingMessage {
  return {
    id: `${body.event_id}-failed`,
    type: FLASH_SALE_FAILED,
    body: JSON.stringify({
      ...body,
      code: rejection.code,
      reason: rejection.reason,
      failed_at: new Date(nowMs).toISOString(),
    }),
    key: body.activity_id,
    timestampMs: nowMs,
    // An announcement: whether anybody listens is not our business.
    mandatory: false,
  };
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_HEADER_BYTES);
}
