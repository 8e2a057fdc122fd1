import { UnsettledChanges, settledVersion } from '@coupon/cache';
import type { Heartbeat, SharedTierProgress } from '@coupon/cache';
import { BINLOG_L2_QUEUE, CACHE_EXCHANGE } from '@coupon/contracts';
import {
  AmqpConnection,
  QueueContinuity,
  RabbitMqConsumer,
  RabbitMqPublisher,
  binlogTopology,
  deadLetterQueueOf,
} from '@coupon/messaging';
import type { Delivery, DeliveryBatch, MessagingLogger } from '@coupon/messaging';
import { readAnnouncement } from './announcement';
import type { Announcement } from './announcement';
import { encodeNotice } from './cache-notice';
import { L2Invalidations } from './l2-invalidations';
import type { L2Drop, SharedCache } from './l2-invalidations';
import { LONGEST_PAUSE_MS, OutOfPatience, Repeater } from './repeater';
import { affectedBy } from './table-keys';

export interface L2DropperOptions {
  readonly url: string;
  /** Shown in the broker's lists. */
  readonly name: string;
  readonly caches: readonly SharedCache[];
  readonly logger: MessagingLogger;
  /** Of the broker's deliveries, handled together. @default 128 */
  readonly batchSize?: number;
  /** How long changes wait for an L2 that is away, before everything counts as changed. @default 30000 */
  readonly patienceMs?: number;
  /** Milliseconds that only grow. @default performance.now */
  readonly nowMs?: () => number;
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

interface Change {
  /** Null: changes that were lost. */
  readonly delivery: Delivery | null;
  readonly drops: readonly L2Drop[];
}

type Unreadable = Extract<Announcement, { kind: 'unreadable' }>;

/** What nobody can read is parked, of whatever table. */
const ALL_TABLES = (): boolean => true;

const PATIENCE_MS = 30_000;
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
  /** Deliveries that are not acknowledged. */
  private readonly held = new Set<Delivery>();
  /** Ends with the channel that the deliveries belong to. */
  private channel: AbortSignal | undefined;
  private makingUp = false;
  private makeUpAtMs = -Infinity;
  private readonly nowMs: () => number;
  private readonly repeater: Repeater;
  private readonly invalidations: L2Invalidations;
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
    const nowMs = (this.nowMs = options.nowMs ?? (() => performance.now()));
    this.repeater = new Repeater({ logger, random, nowMs, onFailure: () => (this.counts.failures += 1) });
    this.invalidations = new L2Invalidations({
      repeater: this.repeater,
      patienceMs: options.patienceMs ?? PATIENCE_MS,
      onDropped: (what, count) => (this.counts[`dropped_${what}`] += count),
    });
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
    this.repeater.stop();
  }

  async drain(): Promise<void> {
    await this.consumer.stop();
  }

  async close(): Promise<void> {
    this.repeater.stop();
    await this.consumer.close();
    await this.publisher.close();
    await this.connection.close();
    await this.publishing.close();
  }

  stats(): L2DropperStats {
    return { state: this.consumer.status.state, ...this.counts, unsettled: this.unsettled.size };
  }

  private async handle(batch: DeliveryBatch): Promise<void> {
    const { deliveries, lost } = batch;
    if (this.channel !== lost) {
      this.channel = lost;
      this.unsettled.clear();
      this.held.clear();
      this.makingUp = false;
    }
    for (const delivery of deliveries) this.held.add(delivery);
    const announced = deliveries.map((delivery) => ({ delivery, ...this.read(delivery) }));
    for (const { delivery, announcement } of announced)
      if (announcement.kind === 'unreadable') await this.park(delivery, announcement, lost);
    if (this.continuity.isBroken && !this.makingUp && !(await this.makeUpForTheGap(lost))) {
      // What they ask for is done when everything is dropped.
      this.acknowledge(deliveries, batch);
      return;
    }
    try {
      const progress = await this.handleInOrder(announced, batch);
      // Not waited for: a broker that is slow to confirm must not hold up the next changes.
      if (progress.length > 0) void this.confirm(progress);
      if (this.held.size >= this.mostHeld) await this.giveUp('no heartbeat among so many changes', batch);
    } catch (error) {
      if (!(error instanceof OutOfPatience)) throw error;
      await this.giveUp('the shared cache level is away', batch);
    }
  }

  private async handleInOrder(
    announced: readonly {
      readonly delivery: Delivery;
      readonly announcement: Announcement;
      readonly drops: readonly L2Drop[];
    }[],
    batch: DeliveryBatch,
  ): Promise<SharedTierProgress[]> {
    const { lost } = batch;
    await this.invalidations.drop(
      announced.flatMap(({ drops }) => drops),
      (version) => version,
      lost,
    );
    const progress = new Map<string, SharedTierProgress>();
    const done: Delivery[] = [];
    for (const { delivery, announcement, drops } of announced) {
      if (drops.length > 0) this.unsettled.announced({ delivery, drops });
      else done.push(delivery);
      for (const beat of announcement.kind === 'heartbeats' ? announcement.beats : []) {
        const settled = await this.settle(beat, lost);
        done.push(...settled.deliveries);
        const settledMs = Math.max(settled.settledMs, progress.get(beat.source)?.settledMs ?? 0);
        progress.set(beat.source, { ...beat, settledMs });
      }
    }
    this.acknowledge(done, batch);
    return [...progress.values()];
  }

  private read({ body }: Delivery): { readonly announcement: Announcement; readonly drops: readonly L2Drop[] } {
    const announcement = readAnnouncement(body, ALL_TABLES);
    if (announcement.kind === 'unreadable') return { announcement, drops: this.dropsOfUnreadable(announcement) };
    return { announcement, drops: announcement.kind === 'change' ? this.dropsOf(announcement) : [] };
  }

  private async settle(
    beat: Heartbeat,
    lost: AbortSignal,
  ): Promise<{ readonly deliveries: readonly Delivery[]; readonly settledMs: number }> {
    const { changes, settledMs } = this.unsettled.heard(beat);
    const drops = changes.flatMap((change) => change.drops);
    await this.invalidations.drop(drops, settledVersion, lost);
    if (changes.some(({ delivery }) => delivery === null)) {
      await this.repeater.untilDone(() => this.continuity.restored(), lost);
      this.makingUp = false;
    }
    return { deliveries: changes.flatMap(({ delivery }) => delivery ?? []), settledMs };
  }

  /**
   * Changes may be missing in the queue, and nobody can say which: everything is dropped, and again when it is settled.
   * @returns whether L2 has taken it
   */
  private async makeUpForTheGap(lost: AbortSignal): Promise<boolean> {
    if (this.nowMs() < this.makeUpAtMs) return false;
    await this.repeater.untilDone(() => this.continuity.examine(), lost);
    if (!this.continuity.isBroken) return true;
    const version = `gap-${Math.floor(this.random() * 2 ** 48).toString(36)}`;
    const drops = this.options.caches.map((cache) => ({ cache, keys: null, version }));
    try {
      for (const { cache } of drops) await cache.tier.invalidateAll(version);
    } catch (error) {
      this.counts.failures += 1;
      this.options.logger.warn({ err: error }, 'the shared cache level cannot be dropped yet');
      this.makeUpAtMs = this.nowMs() + LONGEST_PAUSE_MS;
      return false;
    }
    this.counts.gaps += 1;
    this.counts.dropped_caches += drops.length;
    this.options.logger.warn({}, 'changes may have been lost: everything was dropped from the shared cache level');
    this.unsettled.announced({ delivery: null, drops });
    this.makingUp = true;
    return true;
  }

  /**
   * Changes are not held any longer: everything will be dropped instead. Either no heartbeat settles them, and the broker sends nothing more while
   * too much is held, perhaps not the heartbeat either; or L2 is away, and the queue would fill the broker.
   */
  private async giveUp(because: string, batch: DeliveryBatch): Promise<void> {
    this.options.logger.warn({ because, changes: this.held.size }, 'changes are given up');
    await this.repeater.untilDone(() => this.continuity.broken(), batch.lost);
    this.acknowledge([...this.held], batch);
    this.unsettled.clear();
    this.makingUp = false;
  }

  private acknowledge(deliveries: readonly Delivery[], batch: DeliveryBatch): void {
    for (const delivery of deliveries) this.held.delete(delivery);
    batch.ack(deliveries);
  }

  private dropsOfUnreadable({ table, version }: Unreadable): L2Drop[] {
    return this.options.caches
      .filter(({ tables }) => table === '' || tables.some((mapping) => mapping.table === table))
      .map((cache) => ({ cache, keys: null, version }));
  }

  private dropsOf({ message, version }: Extract<Announcement, { kind: 'change' }>): L2Drop[] {
    this.counts.changes += 1;
    return this.options.caches.flatMap((cache): L2Drop[] => {
      const affected = affectedBy(message, cache.tables);
      if (affected.kind === 'none') return [];
      if (affected.kind === 'keys') return [{ cache, keys: affected.keys, version }];
      this.options.logger.warn({ cache: cache.name, because: affected.because }, 'cache dropped as a whole');
      return [{ cache, keys: null, version }];
    });
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
    await this.repeater.untilDone(async () => {
      const [result] = await this.publisher.publishBatch([message]);
      if (result?.kind === 'confirmed') return;
      throw result?.kind === 'failed' ? result.error : new Error(`not parked: ${result?.reason ?? 'no answer'}`);
    }, lost);
    this.counts.parked += 1;
  }

  /** Not repeated: the next heartbeat is on its way. */
  private async confirm(progress: Iterable<SharedTierProgress>): Promise<void> {
    const [result] = await this.publisher.publishBatch([
      {
        id: 'l2-reached',
        type: '',
        body: encodeNotice({ kind: 'l2-reached', progress: [...progress] }),
        timestampMs: Date.now(),
        mandatory: false,
      },
    ]);
    if (result?.kind === 'confirmed') this.counts.confirmations += 1;
    else this.counts.failures += 1;
  }
}
