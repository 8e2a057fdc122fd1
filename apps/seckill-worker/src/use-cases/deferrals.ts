import type { Delivery, EventPublisher } from '@coupon/messaging';
import { pause } from '@coupon/service-kit';
import type { Clock } from '@coupon/service-kit';
import { publishOne } from './dead-letters';
import { withPatience } from './with-patience';
import type { Patience } from './with-patience';

export interface DeferralsOptions {
  readonly publisher: EventPublisher;
  readonly clock: Clock;
  /** The work queue. */
  readonly queue: string;
  /** An event that has waited longer than this, */
  readonly limitMs?: number;
  /** and was looked at so often, is not waiting but stuck. Time alone says nothing: it also passes while MySQL is away. @default 900000 ms, 100 looks */
  readonly limitLooks?: number;
}

const SINCE = 'x-deferred-since';
const COUNT = 'x-deferrals';
const MIN_DELAY_MS = 200;
const MAX_DELAY_MS = 5_000;

/**
 * Puts an event that came too early behind those it waits for: published again at the end of its queue under the same id, then acknowledged.
 * Giving it back to the broker instead would put it in front again and spend one of its deliveries.
 */
export class Deferrals {
  private waiting = 0;

  constructor(private readonly options: DeferralsOptions) {}

  /** Deliveries held back at the moment. */
  get size(): number {
    return this.waiting;
  }

  hasExpired(delivery: Delivery): boolean {
    const { clock, limitMs = 900_000, limitLooks = 100 } = this.options;
    return clock.nowMs() - this.since(delivery) > limitMs && (numberIn(delivery, COUNT) ?? 0) >= limitLooks;
  }

  /** Resolves when the delivery may be acknowledged. @throws AbandonedError when the patience ends before. */
  async defer(delivery: Delivery, patience: Patience): Promise<void> {
    const { publisher, clock, queue } = this.options;
    const count = numberIn(delivery, COUNT) ?? 0;
    this.waiting += 1;
    try {
      await pause(Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** Math.min(count, 10)), patience.signal);
      const { traceparent } = delivery.headers;
      await withPatience('defer', patience, () =>
        publishOne(publisher, {
          id: delivery.id,
          type: delivery.type,
          body: delivery.body,
          timestampMs: clock.nowMs(),
          queue,
          headers: {
            ...(typeof traceparent === 'string' ? { traceparent } : {}),
            [SINCE]: this.since(delivery),
            [COUNT]: count + 1,
          },
        }),
      );
    } finally {
      this.waiting -= 1;
    }
  }

  private since(delivery: Delivery): number {
    return numberIn(delivery, SINCE) ?? this.options.clock.nowMs();
  }
}

function numberIn(delivery: Delivery, header: string): number | undefined {
  const value = delivery.headers[header];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
