import { RabbitMqPublisher } from '@coupon/messaging';
import {
  Health,
  createHttpApp,
  createHttpServer,
  createLifecycle,
  createMetrics,
  systemClock,
} from '@coupon/service-kit';
import type { HttpServer, Lifecycle, Logger } from '@coupon/service-kit';
import { createWorkerMetrics } from './adapters/worker-metrics';
import { EVENTS_EXCHANGE, claimTopology } from './claim-queue';
import { createArchiving } from './components/archiving';
import { createBinlogRole } from './components/binlog';
import { createCacheDropper } from './components/cache-dropper';
import { createConnections } from './components/connections';
import { createConsumerRole } from './components/consumer';
import { createPipelineObserver } from './components/pipeline-observer';
import { createReconciliationRole } from './components/reconciliation';
import { createRelayRole } from './components/relay';
import { createRestartVerification } from './components/restart-verification';
import type { WorkerConfig, WorkerRole } from './config';

export interface Worker {
  readonly lifecycle: Lifecycle;
  readonly http: HttpServer;
}

/** Puts the worker together; nothing is started yet. */
export function createWorker(config: WorkerConfig, logger: Logger): Worker {
  const lifecycle = createLifecycle({ logger, deadlineMs: config.shutdownDeadlineMs, clock: systemClock });
  const metrics = createMetrics({ service: 'seckill-worker' });
  const health = new Health({ clock: systemClock, state: () => lifecycle.state });
  const workerMetrics = createWorkerMetrics(metrics.registry);
  const connections = createConnections(config, logger, health);
  const publisher = new RabbitMqPublisher({
    connection: connections.publishing,
    logger,
    exchange: EVENTS_EXCHANGE,
    topology: claimTopology(),
  });
  const has = (role: WorkerRole): boolean => config.roles.includes(role);
  const consumer = has('consumer')
    ? createConsumerRole(config, connections, publisher, workerMetrics, logger, lifecycle)
    : undefined;
  const http = createHttpServer({ ...config.http, handler: createHttpApp({ logger, health, metrics, routes: [] }) });

  lifecycle.register({ name: 'metrics', close: () => metrics.close() });
  lifecycle.register(connections.component);
  lifecycle.register({ name: 'publisher', start: () => publisher.start(), close: () => publisher.close() });
  for (const part of consumer?.components ?? []) lifecycle.register(part);
  const relay = has('relay') ? createRelayRole(config, connections, publisher, workerMetrics, logger) : undefined;
  for (const part of relay?.components ?? []) lifecycle.register(part);
  if (has('reconciliation')) {
    const parts = createReconciliationRole(config, connections, workerMetrics.pipeline, logger);
    for (const part of parts) lifecycle.register(part);
    lifecycle.register(createRestartVerification(config, connections, logger));
    lifecycle.register(createArchiving(config, connections, workerMetrics.archive, logger));
  }
  if (has('binlog')) {
    for (const part of createBinlogRole(config, connections, metrics.registry, logger)) lifecycle.register(part);
    for (const part of createCacheDropper(config, metrics.registry, logger)) lifecycle.register(part);
  }
  const held = {
    unacked: (): number => consumer?.unacknowledged() ?? 0,
    relaying: (): number => relay?.relaying() ?? 0,
  };
  lifecycle.register(createPipelineObserver(config, connections, held, workerMetrics.pipeline, logger));
  lifecycle.register(http);
  return { lifecycle, http };
}
