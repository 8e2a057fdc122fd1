import type { Channel, ChannelModel, GetMessage } from 'amqplib';
import type { Delivery, QueueInspector } from '../ports';
import type { AmqpConnection } from './amqp-connection';
import { closeChannel } from './close-channel';
import { toDelivery } from './to-delivery';

/** Opens a channel per call, so that what was looked at and kept returns to its queue when the call ends. */
export class RabbitMqQueueInspector implements QueueInspector {
  constructor(private readonly options: { readonly connection: AmqpConnection; readonly connectTimeoutMs?: number }) {}

  async ready(queue: string): Promise<number | null> {
    return this.withChannel(async (channel) => {
      try {
        return (await channel.checkQueue(queue)).messageCount;
      } catch (error) {
        if ((error as { code?: unknown }).code === 404) return null;
        throw error;
      }
    });
  }

  async scan(queue: string, visit: (delivery: Delivery) => Promise<'take' | 'keep'>): Promise<number> {
    return this.withChannel(async (channel) => {
      let taken = 0;
      // What a visit puts into the queue must not be visited too: no more messages than there are now.
      const { messageCount } = await channel.checkQueue(queue);
      for (let seen = 0; seen < messageCount; seen += 1) {
        const message: GetMessage | false = await channel.get(queue, { noAck: false });
        if (message === false) break;
        if ((await visit(toDelivery(message))) === 'keep') continue;
        channel.ack(message);
        taken += 1;
      }
      return taken;
    });
  }

  async close(): Promise<void> {
    await this.options.connection.close();
  }

  private async withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    await this.options.connection.start();
    const model: ChannelModel = await this.options.connection.whenUp(this.options.connectTimeoutMs ?? 5_000);
    const channel = await model.createChannel();
    // What went wrong also rejects the call that met it.
    channel.on('error', () => undefined);
    try {
      return await use(channel);
    } finally {
      await closeChannel(channel);
    }
  }
}
