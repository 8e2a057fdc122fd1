import type { ActivityId } from '@coupon/domain';
import type { EventPublisher, OutgoingMessage } from '@coupon/messaging';
import { backoffDelayMs } from '@coupon/messaging';
import { pause } from '@coupon/service-kit';
import type { Clock, Logger } from '@coupon/service-kit';

/** An event waiting in an activity's outbox. */
export interface OutboxEntry {
  readonly streamId: string;
  readonly type: string;
  readonly eventId: string;
  readonly seq: number;
  readonly body: string;
}

/** The outbox of activities: one Redis stream each, one consumer group for all relays. */
export interface Outbox {
  read(activityId: ActivityId, options: { consumer: string; count: number }): Promise<OutboxEntry[]>;
  /** Entries another relay took and never confirmed. */
  claimStale(
    activityId: ActivityId,
    options: { consumer: string; minIdleMs: number; count: number },
  ): Promise<OutboxEntry[]>;
  /** Removes confirmed entries. */
  acknowledge(activityId: ActivityId, streamIds: readonly string[]): Promise<number>;
}

export interface RelayMetrics {
  relayed(count: number): void;
  notConfirmed(kind: 'returned' | 'failed', count: number): void;
  takenOver(count: number): void;
}

export interface RelayOptions {
  readonly outbox: Outbox;
  readonly publisher: EventPublisher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: RelayMetrics;
  readonly random: () => number;
  /** Name in the consumer group, unique among running relays. */
  readonly consumer: string;
  /** Entries per read. @default 250 */
  readonly batchSize?: number;
  /** Batches under way at once: while some wait for their confirms the next is read. @default 4 */
  readonly maxBatches?: number;
  /** An entry that was taken so long ago and is still there belongs to a relay that is gone. @default 30000 */
  readonly staleMs?: number;
  /** How often each stream is looked through for such entries. @default 10000 */
  readonly staleCheckMs?: number;
  /** Pauses between two looks at a stream without new entries: grow from the first to the second. @default 5 and 500 */
  readonly minIdleMs?: number;
  readonly maxIdleMs?: number;
}

interface Stream {
  readonly activityId: ActivityId;
  idleMs: number;
  nextReadMs: number;
  nextStaleMs: number;
  /** Batches of it that are being published again; nothing new is read until they are through. */
  retrying: number;
}

/**
 * Moves events from the outboxes to the broker (invariant 1). An entry leaves its stream only after the broker's confirm; what was returned
 * or not confirmed is published again with the same id, by us, or by whoever takes over when we are gone.
 */
export class RelayOutbox {
  private readonly streams = new Map<ActivityId, Stream>();
  private readonly underWay = new Set<Promise<void>>();
  private loop: Promise<void> | undefined;
  private wake: () => void = () => undefined;
  private readonly stopping = new AbortController();

  constructor(private readonly options: RelayOptions) {}

  /** Entries that were read and are not acknowledged yet, in batches. */
  get batchesUnderWay(): number {
    return this.underWay.size;
  }

  /** The activities to read from now on; new ones at once. */
  setActivities(activityIds: readonly ActivityId[]): void {
    const wanted = new Set(activityIds);
    for (const id of this.streams.keys()) if (!wanted.has(id)) this.streams.delete(id);
    const nowMs = this.options.clock.nowMs();
    for (const activityId of wanted) {
      if (this.streams.has(activityId)) continue;
      // What a relay before us has left behind is looked for right at the start.
      this.streams.set(activityId, { activityId, idleMs: 0, nextReadMs: nowMs, nextStaleMs: nowMs, retrying: 0 });
      this.wake();
    }
  }

  start(): void {
    this.loop ??= this.run();
  }

  /** Reads nothing more; resolves when what is under way has been confirmed or given up. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.loop;
    await Promise.all(this.underWay);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { maxBatches = 4 } = this.options;
    while (!signal.aborted) {
      if (this.underWay.size >= maxBatches) {
        await Promise.race(this.underWay);
        continue;
      }
      const stream = this.nextDue();
      if (stream === undefined) await this.untilNextDue();
      else await this.readOnce(stream);
    }
  }

  private nextDue(): Stream | undefined {
    const nowMs = this.options.clock.nowMs();
    let next: Stream | undefined;
    for (const stream of this.streams.values()) {
      if (stream.retrying > 0 || stream.nextReadMs > nowMs) continue;
      if (next === undefined || stream.nextReadMs < next.nextReadMs) next = stream;
    }
    return next;
  }

  private async untilNextDue(): Promise<void> {
    const { clock, maxIdleMs = 500 } = this.options;
    let dueMs = clock.nowMs() + maxIdleMs;
    for (const { retrying, nextReadMs } of this.streams.values()) {
      if (retrying === 0) dueMs = Math.min(dueMs, nextReadMs);
    }
    const waiting = new AbortController();
    this.wake = () => waiting.abort();
    await pause(Math.max(1, dueMs - clock.nowMs()), AbortSignal.any([waiting.signal, this.stopping.signal]));
  }

  private async readOnce(stream: Stream): Promise<void> {
    const { outbox, clock, consumer, batchSize = 250, minIdleMs = 5, maxIdleMs = 500, logger } = this.options;
    try {
      const entries = [
        ...(await this.takeOver(stream)),
        ...(await outbox.read(stream.activityId, { consumer, count: batchSize })),
      ];
      stream.idleMs = entries.length > 0 ? 0 : Math.min(maxIdleMs, Math.max(minIdleMs, stream.idleMs * 2));
      stream.nextReadMs = clock.nowMs() + stream.idleMs;
      if (entries.length > 0) this.launch(stream, entries);
    } catch (error) {
      logger.warn({ err: error, activity_id: stream.activityId }, 'outbox cannot be read');
      stream.nextReadMs = clock.nowMs() + maxIdleMs;
    }
  }

  private async takeOver(stream: Stream): Promise<OutboxEntry[]> {
    const { outbox, clock, consumer, batchSize = 250, staleMs = 30_000, staleCheckMs = 10_000 } = this.options;
    const nowMs = clock.nowMs();
    if (nowMs < stream.nextStaleMs) return [];
    const entries = await outbox.claimStale(stream.activityId, { consumer, minIdleMs: staleMs, count: batchSize });
    // A full page may not be the last one.
    stream.nextStaleMs = entries.length >= batchSize ? nowMs : nowMs + staleCheckMs;
    if (entries.length > 0) {
      this.options.metrics.takenOver(entries.length);
      this.options.logger.info({ activity_id: stream.activityId, count: entries.length }, 'entries taken over');
    }
    return entries;
  }

  private launch(stream: Stream, entries: readonly OutboxEntry[]): void {
    const work = this.deliver(stream, entries).finally(() => {
      this.underWay.delete(work);
      this.wake();
    });
    this.underWay.add(work);
  }

  /** Until everything is confirmed and acknowledged, or the relay stops: then the next one takes the rest over. */
  private async deliver(stream: Stream, entries: readonly OutboxEntry[]): Promise<void> {
    let rest = await this.publishOnce(stream, entries);
    if (rest.length === 0) return;
    stream.retrying += 1;
    for (let attempt = 1; rest.length > 0 && !this.stopping.signal.aborted; attempt += 1) {
      this.options.logger.warn(
        { activity_id: stream.activityId, count: rest.length, attempt },
        'events not confirmed, will be published again',
      );
      const { random } = this.options;
      await pause(backoffDelayMs(attempt, { minDelayMs: 50, maxDelayMs: 2_000, random }), this.stopping.signal);
      rest = await this.publishOnce(stream, rest);
    }
    stream.retrying -= 1;
  }

  private async publishOnce(stream: Stream, entries: readonly OutboxEntry[]): Promise<OutboxEntry[]> {
    const unconfirmed = await this.publish(stream.activityId, entries);
    const left = new Set(unconfirmed);
    const confirmed = left.size === 0 ? entries : entries.filter((entry) => !left.has(entry));
    await this.acknowledge(stream.activityId, confirmed);
    this.options.metrics.relayed(confirmed.length);
    return unconfirmed;
  }

  /** @returns the entries that nobody has confirmed. */
  private async publish(activityId: ActivityId, entries: readonly OutboxEntry[]): Promise<OutboxEntry[]> {
    const { publisher, clock, metrics } = this.options;
    const nowMs = clock.nowMs();
    const results = await publisher.publishBatch(entries.map((entry) => toMessage(activityId, entry, nowMs)));
    const unconfirmed = entries.filter((_, index) => results[index]?.kind !== 'confirmed');
    const returned = results.filter(({ kind }) => kind === 'returned').length;
    if (returned > 0) metrics.notConfirmed('returned', returned);
    if (unconfirmed.length > returned) metrics.notConfirmed('failed', unconfirmed.length - returned);
    return unconfirmed;
  }

  /** An entry that is confirmed and not acknowledged is only published once more, by whoever takes it over. */
  private async acknowledge(activityId: ActivityId, entries: readonly OutboxEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const { outbox, logger, random } = this.options;
    const streamIds = entries.map(({ streamId }) => streamId);
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      try {
        await outbox.acknowledge(activityId, streamIds);
        return;
      } catch (error) {
        logger.warn({ err: error, activity_id: activityId, attempt }, 'confirmed entries not acknowledged');
        await pause(backoffDelayMs(attempt, { minDelayMs: 50, maxDelayMs: 1_000, random }), this.stopping.signal);
      }
    }
  }
}

function toMessage(activityId: ActivityId, entry: OutboxEntry, nowMs: number): OutgoingMessage {
  return {
    id: entry.eventId,
    type: entry.type,
    body: entry.body,
    key: activityId,
    timestampMs: nowMs,
  };
}
