import type { Channel } from 'amqplib';
import type { ChannelStatus, MessagingLogger } from '../ports';
import type { AmqpConnection } from './amqp-connection';
import { ChannelKeeper } from './channel-keeper';

export interface RabbitMqSubscriberOptions {
  readonly connection: AmqpConnection;
  readonly logger: MessagingLogger;
  /** Of the queue; several subscribers may have the same. Shown in the broker's list, and the beginning of the queue's name. */
  readonly name: string;
  /** Fanout exchanges, declared durable. Messages of all of them come over the one queue, in the order in which the broker has put them there. */
  readonly exchanges: readonly string[];
  /** Called with one message after the other, at once. Must not throw: what cannot be understood is for the receiver to deal with. */
  readonly onMessage: (exchange: string, body: Buffer) => void;
  /** The queue is bound: what is published from now on comes. */
  readonly onBound?: () => void;
  /** The queue is gone, with whatever was in it. Another one follows. */
  readonly onLost: () => void;
  /** @default Math.random */
  readonly random?: () => number;
}

/**
 * Hears everything that is published to fanout exchanges while it listens, over a queue of its own that ends with the connection. Nothing is
 * acknowledged: a message that was on its way when the queue ended is lost, and `onLost` says so.
 */
export class RabbitMqSubscriber {
  private readonly keeper: ChannelKeeper<Channel>;
  private channel: Channel | undefined;

  constructor(private readonly options: RabbitMqSubscriberOptions) {
    this.keeper = new ChannelKeeper<Channel>({
      connection: options.connection,
      name: `subscriber ${options.name}`,
      logger: options.logger,
      random: options.random ?? Math.random,
      open: (model) => model.createChannel(),
      prepare: (channel) => this.subscribe(channel),
      lost: (channel) => this.lose(channel),
    });
  }

  get status(): ChannelStatus {
    return this.keeper.status;
  }

  async start(): Promise<void> {
    this.keeper.start();
    await this.options.connection.start();
  }

  async close(): Promise<void> {
    await this.keeper.close();
    this.lose(this.channel);
  }

  private async subscribe(channel: Channel): Promise<void> {
    this.lose(this.channel);
    this.channel = channel;
    // Before anything can come: messages of an earlier channel are nobody's any more.
    channel.once('close', () => this.lose(channel));
    const { exchanges, name, onMessage, onBound, logger } = this.options;
    for (const exchange of exchanges) await channel.assertExchange(exchange, 'fanout', { durable: true });
    const suffix = Math.floor((this.options.random ?? Math.random)() * 2 ** 48).toString(36);
    const { queue } = await channel.assertQueue(`${name}.${suffix}`, {
      exclusive: true,
      autoDelete: true,
      durable: false,
    });
    for (const exchange of exchanges) await channel.bindQueue(queue, exchange, '');
    await channel.consume(
      queue,
      (message) => {
        if (this.channel !== channel) return;
        if (message !== null) {
          onMessage(message.fields.exchange, message.content);
          return;
        }
        logger.warn({ queue }, 'subscription cancelled by the broker');
        this.lose(channel);
        void this.keeper.discard();
      },
      { noAck: true, exclusive: true },
    );
    if (this.channel !== channel) throw new Error('the queue was gone at once');
    onBound?.();
  }

  /** Once per channel. */
  private lose(channel: Channel | undefined): void {
    if (channel === undefined || this.channel !== channel) return;
    this.channel = undefined;
    this.options.onLost();
  }
}
