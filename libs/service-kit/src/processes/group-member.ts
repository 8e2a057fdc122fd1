import cluster from 'node:cluster';
import type { Registry } from 'prom-client';
import type { Component } from '../lifecycle/lifecycle';
import type { Metrics } from '../metrics/metrics';
import type { GroupMessage, MemberMessage } from './messages';

const GROUP_TIMEOUT_MS = 2_000;

/** True in the process that starts the others (see ProcessGroup), and in a service that is one process. */
export function isFirstProcess(): boolean {
  return cluster.isPrimary;
}

/**
 * One process of a ProcessGroup. Registered as the last component: it tells the group that everything before it has started, so that a
 * group is up only when all its processes serve.
 */
export class GroupMember implements Component {
  readonly name = 'process group';
  private readonly waiting = new Map<number, (text: string) => void>();
  private requests = 0;

  constructor(private readonly registry: Registry) {
    process.on('message', this.onMessage);
  }

  start(): void {
    this.tell({ kind: 'serving' });
  }

  close(): void {
    process.removeListener('message', this.onMessage);
  }

  /** Prometheus text of all processes together. Rejects when the group does not answer. */
  metrics(): Promise<string> {
    const request = (this.requests += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(request);
        reject(new Error('the process group does not answer'));
      }, GROUP_TIMEOUT_MS);
      this.waiting.set(request, (text) => {
        clearTimeout(timer);
        this.waiting.delete(request);
        resolve(text);
      });
      this.tell({ kind: 'group-metrics?', request });
    });
  }

  private readonly onMessage = (message: GroupMessage): void => {
    if (message.kind === 'group-metrics') {
      this.waiting.get(message.request)?.(message.text);
      return;
    }
    void this.registry.getMetricsAsJSON().then((metrics) => {
      this.tell({ kind: 'metrics', question: message.question, metrics });
    });
  };

  private tell(message: MemberMessage): void {
    if (process.connected) process.send?.(message);
  }
}

/** The same metrics, but rendered for the whole group. */
export function groupMetrics(metrics: Metrics, member: GroupMember): Metrics {
  return {
    ...metrics,
    render: async () => ({ contentType: metrics.registry.contentType, body: await member.metrics() }),
  };
}
