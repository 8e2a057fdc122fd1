import { BINLOG_EXCHANGE, parseCanalMessage } from '@coupon/contracts';
import type { CanalMessage } from '@coupon/contracts';
import { AmqpConnection, RabbitMqConsumer, binlogTopology } from '@coupon/messaging';
import type { Topology } from '@coupon/messaging';
import { eventually } from '@coupon/testing';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

const QUEUE = 'coupon.binlog.listener';

/**
 * A durable queue of its own on the bus: it gets everything from its first declaration on, also over restarts of the broker. The queue of L2 has
 * one active consumer, which after a restart may be the worker's.
 */
const topology: Topology = {
  exchanges: binlogTopology().exchanges,
  queues: [
    ...binlogTopology().queues,
    {
      name: QUEUE,
      arguments: { 'x-queue-type': 'quorum' },
      bindings: [{ exchange: BINLOG_EXCHANGE, routingKey: '' }],
    },
  ],
};

/** Hears what is told of the binlog. */
export class BusListener {
  readonly messages: CanalMessage[] = [];
  private readonly connection: AmqpConnection;
  private readonly consumer: RabbitMqConsumer;

  constructor(url: string) {
    this.connection = new AmqpConnection({ url, name: 'listener', logger: silent, minDelayMs: 50, maxDelayMs: 500 });
    this.consumer = new RabbitMqConsumer({
      connection: this.connection,
      logger: silent,
      queue: QUEUE,
      topology,
      prefetch: 100,
      batchSize: 50,
      batchWaitMs: 5,
    });
  }

  async open(): Promise<this> {
    await this.connection.start();
    await this.consumer.start(async (batch) => {
      for (const { body } of batch.deliveries) {
        const parsed = parseCanalMessage(body);
        if (!parsed.ok) throw new Error(parsed.reason);
        this.messages.push(parsed.message);
      }
      batch.ack(batch.deliveries);
    });
    await eventually(() => this.consumer.status.state === 'open', { timeoutMs: 20_000 });
    return this;
  }

  /** Rows of a table that were told to be inserted, by one of their columns, in the order of the first telling. */
  inserted(table: string, column: string): string[] {
    const rows = this.messages
      .filter((message) => message.table === table && message.type === 'INSERT')
      .flatMap(({ data }) => data ?? []);
    return [...new Set(rows.map((row) => row[column] ?? ''))];
  }

  beats(): number[] {
    return this.messages
      .filter(({ table, type }) => table === 'cache_heartbeats' && type !== 'TRUNCATE')
      .flatMap(({ data }) => data ?? [])
      .map((row) => Number(row['beat']));
  }

  async close(): Promise<void> {
    await this.consumer.close();
    await this.connection.close();
  }
}
