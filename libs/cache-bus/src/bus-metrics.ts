import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { CacheBus, CacheBusStats } from './cache-bus';
import type { L2Dropper, L2DropperStats } from './l2-dropper';

const BUS_COUNTERS: Readonly<Partial<Record<keyof CacheBusStats, string>>> = {
  heartbeats: 'Heartbeats heard',
  changes: 'Changes heard of',
  dropped_keys: 'Keys dropped from L1',
  dropped_caches: 'Caches dropped from L1 as a whole',
  unreadable: 'Messages that could not be read',
  lost_queues: 'Queues lost: the caches were bypassed',
};

const DROPPER_COUNTERS: Readonly<Partial<Record<keyof L2DropperStats, string>>> = {
  changes: 'Changes handled',
  dropped_keys: 'Keys dropped from L2',
  dropped_caches: 'Caches dropped from L2 as a whole',
  parked: 'Messages that could not be read and lie in the dead-letter queue',
  failures: 'Attempts that L2 or the broker has failed',
  gaps: 'Beginnings with a queue that may have lost changes',
  confirmations: 'Heartbeats confirmed to everybody',
};

/** `coupon_cache_bus_*`, read when they are asked for. Once per registry. */
export function registerCacheBusMetrics(registry: Registry, bus: Pick<CacheBus, 'stats'>): void {
  registerCounters(registry, 'coupon_cache_bus', BUS_COUNTERS, () => bus.stats());
  new Gauge({
    name: 'coupon_cache_bus_heartbeat_age_seconds',
    help: 'Time since the last heartbeat; NaN before the first',
    registers: [registry],
    collect() {
      const { heartbeat_age_ms: ageMs } = bus.stats();
      this.set(ageMs === null ? Number.NaN : ageMs / 1000);
    },
  });
}

/** `coupon_cache_l2_dropper_*`, read when they are asked for. Once per registry. */
export function registerL2DropperMetrics(registry: Registry, dropper: Pick<L2Dropper, 'stats'>): void {
  registerCounters(registry, 'coupon_cache_l2_dropper', DROPPER_COUNTERS, () => dropper.stats());
}

function registerCounters<Stats extends object>(
  registry: Registry,
  prefix: string,
  counters: Readonly<Partial<Record<keyof Stats, string>>>,
  stats: () => Stats,
): void {
  for (const [field, help] of Object.entries(counters) as [keyof Stats & string, string][]) {
    new Counter({
      name: `${prefix}_${field}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(Number(stats()[field]));
      },
    });
  }
}
