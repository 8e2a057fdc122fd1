import type { Delivery, DeliveryBatch } from '@coupon/messaging';
import { pause } from '@coupon/service-kit';
import type { Logger } from '@coupon/service-kit';
import type { DeadLetters, Rejection } from './dead-letters';
import type { Deferrals } from './deferrals';
import { readDelivery } from './incoming-event';
import type { IncomingEvent } from './incoming-event';
import type { PersistedMarks } from './persisted-marks';
import type { StoreClaims, StoreOutcome } from './store-claims.use-case';
import { AbandonedError } from './with-patience';
import type { Patience } from './with-patience';

export interface ConsumerMetrics {
  batch(events: number, seconds: number): void;
  outcome(kind: 'stored' | 'again' | 'deferred' | 'rejected', count: number): void;
  retry(step: string): void;
}

export interface ConsumeClaimsOptions {
  readonly storeClaims: StoreClaims;
  readonly deadLetters: DeadLetters;
  readonly deferrals: Deferrals;
  readonly marks: PersistedMarks;
  readonly metrics: ConsumerMetrics;
  readonly logger: Logger;
  readonly random: () => number;
  /** Aborts when the process cannot wait any longer. */
  readonly signal: AbortSignal;
  /** @default 3 */
  readonly maxAttempts?: number;
  /** @default 100 */
  readonly attemptDelayMs?: number;
}

/** One event and all deliveries of it in a batch. */
interface Item {
  readonly deliveries: Delivery[];
  readonly event: IncomingEvent;
}

/**
 * The consumer's use of a batch: read, store in one transaction, acknowledge strictly after the commit, then mark persisted (invariants 6
 * and 8). Whatever ends it in the middle leaves deliveries unacknowledged, and the unique keys make the second delivery harmless.
 */
export class ConsumeClaims {
  constructor(private readonly options: ConsumeClaimsOptions) {}

  async handle(batch: DeliveryBatch): Promise<void> {
    const { logger, random, signal, metrics } = this.options;
    const patience: Patience = {
      logger,
      random,
      signal: AbortSignal.any([batch.lost, signal]),
      onRetry: (step) => metrics.retry(step),
    };
    const startedMs = performance.now();
    try {
      const { items, unreadable } = this.read(batch.deliveries);
      await this.store(batch, [...items.values()], patience);
      await this.parkUnreadable(batch, unreadable, patience);
    } catch (error) {
      if (!(error instanceof AbandonedError)) throw error;
      logger.info({ count: batch.deliveries.length }, 'batch abandoned, it will be delivered again');
    }
    metrics.batch(batch.deliveries.length, (performance.now() - startedMs) / 1000);
  }

  private read(deliveries: readonly Delivery[]): { items: Map<string, Item>; unreadable: Delivery[] } {
    const items = new Map<string, Item>();
    const unreadable: Delivery[] = [];
    for (const delivery of deliveries) {
      const read = readDelivery(delivery);
      if (!read.ok) {
        unreadable.push(delivery);
        continue;
      }
      // Same content, same fate; another claim under the same number is an event of its own, for `StoreClaims` to judge.
      const { activity_id, event_seq, claim_id } = read.event.body;
      const key = `${activity_id}-${event_seq}-${claim_id}-${read.event.kind}`;
      const known = items.get(key);
      if (known === undefined) items.set(key, { event: read.event, deliveries: [delivery] });
      else known.deliveries.push(delivery);
    }
    return { items, unreadable };
  }

  private async store(batch: DeliveryBatch, items: readonly Item[], patience: Patience): Promise<void> {
    if (items.length === 0) return;
    const { storeClaims, marks } = this.options;
    const outcomes = await storeClaims.execute(
      items.map(({ event }) => event),
      patience,
    );
    const stored: Item[] = [];
    const rejected: { item: Item; rejection: Rejection }[] = [];
    for (const [index, item] of items.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) continue;
      if (outcome.kind === 'stored') stored.push(item);
      else if (outcome.kind === 'rejected') rejected.push({ item, rejection: outcome });
      else this.deferOrReject(batch, item, outcome, rejected, patience);
    }
    batch.ack(stored.flatMap(({ deliveries }) => deliveries));
    marks.add(stored.map(({ event }) => event));
    void marks.flush();
    this.countOutcomes(outcomes);
    await Promise.all(rejected.map(({ item, rejection }) => this.park(batch, item, rejection, patience)));
  }

  /** Deferred events wait beside the batches, so that those they wait for can come through. */
  private deferOrReject(
    batch: DeliveryBatch,
    { event, deliveries }: Item,
    outcome: Extract<StoreOutcome, { kind: 'deferred' }>,
    rejected: { item: Item; rejection: Rejection }[],
    patience: Patience,
  ): void {
    const { deferrals, logger } = this.options;
    const [first] = deliveries;
    if (first === undefined) return;
    if (deferrals.hasExpired(first)) {
      const reason = `${outcome.reason}; waited in vain for earlier events of the activity`;
      rejected.push({ item: { event, deliveries }, rejection: { code: outcome.code, reason, attempts: 1 } });
      return;
    }
    void deferrals.defer(first, patience).then(
      () => batch.ack(deliveries),
      (error: unknown) => {
        if (!(error instanceof AbandonedError)) logger.error({ err: error }, 'event could not be deferred');
      },
    );
  }

  private async park(
    batch: DeliveryBatch,
    { event, deliveries }: Item,
    rejection: Rejection,
    patience: Patience,
  ): Promise<void> {
    const [first] = deliveries;
    if (first === undefined) return;
    const { activity_id, event_seq, claim_id } = event.body;
    this.options.logger.error(
      { activity_id, event_seq, claim_id, reason_code: rejection.code, reason: rejection.reason },
      'event cannot be stored and goes to the dead-letter queue',
    );
    await this.options.deadLetters.park(first, event, rejection, patience);
    batch.ack(deliveries);
  }

  private async parkUnreadable(
    batch: DeliveryBatch,
    unreadable: readonly Delivery[],
    patience: Patience,
  ): Promise<void> {
    if (unreadable.length === 0) return;
    const { maxAttempts = 3, attemptDelayMs = 100, logger, deadLetters, metrics } = this.options;
    // Nothing will be different, but every message at fault gets the same number of attempts, and they are what the header tells.
    for (let attempt = 1; attempt < maxAttempts; attempt += 1) await pause(attemptDelayMs, patience.signal);
    await Promise.all(
      unreadable.map(async (delivery) => {
        const read = readDelivery(delivery);
        const { code, reason } = read.ok ? { code: 'INVALID_EVENT', reason: '' } : read;
        logger.error(
          { event_id: delivery.id, reason_code: code, reason },
          'message cannot be read and goes to the dead-letter queue',
        );
        await deadLetters.park(delivery, undefined, { code, reason, attempts: maxAttempts }, patience);
        batch.ack([delivery]);
      }),
    );
    metrics.outcome('rejected', unreadable.length);
  }

  private countOutcomes(outcomes: readonly StoreOutcome[]): void {
    const counts = { stored: 0, again: 0, deferred: 0, rejected: 0 };
    for (const outcome of outcomes) {
      if (outcome.kind === 'stored') counts[outcome.again ? 'again' : 'stored'] += 1;
      else counts[outcome.kind] += 1;
    }
    for (const [kind, count] of Object.entries(counts) as [keyof typeof counts, number][]) {
      if (count > 0) this.options.metrics.outcome(kind, count);
    }
  }
}
