import { ORDER_CREATED, ORDER_PAYMENT_TIMEOUT } from '@coupon/contracts';
import { workQueueTopology } from '@coupon/messaging';
import type { QueueDeclaration, Topology } from '@coupon/messaging';

export const EVENTS_EXCHANGE = 'coupon.events';
export const PAYMENT_TIMEOUT_QUEUE = 'saga.payment-timeout';

/**
 * Events that must reach a queue: without the one behind `order.created.v1` nobody is told that the time to pay is over. All others are
 * announcements, for whoever is bound.
 */
export function mustReachQueue(routingKey: string): boolean {
  return routingKey === ORDER_CREATED;
}

/** Where the messages of one time to pay wait. A queue's time cannot be changed, so another time is another queue. */
export function paymentDelayQueue(paymentTimeoutMs: number): string {
  return `saga.payment-delay.${paymentTimeoutMs}`;
}

/**
 * order.created.v1 -> delay queue, which nobody consumes -> after the time to pay, once the next queue has confirmed it ->
 * order.payment_timeout.v1 -> timeout queue with its dead-letter queue.
 */
export function paymentTopology(paymentTimeoutMs: number): Topology {
  const timeouts = workQueueTopology({
    exchange: EVENTS_EXCHANGE,
    queue: PAYMENT_TIMEOUT_QUEUE,
    routingKeys: [ORDER_PAYMENT_TIMEOUT],
  });
  const delay: QueueDeclaration = {
    name: paymentDelayQueue(paymentTimeoutMs),
    arguments: {
      'x-queue-type': 'quorum',
      'x-message-ttl': paymentTimeoutMs,
      'x-overflow': 'reject-publish',
      'x-dead-letter-exchange': EVENTS_EXCHANGE,
      'x-dead-letter-routing-key': ORDER_PAYMENT_TIMEOUT,
      'x-dead-letter-strategy': 'at-least-once',
    },
    bindings: [{ exchange: EVENTS_EXCHANGE, routingKey: ORDER_CREATED }],
  };
  // What messages leave for exists before the first of them can wait.
  return { exchanges: timeouts.exchanges, queues: [...timeouts.queues, delay] };
}
