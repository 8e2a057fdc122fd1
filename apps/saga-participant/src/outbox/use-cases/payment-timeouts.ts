import { createHash } from 'node:crypto';
import { ORDER_CREATED, ORDER_PAYMENT_TIMEOUT, parseOrderEvent } from '@coupon/contracts';
import { backoffDelayMs, deadLetterQueueOf } from '@coupon/messaging';
import type { Delivery, DeliveryBatch, EventPublisher, OutgoingMessage } from '@coupon/messaging';
import { pause } from '@coupon/service-kit';
import type { Clock, Logger } from '@coupon/service-kit';

export interface TimeoutMetrics {
  timeout(outcome: 'handled' | 'repeated' | 'deferred' | 'rejected'): void;
}

export interface PaymentTimeoutsOptions {
  /** Cancels the order if it is due, else does nothing. Whatever it throws says nothing about the message. */
  readonly onPaymentDue: (orderSn: string) => Promise<void>;
  readonly publisher: EventPublisher;
  readonly queue: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: TimeoutMetrics;
  readonly random: () => number;
  /** Aborts when the process ends. */
  readonly signal: AbortSignal;
  /** For a message that cannot be read. @default 3 */
  readonly maxAttempts?: number;
  /** Between them. @default 100 */
  readonly attemptDelayMs?: number;
  /** After so many faults a message makes room for others: it goes to the end of its queue. @default 5 */
  readonly deferAfter?: number;
}

type Reading =
  | { readonly ok: true; readonly orderSn: string }
  | { readonly ok: false; readonly code: string; readonly reason: string };

const BACKOFF = { minDelayMs: 50, maxDelayMs: 2_000 } as const;

/**
 * The time to pay of some orders is over. A message is acknowledged when the order module has dealt with it, when it waits again at the end
 * of its queue, or when it lies in the dead-letter queue. Infrastructure faults never count against a message.
 */
export class PaymentTimeouts {
  constructor(private readonly options: PaymentTimeoutsOptions) {}

  /** Resolves when nothing is left to do here; what was not acknowledged comes again. */
  async handle(batch: DeliveryBatch): Promise<void> {
    const signal = AbortSignal.any([batch.lost, this.options.signal]);
    await Promise.all(
      batch.deliveries.map(async (delivery) => {
        const reading = read(delivery);
        const done = reading.ok
          ? await this.expire(delivery, reading.orderSn, signal)
          : await this.reject(delivery, reading, signal);
        if (done) batch.ack([delivery]);
      }),
    );
  }

  /** @returns false when the work was given up. */
  private async expire(delivery: Delivery, orderSn: string, signal: AbortSignal): Promise<boolean> {
    const { onPaymentDue, logger, metrics, random, deferAfter = 5 } = this.options;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        await onPaymentDue(orderSn);
        metrics.timeout('handled');
        return true;
      } catch (error) {
        metrics.timeout('repeated');
        // A deadlock or two is normal traffic.
        if (attempt === deferAfter) {
          logger.warn({ err: error, order_sn: orderSn, attempt }, 'the end of a time to pay cannot be dealt with now');
        }
      }
      await pause(backoffDelayMs(attempt, { ...BACKOFF, random }), signal);
      if (attempt % deferAfter === 0 && !signal.aborted && (await this.publish(this.deferred(delivery)))) {
        metrics.timeout('deferred');
        return true;
      }
    }
    return false;
  }

  /** Nothing will be different, but every message at fault gets the same number of attempts, and they are what the header tells. */
  private async reject(
    delivery: Delivery,
    { code, reason }: Extract<Reading, { ok: false }>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { logger, metrics, random, maxAttempts = 3, attemptDelayMs = 100, queue } = this.options;
    for (let attempt = 1; attempt < maxAttempts; attempt += 1) await pause(attemptDelayMs, signal);
    const letter: OutgoingMessage = {
      ...this.copy(delivery, deadLetterQueueOf(queue)),
      headers: {
        ...traceOf(delivery),
        ...{ 'x-reason-code': code, 'x-reason': reason, 'x-attempts': maxAttempts },
        'x-original-routing-key': ORDER_PAYMENT_TIMEOUT,
      },
    };
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      if (await this.publish(letter)) {
        metrics.timeout('rejected');
        logger.error({ event_id: letter.id, reason_code: code, reason }, 'message went to the dead-letter queue');
        return true;
      }
      await pause(backoffDelayMs(attempt, { ...BACKOFF, random }), signal);
    }
    return false;
  }

  private deferred(delivery: Delivery): OutgoingMessage {
    return { ...this.copy(delivery, this.options.queue), headers: traceOf(delivery) };
  }

  private copy(delivery: Delivery, queue: string): OutgoingMessage {
    const { type, body } = delivery;
    return { id: eventIdOf(delivery), type, body, queue, timestampMs: this.options.clock.nowMs() };
  }

  private async publish(message: OutgoingMessage): Promise<boolean> {
    const [result] = await this.options.publisher.publishBatch([message]);
    if (result?.kind === 'confirmed') return true;
    const reason = result?.kind === 'returned' ? result.reason : result?.error.message;
    this.options.logger.warn({ event_id: message.id, queue: message.queue, reason }, 'message was not moved');
    return false;
  }
}

/** The header names what the message was published as; one that somebody sent straight to the queue may name the timeout. */
function read(delivery: Delivery): Reading {
  const parsed = parseOrderEvent(delivery.type, delivery.body);
  if (!parsed.ok) return parsed;
  if (parsed.type !== ORDER_CREATED && parsed.type !== ORDER_PAYMENT_TIMEOUT) {
    return { ok: false, code: 'UNEXPECTED_EVENT_TYPE', reason: `events of type ${parsed.type} end no time to pay` };
  }
  return { ok: true, orderSn: parsed.body.order_sn };
}

function traceOf({ headers }: Delivery): Record<string, string> {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? { traceparent } : {};
}

/** A message without a usable id gets one from its content, the same at every delivery. */
function eventIdOf(delivery: Delivery): string {
  if (/^[\x21-\x7e]{1,64}$/.test(delivery.id)) return delivery.id;
  return `sha256-${createHash('sha256').update(delivery.body).digest('hex').slice(0, 56)}`;
}
