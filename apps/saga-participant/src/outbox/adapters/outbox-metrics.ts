import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { RelayMetrics } from '../use-cases/outbox-relay';
import type { OutboxBacklog } from '../use-cases/outbox';
import type { TimeoutMetrics } from '../use-cases/payment-timeouts';

export interface OutboxMetrics {
  relay(database: string): RelayMetrics;
  backlog(database: string, backlog: OutboxBacklog): void;
  pruned(database: string, count: number): void;
  readonly timeouts: TimeoutMetrics;
}

/** Names and units in one place; alerts and dashboards refer to them. */
export function createOutboxMetrics(registry: Registry): OutboxMetrics {
  const registers = [registry];
  const events = new Counter({
    name: 'coupon_saga_outbox_events_total',
    help: 'Events given to the broker by outcome: published (confirmed), returned (no queue), failed; the last two are repeated.',
    labelNames: ['database', 'outcome'],
    registers,
  });
  const faults = new Counter({
    name: 'coupon_saga_outbox_faults_total',
    help: 'Rounds of the relay that a fault has ended.',
    labelNames: ['database'],
    registers,
  });
  const unpublished = new Gauge({
    name: 'coupon_saga_outbox_unpublished',
    help: 'Events that wait in the outbox.',
    labelNames: ['database'],
    registers,
  });
  const lag = new Gauge({
    name: 'coupon_saga_outbox_lag_seconds',
    help: 'Age of the oldest of them.',
    labelNames: ['database'],
    registers,
  });
  const pruned = new Counter({
    name: 'coupon_saga_outbox_pruned_total',
    help: 'Published events that were removed after their retention.',
    labelNames: ['database'],
    registers,
  });
  const timeouts = new Counter({
    name: 'coupon_saga_payment_timeouts_total',
    help: 'Messages of the timeout queue: handled, repeated (a fault), deferred (to the end of the queue), rejected (dead-lettered).',
    labelNames: ['outcome'],
    registers,
  });
  return {
    relay: (database) => ({
      relayed: (outcome, count) => events.inc({ database, outcome }, count),
      fault: () => faults.inc({ database }),
    }),
    backlog: (database, { events: count, oldestAgeSeconds }) => {
      unpublished.set({ database }, count);
      lag.set({ database }, oldestAgeSeconds);
    },
    pruned: (database, count) => pruned.inc({ database }, count),
    timeouts: { timeout: (outcome) => timeouts.inc({ outcome }) },
  };
}
