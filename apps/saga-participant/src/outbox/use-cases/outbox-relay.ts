import { backoffDelayMs } from '@coupon/messaging';
import type { EventPublisher, OutgoingMessage, PublishResult } from '@coupon/messaging';
import type { Clock, Component, Logger } from '@coupon/service-kit';
import type { Outbox, OutboxEvent } from './outbox';

export interface RelayMetrics {
  relayed(outcome: 'published' | 'returned' | 'failed', count: number): void;
  /** The database, or our way to it. */
  fault(): void;
}

export interface OutboxRelayOptions {
  /** Of the database, for logs. */
  readonly database: string;
  readonly outbox: Outbox;
  readonly publisher: EventPublisher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: RelayMetrics;
  readonly random: () => number;
  readonly mustReachQueue: (routingKey: string) => boolean;
  /** Declares queues again: an event came back that must reach one. */
  readonly restoreQueues: () => Promise<void>;
  /** How often the table is looked at when nobody wakes the relay. */
  readonly pollIntervalMs: number;
  /** Events per transaction. @default 200 */
  readonly batchSize?: number;
}

const BACKOFF = { minDelayMs: 50, maxDelayMs: 2_000 } as const;

/**
 * Moves the events of one outbox to the broker: at least once, by id within a batch. An event is marked after its confirm; one that is refused
 * or returned stays, is passed by for the rest of the round, and is tried again in the next.
 */
export class OutboxRelay implements Component {
  readonly name: string;
  private loop: Promise<void> | undefined;
  private stopped = false;
  /** Something was committed since the round began. */
  private woken = false;
  private wakeNow: (() => void) | undefined;
  private endPause: (() => void) | undefined;
  private faults = 0;

  constructor(private readonly options: OutboxRelayOptions) {
    this.name = `outbox relay ${options.database}`;
  }

  start(): void {
    this.loop ??= this.run();
  }

  /** There are new events: the next round begins at once. Costs nothing while one is under way, and does not shorten pauses after faults. */
  wake(): void {
    this.woken = true;
    this.wakeNow?.();
  }

  stopIntake(): void {
    this.stopped = true;
    this.endPause?.();
  }

  /** What is not published stays where it is, for another relay or the next start. */
  async drain(): Promise<void> {
    this.stopIntake();
    await this.loop;
  }

  close(): void {
    this.stopIntake();
  }

  private async run(): Promise<void> {
    const { pollIntervalMs, random } = this.options;
    while (!this.stopped) {
      this.woken = false;
      const clean = await this.round();
      this.faults = clean ? 0 : this.faults + 1;
      if (this.stopped) return;
      if (!clean) await this.pause(backoffDelayMs(this.faults, { ...BACKOFF, random }), false);
      else if (!this.woken) await this.pause(pollIntervalMs, true);
    }
  }

  /** Everything that is there now. @returns false when something could not be published. */
  private async round(): Promise<boolean> {
    const { outbox, publisher, batchSize = 200, logger, metrics, database } = this.options;
    let clean = true;
    let afterId = 0n;
    try {
      while (!this.stopped && publisher.status.state === 'open') {
        const batch = await outbox.relay({ afterId, limit: batchSize }, (events) => this.publish(events));
        clean &&= batch.published === batch.taken;
        if (batch.lastId === undefined || batch.taken < batchSize) return clean;
        afterId = batch.lastId;
      }
      return this.stopped;
    } catch (error) {
      metrics.fault();
      logger.warn({ err: error, database }, 'events of the outbox were not relayed, they will be taken again');
      return false;
    }
  }

  /** @returns the events that the broker has. */
  private async publish(events: readonly OutboxEvent[]): Promise<readonly OutboxEvent[]> {
    const { publisher, metrics, mustReachQueue } = this.options;
    const results = await publisher.publishBatch(
      events.map((event) => toMessage(event, mustReachQueue(event.routingKey))),
    );
    const published = events.filter((_, at) => results[at]?.kind === 'confirmed');
    const returned = results.filter(({ kind }) => kind === 'returned').length;
    if (published.length > 0) metrics.relayed('published', published.length);
    if (returned > 0) metrics.relayed('returned', returned);
    const failed = events.length - published.length - returned;
    if (failed > 0) metrics.relayed('failed', failed);
    if (published.length < events.length) await this.repair(results);
    return published;
  }

  private async repair(results: readonly PublishResult[]): Promise<void> {
    const { logger, database, restoreQueues } = this.options;
    const failure = results.find((result) => result.kind === 'failed');
    const returned = results.find((result) => result.kind === 'returned');
    logger.warn(
      { err: failure?.error, reason: returned?.reason, database, count: results.length },
      'the broker did not take all events, the others will be published again',
    );
    if (returned === undefined) return;
    try {
      await restoreQueues();
    } catch (error) {
      logger.error({ err: error, database }, 'the queues of events that must reach one cannot be declared');
    }
  }

  private async pause(ms: number, untilWoken: boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      this.endPause = () => {
        cancel();
        resolve();
      };
      const cancel = this.options.clock.after(ms, resolve);
      this.wakeNow = untilWoken ? this.endPause : undefined;
    });
    this.wakeNow = undefined;
    this.endPause = undefined;
  }
}

function toMessage(event: OutboxEvent, mandatory: boolean): OutgoingMessage {
  return {
    id: event.eventId,
    type: event.routingKey,
    body: event.body,
    timestampMs: event.createdMs,
    headers: event.headers,
    mandatory,
  };
}
