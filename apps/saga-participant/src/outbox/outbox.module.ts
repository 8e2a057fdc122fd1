import { RabbitMqConsumer } from '@coupon/messaging';
import { Ticker } from '@coupon/service-kit';
import type { Component } from '@coupon/service-kit';
import type { ServiceModule } from '../module';
import type { ModuleContext } from '../saga-participant';
import { MysqlOutbox } from './adapters/mysql-outbox';
import { createOutboxMetrics } from './adapters/outbox-metrics';
import type { OutboxMetrics } from './adapters/outbox-metrics';
import { createRabbitMqLink } from './adapters/rabbitmq-link';
import type { RabbitMqLink } from './adapters/rabbitmq-link';
import { PAYMENT_TIMEOUT_QUEUE, mustReachQueue, paymentTopology } from './event-topology';
import { OutboxRelay } from './use-cases/outbox-relay';
import { PaymentTimeouts } from './use-cases/payment-timeouts';
import { pruneOutbox } from './use-cases/prune-outbox';

export interface OutboxModuleOptions {
  /** Of the order module: cancels the order if its time to pay is over, else does nothing. */
  readonly onPaymentDue: (orderSn: string) => Promise<void>;
}

export interface OutboxModule extends ServiceModule {
  /** After a commit that has written events: they leave at once. Without it they leave with the next look at the table. */
  wake(database: OutboxDatabase): void;
}

export type OutboxDatabase = 'coupon' | 'shop';

const DATABASES: readonly OutboxDatabase[] = ['coupon', 'shop'];
const BACKLOG_INTERVAL_MS = 5_000;
const PRUNE_INTERVAL_MS = 60_000;
/** Orders whose end is being dealt with at a time; as many more wait here. */
const TIMEOUT_BATCH = 16;

/** The outboxes of both databases on their way to RabbitMQ, and the queue in which times to pay run out. */
export function createOutboxModule(context: ModuleContext, options: OutboxModuleOptions): OutboxModule {
  const { config, logger, health, metrics: registry } = context;
  const metrics = createOutboxMetrics(registry.registry);
  const topology = paymentTopology(config.paymentTimeoutMs);
  const link = createRabbitMqLink(config.amqpUrl, topology, logger, health);
  const outboxes = { coupon: new MysqlOutbox(context.coupons.client), shop: new MysqlOutbox(context.shop.client) };
  const relays = {
    coupon: createRelay(context, link, metrics, 'coupon', outboxes.coupon),
    shop: createRelay(context, link, metrics, 'shop', outboxes.shop),
  };
  return {
    branches: [],
    grpc: [],
    routes: [],
    components: [link.component],
    drivers: [
      relays.coupon,
      relays.shop,
      createTimeoutConsumer(context, link, metrics, options),
      ...housekeeping(context, outboxes, metrics),
    ],
    wake: (database) => relays[database].wake(),
  };
}

function createRelay(
  { config, clock, logger }: ModuleContext,
  link: RabbitMqLink,
  metrics: OutboxMetrics,
  database: OutboxDatabase,
  outbox: MysqlOutbox,
): OutboxRelay {
  return new OutboxRelay({
    ...{ database, outbox, clock, logger, mustReachQueue },
    publisher: link.publisher,
    metrics: metrics.relay(database),
    random: Math.random,
    restoreQueues: () => link.restoreQueues(),
    pollIntervalMs: config.outboxPollIntervalMs,
  });
}

function createTimeoutConsumer(
  { config, clock, logger }: ModuleContext,
  link: RabbitMqLink,
  metrics: OutboxMetrics,
  { onPaymentDue }: OutboxModuleOptions,
): Component {
  const stopping = new AbortController();
  const timeouts = new PaymentTimeouts({
    ...{ onPaymentDue, clock, logger, queue: PAYMENT_TIMEOUT_QUEUE, signal: stopping.signal },
    publisher: link.publisher,
    metrics: metrics.timeouts,
    random: Math.random,
  });
  const consumer = new RabbitMqConsumer({
    ...{ connection: link.consuming, logger, queue: PAYMENT_TIMEOUT_QUEUE },
    ...{ prefetch: 2 * TIMEOUT_BATCH, batchSize: TIMEOUT_BATCH, batchWaitMs: 5 },
    topology: paymentTopology(config.paymentTimeoutMs),
  });
  return {
    name: 'payment timeouts',
    start: () => consumer.start((batch) => timeouts.handle(batch)),
    stopIntake: async () => {
      // Ends waiting between attempts; what is in the middle of one finishes it.
      stopping.abort();
      await consumer.stop();
    },
    close: () => consumer.close(),
  };
}

function housekeeping(
  { config, clock, logger }: ModuleContext,
  outboxes: Readonly<Record<OutboxDatabase, MysqlOutbox>>,
  metrics: OutboxMetrics,
): readonly Component[] {
  return [
    new Ticker({
      ...{ name: 'outbox backlog', intervalMs: BACKLOG_INTERVAL_MS, clock, logger },
      round: async () => {
        for (const database of DATABASES) metrics.backlog(database, await outboxes[database].backlog());
      },
    }),
    new Ticker({
      ...{ name: 'outbox retention', intervalMs: PRUNE_INTERVAL_MS, clock, logger },
      round: async (stopped) => {
        for (const database of DATABASES) {
          metrics.pruned(database, await pruneOutbox(outboxes[database], config.outboxRetentionMs, stopped));
        }
      },
    }),
  ];
}
