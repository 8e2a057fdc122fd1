import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Registry, collectDefaultMetrics } from 'prom-client';

/** Delay of the event loop since the last reading, milliseconds. */
export interface EventLoopDelay {
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}

/**
 * One registry per service: default process metrics, event-loop delay, and what the app adds with `registers: [metrics.registry]`.
 * Nothing is registered in prom-client's global registry.
 */
export interface Metrics {
  readonly registry: Registry;
  /** Text for `GET /metrics` and its content type. */
  render(): Promise<{ contentType: string; body: string }>;
  /** Since the last call; the Prometheus values (nodejs_eventloop_lag_*) are measured apart from it. */
  eventLoopDelay(): EventLoopDelay;
  close(): void;
}

export function createMetrics({ service }: { service: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  return {
    registry,
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    eventLoopDelay: () => {
      const reading = {
        p50_ms: toMs(delay.percentile(50)),
        p99_ms: toMs(delay.percentile(99)),
        max_ms: toMs(delay.count === 0 ? 0 : delay.max),
      };
      delay.reset();
      return reading;
    },
    close: () => {
      delay.disable();
      registry.clear();
    },
  };
}

function toMs(nanoseconds: number): number {
  return Math.round(nanoseconds / 1_000) / 1_000;
}
