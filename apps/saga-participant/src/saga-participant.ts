import { descriptorSet } from '@coupon/contracts';
import {
  Health,
  createGrpcServer,
  createHttpApp,
  createHttpServer,
  createLifecycle,
  createMetrics,
} from '@coupon/service-kit';
import type { Clock, GrpcServer, HttpServer, Lifecycle, Logger } from '@coupon/service-kit';
import type { Config } from './config';

export interface SagaParticipant {
  readonly lifecycle: Lifecycle;
  readonly http: HttpServer;
  readonly grpc: GrpcServer;
}

/** Builds the service out of its parts; nothing runs before `lifecycle.start()`. */
export function createSagaParticipant(deps: {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
}): SagaParticipant {
  const { config, logger, clock } = deps;
  const lifecycle = createLifecycle({ logger, deadlineMs: config.shutdownDeadlineMs, clock });
  const health = new Health({ clock, state: () => lifecycle.state });
  const metrics = createMetrics({ service: 'saga-participant' });
  const http = createHttpServer({
    handler: createHttpApp({ logger, health, metrics, routes: [] }),
    host: config.host,
    port: config.httpPort,
  });
  const grpc = createGrpcServer({
    host: config.host,
    port: config.grpcPort,
    services: [],
    health,
    descriptors: descriptorSet(),
  });
  // grpc.health.v1 says SERVING at once, not with its next look a second later.
  lifecycle.onState(() => void grpc.refreshHealth());
  // What others need comes first; the servers come last, so that they are the first to take no more work.
  lifecycle.register({
    name: 'metrics',
    close: () => {
      metrics.close();
    },
  });
  lifecycle.register(grpc);
  lifecycle.register(http);
  return { lifecycle, http, grpc };
}
