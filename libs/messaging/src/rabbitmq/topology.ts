import type { ChannelModel } from 'amqplib';
import { closeChannel } from './close-channel';

export interface QueueDeclaration {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
  readonly bindings: readonly { readonly exchange: string; readonly routingKey: string }[];
}

export interface Topology {
  readonly exchanges: readonly { readonly name: string; readonly type: 'topic' | 'fanout' | 'direct' }[];
  readonly queues: readonly QueueDeclaration[];
}

export interface WorkQueue {
  readonly exchange: string;
  readonly queue: string;
  readonly routingKeys: readonly string[];
  /** Most messages the queue takes; further ones are refused and stay with their sender. @default no limit */
  readonly maxLength?: number;
}

/** Far net only: our own handling never gives a message back, so this many deliveries mean that something is broken beyond it. */
const DELIVERY_LIMIT = 1_000;
/** Looking at a dead letter and putting it back counts as a delivery; the broker's own default would drop it after twenty looks. */
const NO_DELIVERY_LIMIT = 1_000_000_000;

export function deadLetterQueueOf(queue: string): string {
  return `${queue}.dlq`;
}

/**
 * A quorum queue with its dead-letter queue. Dead-lettering is at least once (invariant 5): the broker keeps a message until the dead-letter
 * queue has confirmed it, which it only does for queues that refuse instead of dropping when full.
 */
export function workQueueTopology(work: WorkQueue): Topology {
  const deadLetters = deadLetterQueueOf(work.queue);
  return {
    exchanges: [{ name: work.exchange, type: 'topic' }],
    queues: [
      {
        name: deadLetters,
        arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': NO_DELIVERY_LIMIT },
        bindings: [],
      },
      {
        name: work.queue,
        arguments: {
          'x-queue-type': 'quorum',
          'x-overflow': 'reject-publish',
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': deadLetters,
          'x-dead-letter-strategy': 'at-least-once',
          'x-delivery-limit': DELIVERY_LIMIT,
          ...(work.maxLength === undefined ? {} : { 'x-max-length': work.maxLength }),
        },
        bindings: work.routingKeys.map((routingKey) => ({ exchange: work.exchange, routingKey })),
      },
    ],
  };
}

/**
 * Declares everything, on a channel of its own: a refusal closes the channel it came by. Idempotent.
 * @throws Error when the broker has something of the same name that is different (code 406).
 */
export async function declareTopology(model: ChannelModel, topology: Topology): Promise<void> {
  const channel = await model.createChannel();
  // The refusal also rejects the call that met it; without a listener the event alone would end the process.
  channel.on('error', () => undefined);
  try {
    for (const { name, type } of topology.exchanges) await channel.assertExchange(name, type, { durable: true });
    for (const queue of topology.queues) {
      await channel.assertQueue(queue.name, { durable: true, arguments: queue.arguments });
      for (const { exchange, routingKey } of queue.bindings) await channel.bindQueue(queue.name, exchange, routingKey);
    }
  } finally {
    await closeChannel(channel);
  }
}
