import type { Channel, ChannelModel } from 'amqplib';
import type { AmqpConnection } from './amqp-connection';
import { closeChannel } from './close-channel';

const markOf = (queue: string): string => `${queue}.continuous`;

/**
 * Whether a durable queue was there all the time, whoever declares it: a queue that was deleted and declared again, or a broker that came back
 * without its data, has lost messages, and nothing in the queue tells. For consumers that can make up for a loss.
 *
 * The mark is an exchange to which nobody publishes, bound to the queue and deleted by the broker when that binding ends: with the queue.
 * Only `restored` makes it.
 */
export class QueueContinuity {
  private lost = false;

  constructor(
    private readonly connection: Pick<AmqpConnection, 'current'>,
    private readonly queue: string,
  ) {}

  /** Messages may have been lost: to be made up for before the next one is handled, then `restored`. */
  get isBroken(): boolean {
    return this.lost;
  }

  /** To be called when the queue is declared and not consumed yet, and again before a loss is made up for: another consumer may have done it. */
  async examine(model: ChannelModel | undefined = this.connection.current): Promise<void> {
    if (model === undefined) throw new Error('no connection to RabbitMQ');
    try {
      await onChannel(model, (channel) => channel.checkExchange(markOf(this.queue)));
      this.lost = false;
    } catch (error) {
      if ((error as { code?: unknown }).code !== NOT_FOUND) throw error;
      this.lost = true;
    }
  }

  /** Messages are about to be acknowledged that were not dealt with. @throws Error without a connection */
  async broken(): Promise<void> {
    const model = this.connection.current;
    if (model === undefined) throw new Error('no connection to RabbitMQ');
    await onChannel(model, (channel) => channel.deleteExchange(markOf(this.queue)));
    this.lost = true;
  }

  /** What was lost has been made up for. @throws Error without a connection or without the queue */
  async restored(): Promise<void> {
    const model = this.connection.current;
    if (model === undefined) throw new Error('no connection to RabbitMQ');
    await onChannel(model, async (channel) => {
      await channel.checkQueue(this.queue);
      await channel.assertExchange(markOf(this.queue), 'fanout', { durable: true, autoDelete: true });
      await channel.bindQueue(this.queue, markOf(this.queue), '');
    });
    this.lost = false;
  }
}

const NOT_FOUND = 404;

/** A refusal closes the channel it came by: one for each question. */
async function onChannel<T>(model: ChannelModel, work: (channel: Channel) => PromiseLike<T>): Promise<T> {
  const channel = await model.createChannel();
  channel.on('error', () => undefined);
  try {
    return await work(channel);
  } finally {
    await closeChannel(channel);
  }
}
