import type { ConfirmChannel, Options } from 'amqplib';
import type { ChannelStatus, EventPublisher, MessagingLogger, OutgoingMessage, PublishResult } from '../ports';
import type { AmqpConnection } from './amqp-connection';
import { ChannelKeeper } from './channel-keeper';
import { declareTopology } from './topology';
import type { Topology } from './topology';
import { Unconfirmed } from './unconfirmed';

export interface RabbitMqPublisherOptions {
  readonly connection: AmqpConnection;
  readonly logger: MessagingLogger;
  /** Where messages without a `queue` go. */
  readonly exchange: string;
  /** Declared on every new channel, before the first message (invariant 5). */
  readonly topology?: Topology;
  /** How long a batch waits for an open, unblocked channel. @default 5000 */
  readonly readyTimeoutMs?: number;
  /** How long a confirm may take; the time during which the broker blocks the connection does not count. @default 30000 */
  readonly confirmTimeoutMs?: number;
  /** @default Math.random */
  readonly random?: () => number;
}

const CHECK_MS = 250;

/**
 * Publishes persistent and mandatory with publisher confirms. A message whose connection was lost is `failed`, ambiguous: this class never
 * sends anything twice by itself, its caller does, with the same id.
 */
export class RabbitMqPublisher implements EventPublisher {
  private readonly keeper: ChannelKeeper<ConfirmChannel>;
  private readonly unconfirmed = new Unconfirmed();
  /** One object for all messages: amqplib encodes it before `publish` returns, and makes a new one's shape slow each time. */
  private readonly headers = { event_type: '', event_id: '', timestamp: 0 };
  private watch: NodeJS.Timeout | undefined;
  private draining: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly options: RabbitMqPublisherOptions) {
    this.keeper = new ChannelKeeper<ConfirmChannel>({
      connection: options.connection,
      name: `publisher to ${options.exchange}`,
      logger: options.logger,
      random: options.random ?? Math.random,
      open: (model) => model.createConfirmChannel(),
      prepare: async (channel, model) => {
        if (options.topology !== undefined) await declareTopology(model, options.topology);
        channel.on('return', (message) => {
          const { messageId } = message.properties as { messageId?: string };
          const { replyText = 'unroutable' } = message.fields as { replyText?: string };
          this.unconfirmed.markReturned(messageId ?? '', replyText);
        });
      },
      lost: (_channel, error) => {
        this.unconfirmed.abandonAll(
          new Error(`connection lost before the confirm: ${error.message}`, { cause: error }),
        );
      },
    });
  }

  get status(): ChannelStatus {
    return this.keeper.status;
  }

  async start(): Promise<void> {
    this.keeper.start();
    await this.options.connection.start();
  }

  async publishBatch(messages: readonly OutgoingMessage[]): Promise<PublishResult[]> {
    const channel = await this.readyChannel();
    if (channel === undefined) {
      const { state, reason = '' } = this.status;
      const error = new Error(`no channel to RabbitMQ (${state}): ${reason}`);
      return messages.map(() => ({ kind: 'failed', ambiguous: false, error }));
    }
    this.watchProgress();
    const batch = new PendingBatch(messages.length);
    for (const [index, message] of messages.entries()) {
      if (this.send(channel, message, batch, index)) await this.drained(channel);
    }
    return batch.settled;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.watch);
    await this.keeper.close();
    this.unconfirmed.abandonAll(new Error('publisher closed before the confirm'));
  }

  /** One wait for all batches that are held up: each with listeners of its own would be many on one channel. */
  private async drained(channel: ConfirmChannel): Promise<void> {
    this.draining ??= drainedOrClosed(channel).finally(() => {
      this.draining = undefined;
    });
    await this.draining;
  }

  /** @returns whether the connection's buffer is full: the next message waits for its drain. */
  private send(channel: ConfirmChannel, message: OutgoingMessage, batch: PendingBatch, index: number): boolean {
    const body = typeof message.body === 'string' ? Buffer.from(message.body) : message.body;
    const settle = this.unconfirmed.add(message.id, (result) => batch.settle(index, result));
    try {
      return !channel.publish(
        message.queue === undefined ? this.options.exchange : '',
        message.queue ?? message.type,
        body,
        this.publishOptions(message),
        settle,
      );
    } catch (cause) {
      // Closed between two messages of the batch, or a message that AMQP cannot carry: nothing was sent.
      settle(cause instanceof Error ? cause : new Error(String(cause)));
      return false;
    }
  }

  private publishOptions(message: OutgoingMessage): Options.Publish {
    this.headers.event_type = message.type;
    this.headers.event_id = message.id;
    this.headers.timestamp = message.timestampMs;
    return {
      persistent: true,
      mandatory: message.mandatory ?? true,
      messageId: message.id,
      contentType: 'application/json',
      timestamp: Math.floor(message.timestampMs / 1000),
      headers: message.headers === undefined ? this.headers : { ...message.headers, ...this.headers },
    };
  }

  private async readyChannel(): Promise<ConfirmChannel | undefined> {
    const { readyTimeoutMs = 5_000, connection } = this.options;
    if (this.closed) return undefined;
    const channel = await this.keeper.whenOpen(readyTimeoutMs);
    if (channel === undefined || !connection.blocked) return channel;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        if (connection.blocked && !timeUp) return;
        clearTimeout(timer);
        remove();
        resolve();
      };
      let timeUp = false;
      const remove = connection.onChange(done);
      const timer = setTimeout(() => {
        timeUp = true;
        done();
      }, readyTimeoutMs);
    });
    return connection.blocked ? undefined : this.keeper.channel;
  }

  /** Gives the channel up when nothing was confirmed for too long although the broker is reading. */
  private watchProgress(): void {
    if (this.watch !== undefined) return;
    const { confirmTimeoutMs = 30_000, connection, logger } = this.options;
    let waitedMs = 0;
    let settledBefore = this.unconfirmed.settled;
    this.watch = setInterval(() => {
      if (this.unconfirmed.size === 0) {
        clearInterval(this.watch);
        this.watch = undefined;
        return;
      }
      if (this.unconfirmed.settled !== settledBefore) waitedMs = 0;
      else if (!connection.blocked) waitedMs += CHECK_MS;
      settledBefore = this.unconfirmed.settled;
      if (waitedMs < confirmTimeoutMs) return;
      waitedMs = 0;
      logger.error({ count: this.unconfirmed.size }, 'no confirm in time, opening another channel');
      void this.keeper.discard();
    }, CHECK_MS);
    this.watch.unref();
  }
}

/** Results of one batch, in the order of its messages; `settled` resolves with the last one. */
class PendingBatch {
  readonly settled: Promise<PublishResult[]>;
  private readonly results: PublishResult[];
  private left: number;
  private resolve: (results: PublishResult[]) => void = () => undefined;

  constructor(size: number) {
    this.results = new Array<PublishResult>(size);
    this.left = size;
    this.settled = new Promise((resolve) => {
      this.resolve = resolve;
    });
    if (size === 0) this.resolve(this.results);
  }

  settle(index: number, result: PublishResult): void {
    this.results[index] = result;
    this.left -= 1;
    if (this.left === 0) this.resolve(this.results);
  }
}

async function drainedOrClosed(channel: ConfirmChannel): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      channel.removeListener('drain', done);
      channel.removeListener('close', done);
      resolve();
    };
    channel.once('drain', done);
    channel.once('close', done);
  });
}
