import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { ConsumerMetrics } from '../use-cases/consume-claims.use-case';
import type { RelayMetrics } from '../use-cases/relay-outbox.use-case';

export interface PipelineGauges {
  outbox(activityId: string, state: { length: number; pending: number; unmarked: number }): void;
  forget(activityId: string): void;
  queue(ready: number): void;
  unacknowledged(count: number): void;
  pendingMarks(count: number): void;
  deferred(count: number): void;
  deadLetters(state: { queued: number; indexed: number; oldestAgeSeconds: number }): void;
  conservation(activityId: string, verdict: string): void;
}

export interface ArchiveMetrics {
  outcome(outcome: 'archived' | 'refused'): void;
}

export interface WorkerMetrics {
  readonly consumer: ConsumerMetrics;
  readonly relay: RelayMetrics;
  readonly pipeline: PipelineGauges;
  readonly archive: ArchiveMetrics;
}

const VERDICTS = ['ok', 'in_flight', 'violation', 'unverified'] as const;

/** Names and units in one place; alerts and dashboards refer to them. */
export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  return {
    consumer: consumerMetrics([registry]),
    relay: relayMetrics([registry]),
    pipeline: pipelineGauges([registry]),
    archive: archiveMetrics([registry]),
  };
}

function consumerMetrics(registers: Registry[]): ConsumerMetrics {
  const events = new Counter({
    name: 'coupon_worker_events_total',
    help: 'Events of the work queue by outcome: stored, again (a redelivery), deferred, rejected (dead-lettered).',
    labelNames: ['outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'coupon_worker_batch_seconds',
    help: 'From taking a batch to its acknowledgement.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const size = new Histogram({
    name: 'coupon_worker_batch_events',
    help: 'Events per batch.',
    buckets: [1, 10, 50, 100, 250, 500, 1000, 2000],
    registers,
  });
  const retries = new Counter({
    name: 'coupon_worker_retries_total',
    help: 'Repetitions because of an infrastructure fault, by step.',
    labelNames: ['step'],
    registers,
  });
  return {
    batch: (count, duration) => {
      size.observe(count);
      seconds.observe(duration);
    },
    outcome: (outcome, count) => events.inc({ outcome }, count),
    retry: (step) => retries.inc({ step }),
  };
}

function relayMetrics(registers: Registry[]): RelayMetrics {
  const relayed = new Counter({
    name: 'coupon_relay_events_total',
    help: 'Events confirmed by the broker.',
    registers,
  });
  const unconfirmed = new Counter({
    name: 'coupon_relay_unconfirmed_total',
    help: 'Publishings that were returned (no queue) or failed; each is repeated.',
    labelNames: ['kind'],
    registers,
  });
  const takenOver = new Counter({
    name: 'coupon_relay_taken_over_total',
    help: 'Outbox entries taken over from a relay that is gone.',
    registers,
  });
  return {
    relayed: (count) => relayed.inc(count),
    notConfirmed: (kind, count) => unconfirmed.inc({ kind }, count),
    takenOver: (count) => takenOver.inc(count),
  };
}

function archiveMetrics(registers: Registry[]): ArchiveMetrics {
  const activities = new Counter({
    name: 'coupon_archive_activities_total',
    help: 'Attempts to remove an activity from Redis after its retention, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  return { outcome: (outcome) => activities.inc({ outcome }) };
}

function pipelineGauges(registers: Registry[]): PipelineGauges {
  const perActivity = (name: string, help: string): Gauge<'activity_id'> =>
    new Gauge({ name, help, labelNames: ['activity_id'], registers });
  const plain = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const length = perActivity('coupon_outbox_length', 'Entries in the outbox.');
  const pending = perActivity('coupon_outbox_pending', 'Entries of the outbox that a relay holds.');
  const unmarked = perActivity('coupon_events_unpersisted', 'Events numbered by Redis that are not marked as stored.');
  const ready = plain('coupon_claims_queue_ready', 'Messages ready in the work queue.');
  const held = plain('coupon_claims_unacknowledged', 'Deliveries this process holds.');
  const marks = plain('coupon_persisted_marks_pending', 'Marks waiting for Redis.');
  const deferred = plain('coupon_claims_deferred', 'Events waiting for earlier ones.');
  const dlqDepth = plain('coupon_dlq_depth', 'Messages in the dead-letter queue.');
  const dlqIndexed = plain('coupon_dlq_indexed', 'Entries of the dead-letter index that were not replayed.');
  const dlqAge = plain('coupon_dlq_oldest_age_seconds', 'Age of the oldest of them.');
  const verdicts = new Gauge({
    name: 'coupon_conservation',
    help: 'Verdict of the last conservation report: 1 for the one that holds.',
    labelNames: ['activity_id', 'verdict'],
    registers,
  });
  return {
    outbox: (activity_id, state) => {
      length.set({ activity_id }, state.length);
      pending.set({ activity_id }, state.pending);
      unmarked.set({ activity_id }, state.unmarked);
    },
    forget: (activity_id) => {
      for (const gauge of [length, pending, unmarked]) gauge.remove({ activity_id });
      for (const verdict of VERDICTS) verdicts.remove({ activity_id, verdict });
    },
    queue: (count) => ready.set(count),
    unacknowledged: (count) => held.set(count),
    pendingMarks: (count) => marks.set(count),
    deferred: (count) => deferred.set(count),
    deadLetters: ({ queued, indexed, oldestAgeSeconds }) => {
      dlqDepth.set(queued);
      dlqIndexed.set(indexed);
      dlqAge.set(oldestAgeSeconds);
    },
    conservation: (activity_id, verdict) => {
      for (const one of VERDICTS) verdicts.set({ activity_id, verdict: one }, one === verdict ? 1 : 0);
    },
  };
}
