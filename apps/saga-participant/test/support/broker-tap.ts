import { connect } from 'amqplib';
import type { ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';

/** What a queue of its own has received of the exchange `coupon.events`, and a hand on the broker. */
export class BrokerTap {
  readonly received: { id: string; type: string; key: string; body: unknown; headers: Record<string, unknown> }[] = [];

  private constructor(private readonly model: ChannelModel) {}

  /** @param keys routing keys to listen to; none: only a hand on the broker */
  static async open(url: string, keys: readonly string[] = []): Promise<BrokerTap> {
    const model = await connect(url);
    // The broker may be killed under it.
    model.on('error', () => undefined);
    const tap = new BrokerTap(model);
    if (keys.length === 0) return tap;
    const channel = await model.createChannel();
    await channel.assertExchange('coupon.events', 'topic', { durable: true });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (const key of keys) await channel.bindQueue(queue, 'coupon.events', key);
    await channel.consume(queue, (message) => tap.take(message), { noAck: true });
    return tap;
  }

  get ids(): string[] {
    return this.received.map(({ id }) => id);
  }

  /** Messages ready in a queue; rejects when there is none of this name. */
  ready(queue: string): Promise<number> {
    return this.withChannel(async (channel) => (await channel.checkQueue(queue)).messageCount);
  }

  /** Takes everything that is in a queue. */
  drain(queue: string): Promise<{ id: string; headers: Record<string, unknown> }[]> {
    return this.withChannel(async (channel) => {
      const messages = [];
      for (let next = await channel.get(queue, { noAck: true }); next !== false;) {
        const { messageId, headers } = next.properties as { messageId: string; headers: Record<string, unknown> };
        messages.push({ id: messageId, headers });
        next = await channel.get(queue, { noAck: true });
      }
      return messages;
    });
  }

  remove(queue: string): Promise<unknown> {
    return this.withChannel((channel) => channel.deleteQueue(queue));
  }

  send(queue: string, id: string, body: string, headers: Record<string, unknown> = {}): Promise<void> {
    return this.withChannel(async (channel) => {
      channel.sendToQueue(queue, Buffer.from(body), { persistent: true, messageId: id, headers });
      await channel.waitForConfirms();
    });
  }

  async close(): Promise<void> {
    await this.model.close().catch(() => undefined);
  }

  private async withChannel<T>(use: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    const channel = await this.model.createConfirmChannel();
    // What went wrong also rejects the call that met it, and has closed the channel.
    channel.on('error', () => undefined);
    try {
      return await use(channel);
    } finally {
      await channel.close().catch(() => undefined);
    }
  }

  private take(message: ConsumeMessage | null): void {
    if (message === null) return;
    const { messageId, headers } = message.properties as { messageId: string; headers: Record<string, unknown> };
    this.received.push({
      id: messageId,
      type: String(headers['event_type']),
      key: message.fields.routingKey,
      body: JSON.parse(message.content.toString()),
      headers,
    });
  }
}
