import type { Heartbeat, SharedTier } from '@coupon/cache';
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
}

/** What a batch of messages asks for. */
interface Plan {
  /** By cache: the keys and, for each, the changes. */
  readonly keys: Map<SharedCache, Map<string, string[]>>;
  readonly all: Map<SharedCache, string>;
  readonly beats: Map<string, Heartbeat>;
  readonly poisoned: {
    readonly delivery: Delivery;
    readonly code: string;
    readonly reason: string;
    readonly version: string;
  }[];
}

const AT_ONCE = 256;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Drops from L2 what has changed: one consumer in the fleet, others stand by. A change is acknowledged when L2 has taken its invalidation, which is
 * repeated until it has. After a heartbeat it tells everybody how far it is. What cannot be read is parked in the dead-letter queue, and
 * everything it may have concerned is dropped.
 */
export class L2Dropper {
  readonly name = 'shared cache level';
  private readonly connection: AmqpConnection;
  private readonly publishing: AmqpConnection;
  private readonly continuity: QueueContinuity;
  private readonly consumer: RabbitMqConsumer;
  private readonly publisher: RabbitMqPublisher;
  private readonly random: () => number;
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
      prefetch: 4 * batchSize,
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
    return { state: this.consumer.status.state, ...this.counts };
  }

  private async handle(batch: DeliveryBatch): Promise<void> {
    if (this.continuity.isBroken) await this.makeUpForTheGap(batch.lost);
    const plan = this.planOf(batch.deliveries);
    for (const poison of plan.poisoned) await this.park(poison, batch.lost);
    await this.drop(plan, batch.lost);
    batch.ack(batch.deliveries);
    // Not waited for: a broker that is slow to confirm must not hold up the next changes.
    if (plan.beats.size > 0) void this.confirm(plan.beats.values());
  }

  /** Changes may be missing in the queue, and nobody can say which. */
  private async makeUpForTheGap(lost: AbortSignal): Promise<void> {
    await this.untilDone(() => this.continuity.examine(), lost);
    if (!this.continuity.isBroken) return;
    this.counts.gaps += 1;
    this.options.logger.warn({}, 'changes may have been lost: everything is dropped from the shared cache level');
    const version = `gap-${Math.floor(this.random() * 2 ** 48).toString(36)}`;
    for (const cache of this.options.caches) await this.dropAll(cache, version, lost);
    await this.untilDone(() => this.continuity.restored(), lost);
  }

  private planOf(deliveries: readonly Delivery[]): Plan {
    const plan: Plan = { keys: new Map(), all: new Map(), beats: new Map(), poisoned: [] };
    for (const delivery of deliveries) {
      const announcement = readAnnouncement(delivery.body);
      if (announcement.kind === 'heartbeats') {
        for (const beat of announcement.beats) plan.beats.set(beat.source, beat);
      } else if (announcement.kind === 'change') {
        this.counts.changes += 1;
        this.planChange(plan, announcement.message, announcement.version);
      } else {
        const { table, ...poison } = announcement;
        plan.poisoned.push({ delivery, ...poison });
        for (const cache of this.options.caches)
          if (table === '' || cache.tables.some((mapping) => mapping.table === table))
            plan.all.set(cache, poison.version);
      }
    }
    return plan;
  }

  private planChange(plan: Plan, message: Parameters<typeof affectedBy>[0], version: string): void {
    for (const cache of this.options.caches) {
      const affected = affectedBy(message, cache.tables);
      if (affected.kind === 'all') {
        this.options.logger.warn({ cache: cache.name, because: affected.because }, 'cache dropped as a whole');
        plan.all.set(cache, version);
      } else if (affected.kind === 'keys') {
        const keys = plan.keys.get(cache) ?? new Map<string, string[]>();
        plan.keys.set(cache, keys);
        for (const key of affected.keys) {
          const versions = keys.get(key);
          if (versions === undefined) keys.set(key, [version]);
          else versions.push(version);
        }
      }
    }
  }

  private async drop(plan: Plan, lost: AbortSignal): Promise<void> {
    for (const [cache, version] of plan.all) await this.dropAll(cache, version, lost);
    for (const [{ tier }, keys] of plan.keys) {
      const work = [...keys];
      for (let from = 0; from < work.length; from += AT_ONCE) {
        const some = work.slice(from, from + AT_ONCE);
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
  }

  private async dropAll({ tier }: SharedCache, version: string, lost: AbortSignal): Promise<void> {
    await this.untilDone(() => tier.invalidateAll(version), lost);
    this.counts.dropped_caches += 1;
  }

  private async park({ delivery, code, reason }: Plan['poisoned'][number], lost: AbortSignal): Promise<void> {
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
  private async confirm(beats: Iterable<Heartbeat>): Promise<void> {
    const [result] = await this.publisher.publishBatch([
      { id: 'l2-reached', type: '', body: confirmationOf(beats), timestampMs: Date.now(), mandatory: false },
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
