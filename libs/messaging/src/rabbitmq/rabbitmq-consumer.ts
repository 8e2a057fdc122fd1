import type { Channel, ConsumeMessage } from 'amqplib';
import type { BatchHandler, ChannelStatus, Delivery, EventConsumer, MessagingLogger } from '../ports';
import type { AmqpConnection } from './amqp-connection';
import { ChannelKeeper } from './channel-keeper';
import { Outstanding } from './outstanding';
import type { QueueContinuity } from './queue-continuity';
import { toDelivery } from './to-delivery';
import { declareTopology } from './topology';
import type { Topology } from './topology';

export interface RabbitMqConsumerOptions {
  readonly connection: AmqpConnection;
  readonly logger: MessagingLogger;
  readonly queue: string;
  /** Most deliveries in our hands. Two batches keep the handler busy while the broker sends the next. */
  readonly prefetch: number;
  /** A batch is handed over when it has this many deliveries, */
  readonly batchSize: number;
  /** or when its oldest has waited this long. */
  readonly batchWaitMs: number;
  /** Declared on every new channel. */
  readonly topology?: Topology;
  /** Told whether the queue may have lost messages. */
  readonly continuity?: Pick<QueueContinuity, 'examine'>;
  /** @default Math.random */
  readonly random?: () => number;
}

/** What belongs to one channel: a delivery means nothing on any other. */
interface Session {
  readonly channel: Channel;
  readonly outstanding: Outstanding;
  readonly tagOf: WeakMap<Delivery, number>;
  readonly lost: AbortController;
  buffer: { delivery: Delivery; arrivedMs: number }[];
  consumerTag: string | undefined;
}

/** Manual acknowledgement, one batch at a time, a new channel after each loss. */
export class RabbitMqConsumer implements EventConsumer {
  private readonly keeper: ChannelKeeper<Channel>;
  private session: Session | undefined;
  private handler: BatchHandler | undefined;
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly options: RabbitMqConsumerOptions) {
    this.keeper = new ChannelKeeper<Channel>({
      connection: options.connection,
      name: `consumer of ${options.queue}`,
      logger: options.logger,
      random: options.random ?? Math.random,
      open: (model) => model.createChannel(),
      prepare: async (channel, model) => {
        if (options.topology !== undefined) await declareTopology(model, options.topology);
        await options.continuity?.examine(model);
        await this.consume(channel);
      },
      lost: (channel) => {
        if (this.session?.channel === channel) this.endSession();
      },
    });
  }

  get status(): ChannelStatus {
    return this.keeper.status;
  }

  get unacknowledged(): number {
    return this.session?.outstanding.size ?? 0;
  }

  async start(handler: BatchHandler): Promise<void> {
    this.handler = handler;
    this.keeper.start();
    await this.options.connection.start();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const { session } = this;
    if (session?.consumerTag !== undefined) {
      // The channel may close at the same moment; then there is nothing to cancel any more.
      await session.channel.cancel(session.consumerTag).catch(() => undefined);
    }
    await this.running;
  }

  async close(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    // Closing the channel hands back what was prefetched and never worked on.
    await this.keeper.close();
    this.endSession();
  }

  private async consume(channel: Channel): Promise<void> {
    this.endSession();
    const session: Session = {
      channel,
      outstanding: new Outstanding(),
      tagOf: new WeakMap(),
      lost: new AbortController(),
      buffer: [],
      consumerTag: undefined,
    };
    this.session = session;
    channel.once('close', () => {
      if (this.session === session) this.endSession();
    });
    await channel.prefetch(this.options.prefetch);
    const { consumerTag } = await channel.consume(this.options.queue, (message) => {
      if (message === null) void this.cancelledByBroker(session);
      else this.receive(session, message);
    });
    session.consumerTag = consumerTag;
    if (this.stopped) await channel.cancel(consumerTag);
  }

  private receive(session: Session, message: ConsumeMessage): void {
    const delivery = toDelivery(message);
    session.outstanding.add(message.fields.deliveryTag);
    session.tagOf.set(delivery, message.fields.deliveryTag);
    session.buffer.push({ delivery, arrivedMs: performance.now() });
    this.schedule();
  }

  /** Starts the handler when a batch is full or old enough, and it is not busy. */
  private schedule(): void {
    const { session } = this;
    const [oldest] = session?.buffer ?? [];
    if (this.running !== undefined || this.stopped || session === undefined || oldest === undefined) return;
    const waitMs = oldest.arrivedMs + this.options.batchWaitMs - performance.now();
    if (session.buffer.length >= this.options.batchSize || waitMs <= 0) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.running = this.handle(session).finally(() => {
        this.running = undefined;
        this.schedule();
      });
      return;
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.schedule();
    }, Math.ceil(waitMs));
  }

  private async handle(session: Session): Promise<void> {
    const deliveries = session.buffer.splice(0, this.options.batchSize).map(({ delivery }) => delivery);
    try {
      await this.handler?.({
        deliveries,
        ack: (done) => this.acknowledge(session, done),
        lost: session.lost.signal,
      });
    } catch (error) {
      this.options.logger.error(
        { err: error, queue: this.options.queue },
        'batch handler failed, giving the deliveries back',
      );
      if (this.session === session) await this.keeper.discard();
    }
  }

  private acknowledge(session: Session, done: readonly Delivery[]): void {
    if (this.session !== session) return;
    const tags: number[] = [];
    for (const delivery of done) {
      const tag = session.tagOf.get(delivery);
      if (tag !== undefined) tags.push(tag);
    }
    const { upTo, single } = session.outstanding.acknowledge(tags);
    try {
      if (upTo !== undefined) session.channel.ack(messageWithTag(upTo), true);
      for (const tag of single) session.channel.ack(messageWithTag(tag), false);
    } catch (error) {
      // The channel is closing: the broker will deliver these again.
      this.options.logger.warn({ err: error, queue: this.options.queue }, 'acknowledgement not sent');
    }
  }

  /** The queue was deleted or moved. */
  private async cancelledByBroker(session: Session): Promise<void> {
    this.options.logger.warn({ queue: this.options.queue }, 'consumer cancelled by the broker');
    if (this.session === session) await this.keeper.discard();
  }

  private endSession(): void {
    const { session } = this;
    if (session === undefined) return;
    this.session = undefined;
    session.buffer = [];
    session.lost.abort(new Error('channel lost'));
  }
}

function messageWithTag(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}
