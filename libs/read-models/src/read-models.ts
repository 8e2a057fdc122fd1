import { HeartbeatFreshness, RedisSharedTier, TieredCache, registerCacheMetrics } from '@coupon/cache';
import type { CacheResult, CacheStatsView } from '@coupon/cache';
import { CacheBus, registerCacheBusMetrics } from '@coupon/cache-bus';
import type { CacheBusStats, ListeningCache } from '@coupon/cache-bus';
import type { ActivityId, TemplateId, UserId } from '@coupon/domain';
import { createClaimRedis } from '@coupon/lua';
import type { PrismaClient } from '@coupon/persistence';
import type { Registry } from 'prom-client';
import { activityCounts, activityTerms, hottestActivities } from './activity.read-model';
import type { ActivityCounts, ActivityTerms } from './activity.read-model';
import type { ReadModelComponent, ReadModelLogger } from './component';
import type { ReadModel } from './read-model';
import { hottestTemplates, templateCounts, templateTerms } from './template.read-model';
import type { TemplateCounts, TemplateTerms } from './template.read-model';
import { userCoupons } from './user-coupons.read-model';
import type { UserCoupons } from './user-coupons.read-model';
import { WarmUp } from './warm-up';
import type { WarmUpStats } from './warm-up';
import { registerWarmUpMetrics } from './warm-up-metrics';

export interface CacheSettings {
  /** amqp:// or amqps:// of the bus; without it nothing is cached. */
  readonly amqpUrl: string;
  /** Of L2. Null: L1 and the database only. All services and the worker that drops L2 must name the same one. */
  readonly redisUrl: string | null;
  /** Of all caches together. */
  readonly l1WeightBytes: number;
  readonly l1TtlMs: number;
  readonly l2TtlMs: number;
  /** Templates to load at the start, and as many activities. */
  readonly warmUpTemplates: number;
}

export interface ReadModelsOptions {
  readonly prisma: PrismaClient;
  /** Null: every read is one of the database. */
  readonly settings: CacheSettings | null;
  /** Of the service, for the broker's and Redis' lists. */
  readonly name: string;
  /** Never the same twice, in any process. */
  readonly newToken: () => string;
  readonly logger: ReadModelLogger;
}

/** Reads values by key; they are frozen and shared. Rejects with the error of the database, or CacheLoadTimeoutError. */
export interface Reads<K, V> {
  /**
   * Null: there is no such row.
   * @param onStale called when the database could not be read and the answer is the last one that was known, for a minute at most
   */
  get(key: K, onStale?: () => void): Promise<V | null>;
  getMany(keys: readonly K[], onStale?: () => void): Promise<(V | null)[]>;
  /** A change of one's own was committed: this process does not answer with anything older from now on. */
  changed(keys: readonly K[]): void;
}

export interface ReadModelStats {
  readonly bus: CacheBusStats;
  readonly caches: readonly CacheStatsView[];
  readonly warm_up: WarmUpStats;
}

export interface ReadModels {
  readonly templates: Reads<TemplateId, TemplateTerms>;
  readonly templateCounts: Reads<TemplateId, TemplateCounts>;
  readonly activities: Reads<ActivityId, ActivityTerms>;
  readonly activityCounts: Reads<ActivityId, ActivityCounts>;
  readonly userCoupons: Reads<UserId, UserCoupons>;
  /** In the order of their start; before the servers. */
  readonly components: readonly ReadModelComponent[];
  /** Null when nothing is cached. */
  stats(): ReadModelStats | null;
  registerMetrics(registry: Registry): void;
}

/** Shares of L1. What many read is small. */
const SHARE = { templates: 0.2, templateCounts: 0.05, activities: 0.1, activityCounts: 0.05, userCoupons: 0.6 };
/**
 * L2 is read only while the process that drops it is at most half a second behind what was heard here, so that what was dropped here longer ago
 * than this need not be told to it.
 */
const DROP_MEMORY_MS = 5_000;
const REDIS_COMMAND_MS = 300;
/** The counters of a sale change many times a second, and everybody looks at them: whoever comes next shall not have to wait. */
const RELOAD_READ_WITHIN_MS = 1_000;

/** The caches of a service with everything they need; nothing is started yet. */
export function createReadModels({ prisma, settings, name, newToken, logger }: ReadModelsOptions): ReadModels {
  if (settings === null) return uncached(prisma);
  const redis =
    settings.redisUrl === null
      ? null
      : createClaimRedis(settings.redisUrl, { connectionName: `${name} caches`, commandTimeoutMs: REDIS_COMMAND_MS });
  const freshness = new HeartbeatFreshness({ sharedTierConfirms: redis !== null });
  const listening: ListeningCache[] = [];
  const caches: TieredCache<never, unknown>[] = [];
  const open = <K extends string, V>(model: ReadModel<K, V>, share: number): TieredCache<K, V> => {
    const cache = new TieredCache<K, V>({
      name: model.name,
      keyOf: model.keyOf,
      codec: model.codec,
      load: model.loader(prisma),
      l2: redis === null ? null : new RedisSharedTier({ redis, name: model.name, newToken }),
      maxWeightBytes: Math.max(1024, Math.floor(settings.l1WeightBytes * share)),
      l1TtlMs: settings.l1TtlMs,
      l2TtlMs: settings.l2TtlMs,
      dropMemoryMs: DROP_MEMORY_MS,
      reloadReadWithinMs: RELOAD_READ_WITHIN_MS,
      freshness,
    });
    listening.push({ cache, tables: model.tables });
    caches.push(cache as unknown as TieredCache<never, unknown>);
    return cache;
  };
  const opened = {
    templates: open(templateTerms, SHARE.templates),
    templateCounts: open(templateCounts, SHARE.templateCounts),
    activities: open(activityTerms, SHARE.activities),
    activityCounts: open(activityCounts, SHARE.activityCounts),
    userCoupons: open(userCoupons, SHARE.userCoupons),
  };
  const bus = new CacheBus({ url: settings.amqpUrl, name, caches: listening, freshness, logger });
  const warmUp = new WarmUp({
    hot: [
      {
        keys: () => hottestTemplates(prisma, settings.warmUpTemplates),
        caches: [opened.templates, opened.templateCounts],
      },
      {
        keys: () => hottestActivities(prisma, settings.warmUpTemplates),
        caches: [opened.activities, opened.activityCounts],
      },
    ],
    freshness: {
      isReady: () => freshness.isFresh(performance.now()),
      get lapses() {
        return freshness.lapses;
      },
    },
    logger,
  });
  return {
    templates: readsOf(opened.templates, newToken),
    templateCounts: readsOf(opened.templateCounts, newToken),
    activities: readsOf(opened.activities, newToken),
    activityCounts: readsOf(opened.activityCounts, newToken),
    userCoupons: readsOf(opened.userCoupons, newToken),
    components: [
      ...(redis === null ? [] : [redisComponent(redis, logger)]),
      bus,
      warmUp,
      {
        name: 'caches',
        close: async () => {
          await Promise.all(caches.map((cache) => cache.close()));
        },
      },
    ],
    stats: () => ({ bus: bus.stats(), caches: caches.map((cache) => cache.stats()), warm_up: warmUp.stats() }),
    registerMetrics: (registry) => {
      registerCacheMetrics(registry, caches);
      registerCacheBusMetrics(registry, bus);
      registerWarmUpMetrics(registry, warmUp);
    },
  };
}

function readsOf<K extends string, V>(cache: TieredCache<K, V>, newToken: () => string): Reads<K, V> {
  const valueOf = (result: CacheResult<V>, onStale?: () => void): V | null => {
    if (result.stale) onStale?.();
    return result.kind === 'found' ? result.value : null;
  };
  return {
    get: async (key, onStale) => valueOf(await cache.get(key), onStale),
    getMany: async (keys, onStale) => (await cache.getMany(keys)).map((result) => valueOf(result, onStale)),
    // Its announcement by the binlog has another version, which drops the keys once more.
    changed: (keys) => cache.drop(keys, `own-${newToken()}`),
  };
}

function uncached(prisma: PrismaClient): ReadModels {
  const open = <K extends string, V>(model: ReadModel<K, V>): Reads<K, V> => {
    const load = model.loader(prisma);
    return {
      get: async (key) => (await load([key]))[0] ?? null,
      getMany: async (keys) => [...(await load(keys))],
      changed: () => undefined,
    };
  };
  return {
    templates: open(templateTerms),
    templateCounts: open(templateCounts),
    activities: open(activityTerms),
    activityCounts: open(activityCounts),
    userCoupons: open(userCoupons),
    components: [],
    stats: () => null,
    registerMetrics: () => undefined,
  };
}

function redisComponent(redis: ReturnType<typeof createClaimRedis>, logger: ReadModelLogger): ReadModelComponent {
  // ioredis repeats the error with every attempt to connect.
  let silent = false;
  redis.on('error', (error: unknown) => {
    if (!silent) logger.warn({ err: error }, 'the Redis of the caches cannot be used');
    silent = true;
  });
  redis.on('ready', () => {
    silent = false;
  });
  return {
    name: 'redis of the caches',
    start: async () => {
      try {
        await redis.connect();
      } catch (error) {
        logger.warn({ err: error }, 'no connection to the Redis of the caches yet');
      }
    },
    close: () => redis.disconnect(),
  };
}
