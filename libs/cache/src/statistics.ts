export type CacheLevel = 'l1' | 'l2' | 'l3';

/** Upper bounds of the latency classes, seconds. */
export const LATENCY_BOUNDS_S: readonly number[] = [
  1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5,
];

/** Counts by class, the last one for everything above. */
export class LatencyCounts {
  readonly counts = new Float64Array(LATENCY_BOUNDS_S.length + 1);
  count = 0;
  sumMs = 0;
  observer: ((seconds: number) => void) | undefined;

  record(ms: number): void {
    const seconds = ms / 1000;
    let index = 0;
    while (index < LATENCY_BOUNDS_S.length && seconds > (LATENCY_BOUNDS_S[index] ?? Infinity)) index += 1;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.count += 1;
    this.sumMs += ms;
    this.observer?.(seconds);
  }

  /** Upper bound (ms) of the class that holds the quantile; null without any, or above the last bound. */
  quantileMs(share: number): number | null {
    let left = Math.max(Math.ceil(this.count * share), 1);
    if (this.count === 0) return null;
    for (const [index, bound] of LATENCY_BOUNDS_S.entries()) {
      left -= this.counts[index] ?? 0;
      if (left <= 0) return bound * 1000;
    }
    return null;
  }
}

/** Counters of one cache since its start. Plain numbers: a hit costs one addition. */
export class CacheStatistics {
  l1Hits = 0;
  l1Misses = 0;
  l1Evictions = 0;
  /** Fills that came after an invalidation of their key. */
  l1RefusedFills = 0;
  l2Hits = 0;
  l2Misses = 0;
  l2Errors = 0;
  /** Misses of L1 that did not ask L2, for whoever drops it was behind. */
  l2Bypassed = 0;
  l2RefusedFills = 0;
  /** Entries that could not be decoded, of another version of the codec included. */
  decodeErrors = 0;
  encodeErrors = 0;
  /** Misses that found another process loading. */
  leaseWaits = 0;
  /** Of these: not served within the deadline. */
  leaseTimeouts = 0;
  /** Keys asked of the origin. */
  loads = 0;
  loadCalls = 0;
  loadErrors = 0;
  /** Keys the origin does not have. */
  absent = 0;
  /** Misses that joined a load under way in this process. */
  coalesced = 0;
  /** Reads while no heartbeat was heard. */
  bypassed = 0;
  staleAnswers = 0;
  /** Keys dropped from L1. */
  drops = 0;
  /** Of these: loaded again at once, for they were being read. */
  reloads = 0;
  /** L1 hits, one in 1,024. */
  readonly l1Latency = new LatencyCounts();
  /** Reads of L2, per round trip. */
  readonly l2Latency = new LatencyCounts();
  /** Calls of the loader. */
  readonly l3Latency = new LatencyCounts();
}

interface LatencyView {
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly mean_ms: number | null;
}

/** What a stats page shows of one cache. Latencies are upper bounds of their class. */
export interface CacheStatsView {
  readonly name: string;
  readonly fresh: boolean;
  readonly lapses: number;
  readonly bypassed: number;
  readonly stale_answers: number;
  readonly coalesced: number;
  readonly l1: {
    readonly hits: number;
    readonly misses: number;
    readonly hit_rate: number | null;
    readonly entries: number;
    readonly weight_bytes: number;
    readonly max_weight_bytes: number;
    readonly evictions: number;
    readonly drops: number;
    readonly reloads: number;
    readonly refused_fills: number;
    readonly latency: LatencyView;
  };
  readonly l2: {
    readonly hits: number;
    readonly misses: number;
    readonly hit_rate: number | null;
    readonly errors: number;
    readonly decode_errors: number;
    readonly encode_errors: number;
    readonly refused_fills: number;
    readonly bypassed: number;
    readonly lease_waits: number;
    readonly lease_timeouts: number;
    readonly latency: LatencyView;
  };
  readonly l3: {
    readonly loads: number;
    readonly calls: number;
    readonly errors: number;
    readonly absent: number;
    readonly latency: LatencyView;
  };
}

export interface CacheState {
  readonly name: string;
  readonly fresh: boolean;
  readonly lapses: number;
  readonly entries: number;
  readonly weightBytes: number;
  readonly maxWeightBytes: number;
}

export function statsView(state: CacheState, counts: CacheStatistics): CacheStatsView {
  return {
    name: state.name,
    fresh: state.fresh,
    lapses: state.lapses,
    bypassed: counts.bypassed,
    stale_answers: counts.staleAnswers,
    coalesced: counts.coalesced,
    l1: {
      hits: counts.l1Hits,
      misses: counts.l1Misses,
      hit_rate: rateOf(counts.l1Hits, counts.l1Misses),
      entries: state.entries,
      weight_bytes: state.weightBytes,
      max_weight_bytes: state.maxWeightBytes,
      evictions: counts.l1Evictions,
      drops: counts.drops,
      reloads: counts.reloads,
      refused_fills: counts.l1RefusedFills,
      latency: latencyView(counts.l1Latency),
    },
    l2: {
      hits: counts.l2Hits,
      misses: counts.l2Misses,
      hit_rate: rateOf(counts.l2Hits, counts.l2Misses),
      errors: counts.l2Errors,
      decode_errors: counts.decodeErrors,
      encode_errors: counts.encodeErrors,
      refused_fills: counts.l2RefusedFills,
      bypassed: counts.l2Bypassed,
      lease_waits: counts.leaseWaits,
      lease_timeouts: counts.leaseTimeouts,
      latency: latencyView(counts.l2Latency),
    },
    l3: {
      loads: counts.loads,
      calls: counts.loadCalls,
      errors: counts.loadErrors,
      absent: counts.absent,
      latency: latencyView(counts.l3Latency),
    },
  };
}

function rateOf(hits: number, misses: number): number | null {
  return hits + misses === 0 ? null : hits / (hits + misses);
}

function latencyView(latency: LatencyCounts): LatencyView {
  return {
    p50_ms: latency.quantileMs(0.5),
    p99_ms: latency.quantileMs(0.99),
    mean_ms: latency.count === 0 ? null : latency.sumMs / latency.count,
  };
}
