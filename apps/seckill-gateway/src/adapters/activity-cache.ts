import { HeartbeatFreshness, TieredCache, jsonCodec, registerCacheMetrics } from '@coupon/cache';
import type { CacheStatsView, Freshness } from '@coupon/cache';
import { CacheBus, columnOf, registerCacheBusMetrics } from '@coupon/cache-bus';
import type { CacheBusStats } from '@coupon/cache-bus';
import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import type { Component, Logger } from '@coupon/service-kit';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { ActivityDirectory, NotLoadedCode } from '../use-cases/activity-directory';
import type { PlannedStarts } from '../use-cases/early-refusals';
import type { AdminAnswer, AskAdmin } from './admin-activity-directory';

export interface ActivityCacheSettings {
  /** amqp:// or amqps:// of the bus. */
  readonly amqpUrl: string;
  readonly l1WeightBytes: number;
  readonly l1TtlMs: number;
}

/** Of an activity that coupon-admin knows. */
interface KnownActivity {
  /** Over for good and out of Redis. */
  readonly over: boolean;
  /** While it waits in Redis for its start, with nothing under way that could open or end it before; null otherwise. Epoch milliseconds. */
  readonly plannedStartMs: number | null;
}

export type ActivityCache = TieredCache<ActivityId, KnownActivity>;

/** Questions to coupon-admin under way. */
const MAX_ASKING = 50;
/** Moves with every batch of claims and says nothing about what is cached. */
const COUNTED_COLUMNS = ['success_count', 'updated_at'];

const knownActivity = z.object({ over: z.boolean(), plannedStartMs: z.number().nullable() });

/**
 * What coupon-admin says about activities, in process only, dropped when the activity's row changes. It asks for the row itself: an answer out
 * of a cache of coupon-admin could be older than the change this process has just heard of.
 */
export function openActivityCache(
  ask: AskAdmin,
  settings: Omit<ActivityCacheSettings, 'amqpUrl'>,
  freshness: Freshness,
): ActivityCache {
  let asking = 0;
  const load = async (id: ActivityId): Promise<KnownActivity | null> => {
    // Made-up ids must not keep coupon-admin busy; who asks again in a moment may be lucky.
    if (asking >= MAX_ASKING) throw new AppError('NOT_READY', 'too many questions to coupon-admin are under way');
    asking += 1;
    try {
      return knownOf(await ask(id));
    } catch (error) {
      if (error instanceof AppError && (error.code === 'ACTIVITY_NOT_FOUND' || error.code === 'NOT_FOUND')) return null;
      throw error;
    } finally {
      asking -= 1;
    }
  };
  return new TieredCache<ActivityId, KnownActivity>({
    name: 'known-sale',
    keyOf: String,
    codec: jsonCodec({ version: 2, parse: (json) => knownActivity.parse(json) }),
    load: (ids) => Promise.all(ids.map(load)),
    l2: null,
    maxWeightBytes: settings.l1WeightBytes,
    l1TtlMs: settings.l1TtlMs,
    // Nobody is told for long that there is no such activity, or that it is over, on the word of a coupon-admin that is away.
    staleOnErrorMs: 0,
    freshness,
  });
}

function knownOf({ over, awaitsStart, startTime }: AdminAnswer): KnownActivity {
  const startMs = awaitsStart === true ? Date.parse(startTime ?? '') : NaN;
  return { over: over === true, plannedStartMs: Number.isNaN(startMs) ? null : startMs };
}

export interface CachedDirectory {
  readonly directory: ActivityDirectory;
  /** ACTIVITY_NOT_FOUND where that is known without asking anybody. Makes nothing and waits for nothing. */
  readonly knownNotLoaded: (id: ActivityId) => NotLoadedCode | undefined;
  /** Starts that are to come, as far as they are known. */
  readonly starts: PlannedStarts;
  readonly components: readonly Component[];
  stats(): { readonly bus: CacheBusStats; readonly caches: readonly CacheStatsView[] } | null;
}

/** The directory with a cache in front of it while the bus is heard, and as it was otherwise. */
export function createCachedDirectory(
  settings: ActivityCacheSettings | null,
  {
    ask,
    uncached,
    registry,
    logger,
    onFailure,
  }: {
    readonly ask: AskAdmin;
    /** Answers while changes are not heard. */
    readonly uncached: ActivityDirectory;
    readonly registry: Registry;
    readonly logger: Logger;
    readonly onFailure: (error: unknown) => void;
  },
): CachedDirectory {
  if (settings === null)
    return {
      directory: uncached,
      knownNotLoaded: () => undefined,
      starts: NO_STARTS,
      components: [],
      stats: () => null,
    };
  const freshness = new HeartbeatFreshness({ sharedTierConfirms: false });
  const cache = openActivityCache(ask, settings, freshness);
  const tables = [
    {
      table: 'flash_sale_activities',
      keys: (row: Readonly<Record<string, string | null>>) => [columnOf(row, 'id')],
      ignores: COUNTED_COLUMNS,
    },
  ];
  const bus = new CacheBus({
    url: settings.amqpUrl,
    name: 'seckill-gateway',
    caches: [{ cache, tables }],
    freshness,
    logger,
  });
  registerCacheMetrics(registry, [cache]);
  registerCacheBusMetrics(registry, bus);
  return {
    directory: directoryOver(cache, uncached, () => freshness.isFresh(performance.now()), onFailure),
    knownNotLoaded: (id) => knownNotLoaded(cache, id),
    starts: startsOver(cache, () => freshness.isFresh(performance.now()), onFailure),
    components: [bus, { name: 'activity cache', close: () => cache.close() }],
    stats: () => ({ bus: bus.stats(), caches: [cache.stats()] }),
  };
}

export function knownNotLoaded(cache: Pick<ActivityCache, 'getLocal'>, id: ActivityId): NotLoadedCode | undefined {
  // One that exists may have been loaded since, and one that is over may be back in Redis for the receipts of its winners: Redis decides.
  return cache.getLocal(id)?.kind === 'absent' ? 'ACTIVITY_NOT_FOUND' : undefined;
}

const NO_STARTS: PlannedStarts = { plannedStartMs: () => undefined, learn: () => undefined };

export function startsOver(
  cache: Pick<ActivityCache, 'getLocal' | 'get' | 'drop'>,
  isFresh: () => boolean,
  onFailure: (error: unknown) => void,
): PlannedStarts {
  const plannedStartMs = (id: ActivityId): number | undefined => {
    const known = cache.getLocal(id);
    return known?.kind === 'found' ? (known.value.plannedStartMs ?? undefined) : undefined;
  };
  return {
    plannedStartMs,
    learn: (id) => {
      if (!isFresh() || plannedStartMs(id) !== undefined) return;
      // That an operation has ended changes no row: what was known while it was under way would be known for long.
      cache.drop([id], 'asked-again');
      cache.get(id).catch(onFailure);
    },
  };
}

export function directoryOver(
  cache: Pick<ActivityCache, 'get'>,
  uncached: ActivityDirectory,
  isFresh: () => boolean,
  onFailure: (error: unknown) => void,
): ActivityDirectory {
  return {
    whyNotLoaded: async (id) => {
      // A crowd with a wrong id would be a question each.
      if (!isFresh()) return uncached.whyNotLoaded(id);
      try {
        const known = await cache.get(id);
        if (known.kind === 'absent') return 'ACTIVITY_NOT_FOUND';
        return known.value.over ? 'ENDED' : 'NOT_READY';
      } catch (error) {
        onFailure(error);
        return 'NOT_READY';
      }
    },
  };
}
