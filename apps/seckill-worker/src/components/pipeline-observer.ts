import { RabbitMqQueueInspector } from '@coupon/messaging';
import type { Component, Logger } from '@coupon/service-kit';
import { RedisPipelineBoard } from '../adapters/redis-pipeline-board';
import type { PipelineGauges } from '../adapters/worker-metrics';
import { CLAIMS_QUEUE } from '../claim-queue';
import type { WorkerConfig } from '../config';
import { ObservePipeline } from '../use-cases/observe-pipeline.use-case';
import type { Connections } from './connections';
import { every } from './every';

const INTERVAL_MS = 1_000;

export function createPipelineObserver(
  config: WorkerConfig,
  connections: Connections,
  held: { readonly unacked: () => number; readonly relaying: () => number },
  gauges: PipelineGauges,
  logger: Logger,
): Component {
  const inspector = new RabbitMqQueueInspector({ connection: connections.consuming });
  const observe = new ObservePipeline({
    board: new RedisPipelineBoard(connections.redis),
    instance: config.instance,
    logger,
    queueReady: () => inspector.ready(CLAIMS_QUEUE),
    ...held,
  });
  return every('pipeline observer', INTERVAL_MS, logger, async () => {
    const { queue_ready, unacked } = await observe.execute();
    gauges.queue(queue_ready);
    gauges.unacknowledged(unacked);
  });
}
