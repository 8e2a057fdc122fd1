import { AmqpConnection, RabbitMqPublisher, RabbitMqQueueInspector, deadLetterQueueOf } from '@coupon/messaging';
import type { Delivery, OutgoingMessage } from '@coupon/messaging';
import { eventually } from '@coupon/testing';
import { CLAIMS_QUEUE, EVENTS_EXCHANGE, claimTopology } from '../../src/claim-queue';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The broker as a test sees it: publishes events and looks into the queues. */
export class BrokerProbe {
  readonly connection: AmqpConnection;
  readonly publisher: RabbitMqPublisher;
  private readonly inspector: RabbitMqQueueInspector;

  constructor(url: string) {
    this.connection = new AmqpConnection({ url, name: 'probe', logger: silent, minDelayMs: 50, maxDelayMs: 500 });
    this.publisher = new RabbitMqPublisher({
      connection: this.connection,
      logger: silent,
      exchange: EVENTS_EXCHANGE,
      topology: claimTopology(),
      readyTimeoutMs: 20_000,
    });
    this.inspector = new RabbitMqQueueInspector({ connection: this.connection });
  }

  async open(): Promise<this> {
    await this.publisher.start();
    await eventually(() => this.publisher.status.state === 'open', { timeoutMs: 20_000 });
    return this;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const results = await this.publisher.publishBatch(messages);
    const bad = results.find(({ kind }) => kind !== 'confirmed');
    if (bad !== undefined) throw new Error(`not published: ${JSON.stringify(bad)}`);
  }

  ready(queue = CLAIMS_QUEUE): Promise<number | null> {
    return this.inspector.ready(queue);
  }

  /** What lies in the dead-letter queue; it stays there. */
  async deadLetters(): Promise<Delivery[]> {
    const found: Delivery[] = [];
    await this.inspector.scan(deadLetterQueueOf(CLAIMS_QUEUE), async (delivery) => {
      found.push(delivery);
      return 'keep';
    });
    return found;
  }

  async close(): Promise<void> {
    await this.publisher.close();
    await this.connection.close();
  }
}
