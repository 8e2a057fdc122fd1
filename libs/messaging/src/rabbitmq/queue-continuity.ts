import type { Channel, ChannelModel } from 'amqplib';
import type { AmqpConnection } from './amqp-connection';
import { closeChannel } from './close-channel';

/** An empty queue that exists while nothing was lost out of the other one since its consumer has made up for the last loss. */
const markOf = (queue: string): string => `${queue}.continuous`;

/**
 * Whether a durable queue was there all the time, whoever declares it: a queue that was deleted, or a broker that came back without its data,
 * has lost messages, and nothing in the queue tells. For consumers that can make up for a loss. The mark is an empty durable queue beside it, made by
 * `restored` only.
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

  /** The queue was deleted while it was consumed. */
  interrupted(): void {
    this.lost = true;
  }

  /** To be called before the queue is declared. */
  async examine(model: ChannelModel): Promise<void> {
    if (!(await exists(model, this.queue))) {
      this.lost = true;
      // First of all: a process that ends here leaves the next one to find out.
      await onChannel(model, (channel) => channel.deleteQueue(markOf(this.queue)));
    } else if (!(await exists(model, markOf(this.queue)))) this.lost = true;
  }

  /** What was lost has been made up for. @throws Error without a connection */
  async restored(): Promise<void> {
    const model = this.connection.current;
    if (model === undefined) throw new Error('no connection to RabbitMQ');
    await onChannel(model, (channel) => channel.assertQueue(markOf(this.queue), { durable: true }));
    this.lost = false;
  }
}

const NOT_FOUND = 404;

async function exists(model: ChannelModel, queue: string): Promise<boolean> {
  try {
    await onChannel(model, (channel) => channel.checkQueue(queue));
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === NOT_FOUND) return false;
    throw error;
  }
}

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
