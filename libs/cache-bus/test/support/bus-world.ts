import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { HeartbeatFreshness, RedisSharedTier, TieredCache, jsonCodec } from '@coupon/cache';
import { BINLOG_EXCHANGE, CACHE_EXCHANGE, HEARTBEAT_TABLE } from '@coupon/contracts';
import { createClaimRedis } from '@coupon/lua';
import { eventually } from '@coupon/testing';
import { CacheBus, L2Dropper, columnOf } from '../../src';
import type { TableKeys } from '../../src';
import { encodeNotice } from '../../src/cache-notice';

export const silentLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };

const CONFIRM_MS = 3_000;
export const ITEM_TABLE = 'items';
export const itemTables: readonly TableKeys[] = [{ table: ITEM_TABLE, keys: (row) => [columnOf(row, 'id')] }];

/** A Canal server's way to publish: text/plain, persistent, no headers, no message id. */
export class CanalDouble {
  private model: ChannelModel | undefined;
  private channel: ConfirmChannel | undefined;
  private batch = 0;
  private timer: NodeJS.Timeout | undefined;
  private beatMs = 0;
  private acknowledgedMs: number | undefined;

  constructor(private readonly url: () => string) {}

  async connect(): Promise<void> {
    const model = await connect(this.url());
    model.on('error', () => undefined);
    this.model = model;
    const channel = await model.createConfirmChannel();
    channel.on('error', () => undefined);
    this.channel = channel;
    for (const exchange of [BINLOG_EXCHANGE, CACHE_EXCHANGE])
      await channel.assertExchange(exchange, 'fanout', { durable: true });
  }

  /** Resolves when the broker has it in every queue that is bound. */
  async publish(body: string): Promise<void> {
    const { channel } = this;
    if (channel === undefined) throw new Error('not connected');
    await new Promise<void>((resolve, reject) => {
      // amqplib says nothing about what was open when the connection broke.
      const timer = setTimeout(() => reject(new Error('no confirm in time')), CONFIRM_MS);
      channel.publish(
        BINLOG_EXCHANGE,
        'any routing key',
        Buffer.from(body),
        { contentType: 'text/plain', deliveryMode: 2 },
        (error: unknown) => {
          clearTimeout(timer);
          if (error === null || error === undefined) resolve();
          else reject(new Error('not confirmed', { cause: error }));
        },
      );
    });
  }

  message(table: string, type: string, data: readonly object[] | null, more: object = {}): string {
    this.batch += 1;
    const now = Date.now();
    return JSON.stringify({
      data,
      database: 'coupon',
      es: now - (now % 1000),
      gtid: '',
      id: this.batch,
      isDdl: data === null,
      mysqlType: data === null ? null : {},
      old: type === 'UPDATE' ? (data ?? []).map(() => ({ version: '0' })) : null,
      pkNames: data === null ? null : ['id'],
      sql: '',
      sqlType: data === null ? null : {},
      table,
      ts: now,
      type,
      ...more,
    });
  }

  /** A row of the item table was changed. */
  async changed(...ids: readonly string[]): Promise<void> {
    await this.publish(
      this.message(
        ITEM_TABLE,
        'UPDATE',
        ids.map((id) => ({ id, version: String(this.batch) })),
      ),
    );
  }

  /** Heartbeats every 50 ms from now on. */
  beat(): void {
    this.timer ??= setInterval(() => void this.beatOnce(Date.now()).catch(() => undefined), 50);
  }

  /** Word of it straight to the listeners, and the row as it comes out of the binlog. */
  private async beatOnce(beatMs: number): Promise<void> {
    const acknowledgedMs = this.acknowledgedMs ?? this.beatMs;
    this.beatMs = beatMs;
    this.channel?.publish(
      CACHE_EXCHANGE,
      '',
      Buffer.from(encodeNotice({ kind: 'sent', heartbeat: { source: 'test', sentMs: beatMs } })),
    );
    const row = { source: 'test', beat: String(beatMs), acknowledged: String(acknowledgedMs) };
    await this.publish(this.message(HEARTBEAT_TABLE, 'UPDATE', [row]));
  }

  /** From now on the commits of heartbeats are not acknowledged. */
  holdCommits(): void {
    this.acknowledgedMs = this.beatMs - 1;
  }

  letCommit(): void {
    this.acknowledgedMs = undefined;
  }

  stopBeating(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  async close(): Promise<void> {
    this.stopBeating();
    const { model } = this;
    // Never settles when the connection breaks before the broker's answer.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CONFIRM_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      if (model === undefined) done();
      else model.close().then(done, done);
    });
    this.model = undefined;
    this.channel = undefined;
  }
}

/** What the database would hold, and how often it was asked. */
export class Origin {
  readonly values = new Map<string, number>();
  loads = 0;

  write(id: string, value: number): void {
    this.values.set(id, value);
  }

  load(ids: readonly string[]): Promise<(number | null)[]> {
    this.loads += ids.length;
    return Promise.resolve(ids.map((id) => this.values.get(id) ?? null));
  }
}

export interface Instance {
  readonly cache: TieredCache<string, number>;
  readonly bus: CacheBus;
  readonly freshness: HeartbeatFreshness;
  /** The value and where it came from. */
  read(id: string): Promise<readonly [value: number | null, level: string]>;
  close(): Promise<void>;
}

export async function startInstance(
  { amqp, redisUrl, origin }: { readonly amqp: string; readonly redisUrl: string; readonly origin: Origin },
  name = 'instance',
): Promise<Instance> {
  const redis = createClaimRedis(redisUrl, { commandTimeoutMs: 500 });
  redis.on('error', () => undefined);
  await redis.connect();
  const freshness = new HeartbeatFreshness();
  const cache = new TieredCache<string, number>({
    name: 'item',
    keyOf: String,
    codec: jsonCodec({ version: 1, parse: Number }),
    load: (ids) => origin.load(ids),
    l2: new RedisSharedTier({ redis, name: 'item', newToken: randomUUID }),
    maxWeightBytes: 2 ** 20,
    freshness,
  });
  const bus = new CacheBus({
    url: amqp,
    name,
    caches: [{ cache, tables: itemTables }],
    freshness,
    logger: silentLogger,
  });
  await bus.start();
  return {
    cache,
    bus,
    freshness,
    read: async (id) => {
      const result = await cache.get(id);
      return [result.kind === 'found' ? result.value : null, result.level];
    },
    close: async () => {
      await bus.close();
      await cache.close();
      redis.disconnect();
    },
  };
}

export interface RunningDropper {
  readonly dropper: L2Dropper;
  /** Invalidations that L2 was asked for, as key and version. */
  readonly calls: (readonly [key: string, version: string])[];
  close(): Promise<void>;
}

export async function startDropper(
  amqp: string,
  redisUrl: string,
  options: { readonly batchSize?: number; readonly patienceMs?: number } = {},
): Promise<RunningDropper> {
  const redis = createClaimRedis(redisUrl, { commandTimeoutMs: 500 });
  redis.on('error', () => undefined);
  await redis.connect();
  const tier = new RedisSharedTier({ redis, name: 'item', newToken: randomUUID });
  const calls: (readonly [string, string])[] = [];
  const dropper = new L2Dropper({
    url: amqp,
    name: 'test',
    logger: silentLogger,
    ...options,
    caches: [
      {
        name: 'item',
        tables: itemTables,
        tier: {
          invalidate: async (key, version) => {
            await tier.invalidate(key, version);
            calls.push([key, version]);
          },
          invalidateAll: (version) => tier.invalidateAll(version),
        },
      },
    ],
  });
  await dropper.start();
  return {
    dropper,
    calls,
    close: async () => {
      dropper.stopIntake();
      await dropper.drain();
      await dropper.close();
      redis.disconnect();
    },
  };
}

export async function untilFresh(...instances: readonly Instance[]): Promise<void> {
  await eventually(() => instances.every(({ bus }) => bus.stats().fresh), { timeoutMs: 15_000 });
}
