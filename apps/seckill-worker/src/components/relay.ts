import type { EventPublisher } from '@coupon/messaging';
import { systemClock } from '@coupon/service-kit';
import type { Component, Logger } from '@coupon/service-kit';
import { activitySources } from '../adapters/activity-sources';
import type { WorkerMetrics } from '../adapters/worker-metrics';
import type { WorkerConfig } from '../config';
import { FindActivities } from '../use-cases/find-activities.use-case';
import { RelayOutbox } from '../use-cases/relay-outbox.use-case';
import type { Connections } from './connections';
import { every } from './every';

/** A new activity is read within half a second of its entry in the registry. */
const REGISTRY_INTERVAL_MS = 500;
const UNDRAINED_INTERVAL_MS = 5_000;
const FORGOTTEN_RELAY_MS = 3_600_000;

export interface RelayRole {
  readonly components: readonly Component[];
  /** Batches taken out of an outbox and not settled. */
  relaying(): number;
}

/** The relay with what tells it which outboxes there are. */
export function createRelayRole(
  config: WorkerConfig,
  connections: Connections,
  publisher: EventPublisher,
  metrics: WorkerMetrics,
  logger: Logger,
): RelayRole {
  const relay = new RelayOutbox({
    outbox: connections.outbox,
    publisher,
    clock: systemClock,
    logger,
    metrics: metrics.relay,
    random: Math.random,
    consumer: config.instance,
    ...config.relay,
  });
  const finder = new FindActivities(activitySources({ ...connections, store: connections.activities }), logger);
  const components: Component[] = [
    {
      name: 'relay',
      start: () => relay.start(),
      stopIntake: () => undefined,
      drain: () => relay.stop(),
      close: () => relay.stop(),
    },
    every('registry of activities', REGISTRY_INTERVAL_MS, logger, async () => {
      relay.setActivities(await finder.refreshRegistered());
    }),
    every('undrained activities', UNDRAINED_INTERVAL_MS, logger, async () => {
      relay.setActivities(await finder.refreshUndrained());
      for (const id of finder.known) await connections.outbox.removeIdleConsumers(id, FORGOTTEN_RELAY_MS);
    }),
  ];
  return { components, relaying: () => relay.batchesUnderWay };
}
