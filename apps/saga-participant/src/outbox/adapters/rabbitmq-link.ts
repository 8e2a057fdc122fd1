import { AmqpConnection, RabbitMqPublisher, declareTopology } from '@coupon/messaging';
import type { Topology } from '@coupon/messaging';
import type { Component, Health, Logger } from '@coupon/service-kit';
import { EVENTS_EXCHANGE } from '../event-topology';

/** The ways to RabbitMQ. Neither has to be there for the service to start: events wait in their tables, a sweeper ends times to pay. */
export interface RabbitMqLink {
  readonly publisher: RabbitMqPublisher;
  readonly consuming: AmqpConnection;
  /** @throws Error when a queue of the same name is there with other arguments */
  restoreQueues(): Promise<void>;
  readonly component: Component;
}

/** Two connections: one that the broker blocks because it publishes must not stop acknowledgements. */
export function createRabbitMqLink(url: string, topology: Topology, logger: Logger, health: Health): RabbitMqLink {
  const connection = (purpose: string): AmqpConnection =>
    new AmqpConnection({ url, name: `saga-participant ${purpose}`, logger });
  const publishing = connection('publishing');
  const consuming = connection('consuming');
  const publisher = new RabbitMqPublisher({ connection: publishing, logger, exchange: EVENTS_EXCHANGE, topology });
  health.register({
    name: 'rabbitmq',
    optional: true,
    check: async () => {
      for (const { status } of [publisher, consuming]) {
        if (status.state !== 'open') throw new Error(`${status.state}: ${status.reason ?? ''}`);
      }
    },
  });
  return {
    publisher,
    consuming,
    restoreQueues: async () => {
      if (publishing.current !== undefined) await declareTopology(publishing.current, topology);
    },
    component: {
      name: 'rabbitmq',
      start: async () => {
        await Promise.all([publisher.start(), consuming.start()]);
      },
      close: async () => {
        await publisher.close();
        await Promise.all([publishing.close(), consuming.close()]);
      },
    },
  };
}
