import { connect } from 'amqplib';
import type { ChannelModel, ConsumeMessage } from 'amqplib';

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

  /** Messages ready in a queue; fails when there is none of this name. */
  async ready(queue: string): Promise<number> {
    const channel = await this.model.createChannel();
    try {
      return (await channel.checkQueue(queue)).messageCount;
    } finally {
      await channel.close();
    }
  }

  /** Takes everything that is in a queue. */
  async drain(queue: string): Promise<{ id: string; headers: Record<string, unknown>; body: string }[]> {
    const channel = await this.model.createChannel();
    const messages = [];
    for (let next = await channel.get(queue, { noAck: true }); next !== false;) {
      const { messageId, headers } = next.properties as { messageId: string; headers: Record<string, unknown> };
      messages.push({ id: messageId, headers, body: next.content.toString() });
      next = await channel.get(queue, { noAck: true });
    }
    await channel.close();
    return messages;
  }

  async remove(queue: string): Promise<void> {
    const channel = await this.model.createChannel();
    await channel.deleteQueue(queue);
    await channel.close();
  }

  async send(queue: string, id: string, body: string, headers: Record<string, unknown> = {}): Promise<void> {
    const channel = await this.model.createConfirmChannel();
    channel.sendToQueue(queue, Buffer.from(body), { persistent: true, messageId: id, headers });
    await channel.waitForConfirms();
    await channel.close();
  }

  async close(): Promise<void> {
    await this.model.close().catch(() => undefined);
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
