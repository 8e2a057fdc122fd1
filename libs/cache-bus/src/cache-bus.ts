import { UnsettledChanges, settledVersion } from '@coupon/cache';
import type { Heartbeat, HeartbeatFreshness, TieredCache } from '@coupon/cache';
import { BINLOG_EXCHANGE, CACHE_EXCHANGE } from '@coupon/contracts';
import { AmqpConnection, RabbitMqSubscriber } from '@coupon/messaging';
import type { MessagingLogger } from '@coupon/messaging';
import { readAnnouncement } from './announcement';
import type { Announcement } from './announcement';
import { readNotice } from './cache-notice';
import { affectedBy } from './table-keys';
import type { TableKeys } from './table-keys';

/** A cache of this process and what its keys depend on. */
export interface ListeningCache {
  readonly cache: Pick<TieredCache<never, unknown>, 'name' | 'drop' | 'dropAll'>;
  readonly tables: readonly TableKeys[];
}

export interface CacheBusOptions {
  /** amqp:// or amqps:// with the virtual host as its path. */
  readonly url: string;
  /** Shown in the broker's lists. */
  readonly name: string;
  readonly caches: readonly ListeningCache[];
  /** Shared by these caches. */
  readonly freshness: Pick<HeartbeatFreshness, 'sent' | 'heard' | 'sharedTierReached' | 'lost' | 'isFresh'>;
  readonly logger: MessagingLogger;
  /** The clock of the caches. @default performance.now */
  readonly nowMs?: () => number;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** Counts since the start. */
export interface CacheBusStats {
  readonly state: 'connecting' | 'open' | 'blocked' | 'closed';
  readonly fresh: boolean;
  /** Since the last heartbeat; null before the first. */
  readonly heartbeat_age_ms: number | null;
  readonly heartbeats: number;
  readonly changes: number;
  readonly dropped_keys: number;
  readonly dropped_caches: number;
  readonly unreadable: number;
  readonly lost_queues: number;
  /** Changes that will be dropped once more, when it is sure that whoever reads the database sees them. */
  readonly unsettled: number;
}

/** What a change dropped: keys, or with null the whole cache. */
interface Drop {
  readonly cache: ListeningCache['cache'];
  readonly keys: readonly string[] | null;
  readonly version: string;
}

/** Of them more than this are one: everything has changed. Seconds of the most that is written. */
const MOST_UNSETTLED = 50_000;

/** Shorter than the default: while it waits, the caches are bypassed. */
const LONGEST_PAUSE_MS = 1_000;

/**
 * Hears of every change over a queue of its own and drops what it concerns from L1, in the order of the changes. A component of the service: it
 * starts without a broker, and without one the caches are not fresh and read their origin.
 */
export class CacheBus {
  readonly name = 'cache bus';
  private readonly connection: AmqpConnection;
  private readonly subscriber: RabbitMqSubscriber;
  private readonly nowMs: () => number;
  private readonly unsettled = new UnsettledChanges<Drop>();
  private heardAtMs: number | null = null;
  private readonly counts = {
    heartbeats: 0,
    changes: 0,
    dropped_keys: 0,
    dropped_caches: 0,
    unreadable: 0,
    lost_queues: 0,
  };

  constructor(private readonly options: CacheBusOptions) {
    const { url, name, logger, freshness, random = Math.random } = options;
    this.nowMs = options.nowMs ?? (() => performance.now());
    this.connection = new AmqpConnection({
      url,
      name: `${name} cache bus`,
      logger,
      random,
      maxDelayMs: LONGEST_PAUSE_MS,
    });
    this.subscriber = new RabbitMqSubscriber({
      connection: this.connection,
      logger,
      random,
      name: `${CACHE_EXCHANGE}.${name}`,
      exchanges: [BINLOG_EXCHANGE, CACHE_EXCHANGE],
      onMessage: (exchange, body) => {
        if (exchange === CACHE_EXCHANGE) this.noticed(body);
        else this.announced(readAnnouncement(body, this.concerns));
      },
      onLost: () => {
        this.counts.lost_queues += 1;
        this.unsettled.clear();
        freshness.lost();
        logger.warn({ name }, 'the queue of the caches is gone: they are bypassed until another one is heard');
      },
    });
  }

  async start(): Promise<void> {
    await this.subscriber.start();
  }

  async close(): Promise<void> {
    await this.subscriber.close();
    await this.connection.close();
  }

  stats(): CacheBusStats {
    const now = this.nowMs();
    return {
      state: this.subscriber.status.state,
      fresh: this.options.freshness.isFresh(now),
      heartbeat_age_ms: this.heardAtMs === null ? null : Math.round(now - this.heardAtMs),
      ...this.counts,
      unsettled: this.unsettled.size,
    };
  }

  private readonly concerns = (table: string): boolean =>
    this.options.caches.some(({ tables }) => tables.some((mapping) => mapping.table === table));

  private announced(announcement: Announcement): void {
    switch (announcement.kind) {
      case 'foreign':
        this.counts.changes += 1;
        return;
      case 'heartbeats':
        this.heard(announcement.beats);
        return;
      case 'unreadable':
        this.unreadable(announcement);
        return;
      case 'change':
        this.changed(announcement);
    }
  }

  private heard(beats: readonly Heartbeat[]): void {
    const now = this.nowMs();
    for (const beat of beats) {
      this.heardAtMs = now;
      this.counts.heartbeats += 1;
      for (const { cache, keys, version } of this.unsettled.heard(beat).changes)
        if (keys === null) cache.dropAll();
        else cache.drop(keys, settledVersion(version));
      this.options.freshness.heard(beat, now);
    }
  }

  private changed({ message, version }: Extract<Announcement, { kind: 'change' }>): void {
    this.counts.changes += 1;
    for (const { cache, tables } of this.options.caches) {
      const affected = affectedBy(message, tables);
      if (affected.kind === 'all') this.dropAll(cache, affected.because);
      else if (affected.kind === 'keys') {
        this.counts.dropped_keys += affected.keys.length;
        cache.drop(affected.keys, version);
        this.settleLater({ cache, keys: affected.keys, version });
      }
    }
  }

  /** Whoever drops L2 keeps the message for people to see; here it is enough to know nothing any more. */
  private unreadable({ table, code, reason }: Extract<Announcement, { kind: 'unreadable' }>): void {
    this.counts.unreadable += 1;
    for (const { cache, tables } of this.options.caches)
      if (table === '' || tables.some((mapping) => mapping.table === table)) this.dropAll(cache, `${code}: ${reason}`);
  }

  private dropAll(cache: ListeningCache['cache'], because: string): void {
    this.counts.dropped_caches += 1;
    cache.dropAll();
    this.settleLater({ cache, keys: null, version: '' });
    this.options.logger.warn({ cache: cache.name, because }, 'cache dropped as a whole');
  }

  private settleLater(drop: Drop): void {
    if (this.unsettled.size >= MOST_UNSETTLED) {
      this.unsettled.clear();
      for (const { cache } of this.options.caches) this.unsettled.announced({ cache, keys: null, version: '' });
    } else this.unsettled.announced(drop);
  }

  private noticed(body: Buffer): void {
    const { freshness } = this.options;
    const notice = readNotice(body);
    const now = this.nowMs();
    if (notice?.kind === 'sent') freshness.sent(notice.heartbeat, now);
    for (const progress of notice?.kind === 'l2-reached' ? notice.progress : [])
      freshness.sharedTierReached(progress, now);
  }
}
