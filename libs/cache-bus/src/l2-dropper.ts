import { UnsettledChanges, settledVersion } from '@coupon/cache';
import type { Heartbeat, SharedTier, SharedTierProgress } from '@coupon/cache';
import { BINLOG_L2_QUEUE, CACHE_EXCHANGE } from '@coupon/contracts';
import {
  AmqpConnection,
  QueueContinuity,
  RabbitMqConsumer,
  RabbitMqPublisher,
  backoffDelayMs,
  binlogTopology,
  deadLetterQueueOf,
} from '@coupon/messaging';
import type { Delivery, DeliveryBatch, MessagingLogger } from '@coupon/messaging';
import { readAnnouncement } from './announcement';
import type { Announcement } from './announcement';
import { confirmationOf } from './confirmation';
import { affectedBy } from './table-keys';
import type { TableKeys } from './table-keys';

/** A cache's part in L2 and what its keys depend on. */
export interface SharedCache {
  readonly name: string;
  readonly tier: Pick<SharedTier, 'invalidate' | 'invalidateAll'>;
  readonly tables: readonly TableKeys[];
}

export interface L2DropperOptions {
  readonly url: string;
  /** Shown in the broker's lists. */
  readonly name: string;
  readonly caches: readonly SharedCache[];
  readonly logger: MessagingLogger;
  /** Of the broker's deliveries, handled together. @default 128 */
  readonly batchSize?: number;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** Counts since the start. */
export interface L2DropperStats {
  readonly state: 'connecting' | 'open' | 'blocked' | 'closed';
  readonly changes: number;
  readonly dropped_keys: number;
  readonly dropped_caches: number;
  readonly parked: number;
  readonly failures: number;
  /** Beginnings with a queue that may have lost changes: everything was dropped. */
  readonly gaps: number;
  readonly confirmations: number;
  /** Changes that will be dropped once more, when it is sure that whoever reads the database sees them. */
  readonly unsettled: number;
}

/** What a change means for one cache: keys, or with null all of them. */
interface Drop {
  readonly cache: SharedCache;
  readonly keys: readonly string[] | null;
  readonly version: string;
}

interface Change {
  /** Null: changes that were lost. */
  readonly delivery: Delivery | null;
  readonly drops: readonly Drop[];
}

type Unreadable = Extract<Announcement, { kind: 'unreadable' }>;

const AT_ONCE = 256;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** Of the broker's deliveries, held until their changes are settled: in batches. */
const BATCHES_HELD = 16;

/**
 * Drops from L2 what has changed: one consumer in the fleet, others stand by. After a heartbeat it tells everybody how far it is. What cannot be
 * read is parked in the dead-letter queue, and everything it may have concerned is dropped.
 *
 * A change is dropped when it is announced and again when it is settled (see UnsettledChanges); an invalidation is repeated until L2 has taken
 * it. Then the change is acknowledged to the broker: whoever takes over gets it again. When no heartbeat settles them and too many are held, they are
 * given up for everything: the queue is marked as one that has lost changes, until everything was dropped.
 */
export class L2Dropper {
  readonly name = 'shared cache level';
  private readonly connection: AmqpConnection;
  private readonly publishing: AmqpConnection;
  private readonly continuity: QueueContinuity;
  private readonly consumer: RabbitMqConsumer;
  private readonly publisher: RabbitMqPublisher;
  private readonly random: () => number;
  private readonly unsettled = new UnsettledChanges<Change>();
  private readonly mostHeld: number;
  /** Ends with the channel that the deliveries belong to. */
  private channel: AbortSignal | undefined;
  private makingUp = false;
  private stopped = false;
  private parkings = 0;
  private readonly counts = {
    changes: 0,
    dropped_keys: 0,
    dropped_caches: 0,
    parked: 0,
    failures: 0,
    gaps: 0,
    confirmations: 0,
  };

  constructor(private readonly options: L2DropperOptions) {
    const { url, name, logger, batchSize = 128, random = Math.random } = options;
    this.random = random;
    this.mostHeld = (BATCHES_HELD - 2) * batchSize;
    const connection = (purpose: string): AmqpConnection =>
      new AmqpConnection({ url, name: `${name} ${purpose}`, logger, random, maxDelayMs: LONGEST_PAUSE_MS });
    this.connection = connection('shared cache level');
    this.publishing = connection('shared cache level, publishing');
    this.continuity = new QueueContinuity(this.connection, BINLOG_L2_QUEUE);
    const topology = binlogTopology();
    this.consumer = new RabbitMqConsumer({
      connection: this.connection,
      logger,
      queue: BINLOG_L2_QUEUE,
      prefetch: BATCHES_HELD * batchSize,
      batchSize,
      batchWaitMs: 0,
      topology,
      continuity: this.continuity,
      random,
    });
    this.publisher = new RabbitMqPublisher({
      connection: this.publishing,
      logger,
      exchange: CACHE_EXCHANGE,
      topology,
      readyTimeoutMs: 1_000,
      random,
    });
  }

  async start(): Promise<void> {
    await this.publisher.start();
    await this.consumer.start((batch) => this.handle(batch));
  }

  stopIntake(): void {
    this.stopped = true;
  }

  async drain(): Promise<void> {
    await this.consumer.stop();
  }

  async close(): Promise<void> {
    this.stopped = true;
    await this.consumer.close();
    await this.publisher.close();
    await this.connection.close();
    await this.publishing.close();
  }

  stats(): L2DropperStats {
    return { state: this.consumer.status.state, ...this.counts, unsettled: this.unsettled.size };
  }

  private async handle({ deliveries, ack, lost }: DeliveryBatch): Promise<void> {
    if (this.channel !== lost) {
      this.channel = lost;
      this.unsettled.clear();
      this.makingUp = false;
    }
    if (this.continuity.isBroken && !this.makingUp) await this.makeUpForTheGap(lost);
    const announcements = deliveries.map((delivery) => ({ delivery, announcement: readAnnouncement(delivery.body) }));
    const changes = new Map<Delivery, Change>();
    for (const { delivery, announcement } of announcements) {
      if (announcement.kind === 'heartbeats') continue;
      if (announcement.kind === 'unreadable') await this.park(delivery, announcement, lost);
      changes.set(delivery, { delivery, drops: this.dropsOf(announcement) });
    }
    const drops = [...changes.values()].flatMap((change) => change.drops);
    await this.drop(drops, (version) => version, lost);
    const progress = new Map<string, SharedTierProgress>();
    const done: Delivery[] = [];
    for (const { delivery, announcement } of announcements) {
      const change = changes.get(delivery);
      if (change !== undefined && change.drops.length > 0) this.unsettled.announced(change);
      else done.push(delivery);
      if (announcement.kind !== 'heartbeats') continue;
      for (const beat of announcement.beats) {
        const settled = await this.settle(beat, lost);
        done.push(...settled.deliveries);
        progress.set(beat.source, { ...beat, settledMs: settled.settledMs });
      }
    }
    ack(done);
    if (this.unsettled.size >= this.mostHeld) await this.giveUpHeld(ack, lost);
    // Not waited for: a broker that is slow to confirm must not hold up the next changes.
    if (progress.size > 0) void this.confirm(progress.values());
  }

  private async settle(
    beat: Heartbeat,
    lost: AbortSignal,
  ): Promise<{ readonly deliveries: readonly Delivery[]; readonly settledMs: number }> {
    const { changes, settledMs } = this.unsettled.heard(beat);
    const drops = changes.flatMap((change) => change.drops);
    await this.drop(drops, settledVersion, lost);
    if (changes.some(({ delivery }) => delivery === null)) {
      await this.untilDone(() => this.continuity.restored(), lost);
      this.makingUp = false;
    }
    return { deliveries: changes.flatMap(({ delivery }) => delivery ?? []), settledMs };
  }

  /** Changes may be missing in the queue, and nobody can say which. */
  private async makeUpForTheGap(lost: AbortSignal): Promise<void> {
    await this.untilDone(() => this.continuity.examine(), lost);
    if (!this.continuity.isBroken) return;
    this.counts.gaps += 1;
    this.options.logger.warn({}, 'changes may have been lost: everything is dropped from the shared cache level');
    const version = `gap-${Math.floor(this.random() * 2 ** 48).toString(36)}`;
    const drops = this.options.caches.map((cache) => ({ cache, keys: null, version }));
    await this.drop(drops, (same) => same, lost);
    this.unsettled.announced({ delivery: null, drops });
    this.makingUp = true;
  }

  /** The broker sends nothing more while too much is held, and the heartbeat that would settle it may be behind. */
  private async giveUpHeld(ack: DeliveryBatch['ack'], lost: AbortSignal): Promise<void> {
    this.options.logger.warn({ held: this.unsettled.size }, 'no heartbeat among so many changes');
    await this.untilDone(() => this.continuity.broken(), lost);
    ack(this.unsettled.all().flatMap(({ delivery }) => delivery ?? []));
    this.unsettled.clear();
    await this.makeUpForTheGap(lost);
  }

  private dropsOf(announcement: Exclude<Announcement, { kind: 'heartbeats' }>): Drop[] {
    const { version } = announcement;
    if (announcement.kind === 'unreadable') {
      const { table } = announcement;
      return this.options.caches
        .filter(({ tables }) => table === '' || tables.some((mapping) => mapping.table === table))
        .map((cache) => ({ cache, keys: null, version }));
    }
    this.counts.changes += 1;
    return this.options.caches.flatMap((cache): Drop[] => {
      const affected = affectedBy(announcement.message, cache.tables);
      if (affected.kind === 'none') return [];
      if (affected.kind === 'keys') return [{ cache, keys: affected.keys, version }];
      this.options.logger.warn({ cache: cache.name, because: affected.because }, 'cache dropped as a whole');
      return [{ cache, keys: null, version }];
    });
  }

  private async drop(drops: readonly Drop[], versionOf: (version: string) => string, lost: AbortSignal): Promise<void> {
    const whole = new Map<SharedCache, string>();
    const single = new Map<SharedCache, Map<string, string[]>>();
    for (const { cache, keys, version } of drops) {
      if (keys === null) whole.set(cache, versionOf(version));
      const versionsOf = single.get(cache) ?? new Map<string, string[]>();
      single.set(cache, versionsOf);
      for (const key of keys ?? []) versionsOf.set(key, [...(versionsOf.get(key) ?? []), versionOf(version)]);
    }
    for (const [cache, version] of whole) await this.dropAll(cache, version, lost);
    for (const [cache, keys] of single) await this.dropKeys(cache, [...keys], lost);
  }

  private async dropKeys(
    { tier }: SharedCache,
    keys: readonly (readonly [key: string, versions: readonly string[]])[],
    lost: AbortSignal,
  ): Promise<void> {
    for (let from = 0; from < keys.length; from += AT_ONCE) {
      const some = keys.slice(from, from + AT_ONCE);
      await Promise.all(
        some.map(async ([key, versions]) => {
          // One after the other: L2 remembers all of them, the last one longest.
          for (const version of versions)
            await this.untilDone(() => Promise.resolve(tier.invalidate(key, version)), lost);
        }),
      );
      this.counts.dropped_keys += some.length;
    }
  }

  private async dropAll({ tier }: SharedCache, version: string, lost: AbortSignal): Promise<void> {
    await this.untilDone(() => tier.invalidateAll(version), lost);
    this.counts.dropped_caches += 1;
  }

  private async park(delivery: Delivery, { code, reason }: Unreadable, lost: AbortSignal): Promise<void> {
    this.options.logger.error({ code, reason }, 'a message of the binlog cannot be read; it is parked');
    this.parkings += 1;
    const message = {
      id: `${code}-${this.parkings}-${Math.floor(this.random() * 2 ** 48).toString(36)}`,
      type: 'canal.message',
      body: delivery.body,
      timestampMs: Date.now(),
      queue: deadLetterQueueOf(BINLOG_L2_QUEUE),
      headers: { code, reason },
    };
    await this.untilDone(async () => {
      const [result] = await this.publisher.publishBatch([message]);
      if (result?.kind === 'confirmed') return;
      throw result?.kind === 'failed' ? result.error : new Error(`not parked: ${result?.reason ?? 'no answer'}`);
    }, lost);
    this.counts.parked += 1;
  }

  /** Not repeated: the next heartbeat is on its way. */
  private async confirm(progress: Iterable<SharedTierProgress>): Promise<void> {
    const [result] = await this.publisher.publishBatch([
      { id: 'l2-reached', type: '', body: confirmationOf(progress), timestampMs: Date.now(), mandatory: false },
    ]);
    if (result?.kind === 'confirmed') this.counts.confirmations += 1;
    else this.counts.failures += 1;
  }

  /** Repeats until it has worked. @throws Error when the messages are somebody else's now, or it is time to stop */
  private async untilDone(work: () => Promise<void>, lost: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      if (lost.aborted) throw new Error('the queue is gone', { cause: lost.reason });
      try {
        await work();
        return;
      } catch (error) {
        this.counts.failures += 1;
        if (this.stopped) throw error;
        if (attempt === 1) this.options.logger.warn({ err: error }, 'not dropped from the shared cache level yet');
      }
      const delayMs = backoffDelayMs(attempt, {
        minDelayMs: FIRST_PAUSE_MS,
        maxDelayMs: LONGEST_PAUSE_MS,
        random: this.random,
      });
      await new Promise<void>((resolve) => setTimeout(resolve, delayMs));
    }
  }
}
