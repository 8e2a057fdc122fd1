import type { Delivery, EventPublisher, QueueInspector } from '@coupon/messaging';
import { deadLetterQueueOf } from '@coupon/messaging';
import type { Clock } from '@coupon/service-kit';
import { HEADER, publishOne } from './dead-letters';
import type { DeadLetterIndex } from './dead-letters';

export interface ReplayDeadLettersOptions {
  readonly inspector: QueueInspector;
  readonly publisher: EventPublisher;
  readonly index: DeadLetterIndex;
  readonly clock: Clock;
  /** The work queue. */
  readonly queue: string;
}

/**
 * Moves parked messages back to the end of the work queue: published with a confirm first, only then taken out of the dead-letter queue. A
 * failure in between leaves a message in both, which storing it twice makes harmless.
 */
export class ReplayDeadLetters {
  constructor(private readonly options: ReplayDeadLettersOptions) {}

  /** @returns the event ids moved. @throws Error when a message was not confirmed; those before it are moved. */
  async execute(wanted: { readonly eventId: string } | 'all'): Promise<string[]> {
    const { inspector, publisher, index, clock, queue } = this.options;
    const moved: string[] = [];
    await inspector.scan(deadLetterQueueOf(queue), async (delivery) => {
      if (wanted !== 'all' && delivery.id !== wanted.eventId) return 'keep';
      const { traceparent } = delivery.headers;
      const entry = await index.find(delivery.id);
      await publishOne(publisher, {
        id: delivery.id,
        type: originalType(delivery),
        body: delivery.body,
        timestampMs: clock.nowMs(),
        queue,
        // Nothing of its past: it gets all its attempts again.
        ...(typeof traceparent === 'string' ? { headers: { traceparent } } : {}),
      });
      if (entry !== null) await index.markReplayed(entry);
      moved.push(delivery.id);
      return 'take';
    });
    return moved;
  }
}

/** What the broker itself dead-lettered has no header of ours, but kept its type. */
function originalType(delivery: Delivery): string {
  const type = delivery.headers[HEADER.originalRoutingKey];
  return typeof type === 'string' ? type : delivery.type;
}
