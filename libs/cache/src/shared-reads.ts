import { absent, found, weightOf } from './answer';
import type { CacheResult } from './answer';
import type { CacheClock } from './clock';
import type { Flight } from './flight';
import type { CompiledOptions } from './options';
import type { PendingDrops } from './pending-drops';
import type { CacheStatistics } from './statistics';
import type { LeaseOutcome, SharedEntry, SharedGeneration, SharedTier, SharedValue } from './tier';

export interface DecodedEntry<V> {
  readonly result: CacheResult<V>;
  readonly weight: number;
}

const TOLD_AT_ONCE = 64;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

/** Reading through L2: what is there, who loads what is not, and waiting for those who do. An L2 that fails is an L2 without the value. */
export class SharedReads<K, V> {
  private restUntilMs = -Infinity;

  constructor(
    private readonly l2: SharedTier,
    private readonly options: CompiledOptions<K, V>,
    private readonly drops: PendingDrops,
    private readonly clock: CacheClock,
    private readonly statistics: CacheStatistics,
  ) {}

  /**
   * Settles the flights whose value is in L2 by `hit`, and calls `load` for those whose value this process has to load: once for all that
   * need not wait, once for each that has waited in vain.
   */
  async read(
    flights: readonly Flight<K, V>[],
    hit: (flight: Flight<K, V>, entry: DecodedEntry<V>) => void,
    load: (flights: readonly Flight<K, V>[]) => Promise<void>,
  ): Promise<void> {
    const { usable, told } = await this.tellDrops(flights);
    // Where the value was just dropped there is hardly another one yet; asking for the lease brings it if there is.
    const asked = usable.filter((flight) => !told.has(flight));
    const entries = await this.readMany(asked);
    const entryOf = new Map(asked.map((flight, index) => [flight, entries?.[index]]));
    const toLoad = flights.filter((flight) => !entryOf.has(flight) && !told.has(flight));
    const waiting: Promise<void>[] = [];
    await Promise.all(
      usable.map(async (flight) => {
        const entry = entryOf.get(flight);
        const decoded = this.decode(flight, entry);
        if (decoded !== undefined) {
          hit(flight, decoded);
          return;
        }
        const outcome = entries === undefined ? undefined : await this.lease(flight, entry?.generation);
        if (told.has(flight)) this.statistics[outcome?.kind === 'hit' ? 'l2Hits' : 'l2Misses'] += 1;
        if (outcome === undefined || outcome.kind === 'granted') toLoad.push(flight);
        else if (outcome.kind === 'taken') waiting.push(this.waitFor(flight, hit, load));
        else hit(flight, outcome.decoded);
      }),
    );
    if (toLoad.length > 0) waiting.push(load(toLoad));
    await Promise.all(waiting);
  }

  async fill(flight: Flight<K, V>, generation: SharedGeneration, value: SharedValue, ttlMs: number): Promise<void> {
    await this.guarded(async () => {
      if (await this.l2.fill(flight.id, generation, value, ttlMs)) return;
      this.statistics.l2RefusedFills += 1;
    });
  }

  async abandon(flight: Flight<K, V>, generation: SharedGeneration): Promise<void> {
    if (generation.leaseToken !== null) await this.guarded(async () => this.l2.abandon(flight.id, generation));
  }

  /** Changes that were announced here first are told to L2 before it is asked. @returns the flights that may read L2, and those just told. */
  private async tellDrops(flights: readonly Flight<K, V>[]): Promise<{
    readonly usable: readonly Flight<K, V>[];
    readonly told: ReadonlySet<Flight<K, V>>;
  }> {
    const now = this.clock.nowMs();
    const told = new Set<Flight<K, V>>();
    if (now < this.restUntilMs || this.drops.distrusted(now)) return { usable: [], told };
    const untold = new Map<Flight<K, V>, string>();
    if (this.drops.size > 0)
      for (const flight of flights) {
        const version = this.drops.versionOf(flight.id, now);
        if (version !== undefined) untold.set(flight, version);
      }
    const changed = [...untold];
    for (let from = 0; from < changed.length; from += TOLD_AT_ONCE) {
      // An L2 that does not answer is not asked for every key.
      if (this.clock.nowMs() < this.restUntilMs) break;
      await Promise.all(
        changed.slice(from, from + TOLD_AT_ONCE).map(async ([flight, version]) => {
          if (!(await this.tell(flight.id, version))) return;
          untold.delete(flight);
          told.add(flight);
        }),
      );
    }
    // Telling takes time.
    if (changed.length > 0 && !this.options.freshness.isFresh(this.clock.nowMs()))
      return { usable: [], told: new Set() };
    return { usable: untold.size === 0 ? flights : flights.filter((flight) => !untold.has(flight)), told };
  }

  private async tell(id: string, version: string): Promise<boolean> {
    const done = await this.guarded(async () => {
      await this.l2.invalidate(id, version);
      return true;
    });
    if (done !== true) return false;
    this.drops.told(id, version);
    return true;
  }

  private async readMany(flights: readonly Flight<K, V>[]): Promise<(SharedEntry | undefined)[] | undefined> {
    if (flights.length === 0) return [];
    const startedMs = this.clock.nowMs();
    const entries = await this.guarded(() => this.l2.readMany(flights.map(({ id }) => id)));
    this.statistics.l2Latency.record(this.clock.nowMs() - startedMs);
    if (entries !== undefined)
      for (const entry of entries) this.statistics[entry === undefined ? 'l2Misses' : 'l2Hits'] += 1;
    return entries;
  }

  private async lease(
    flight: Flight<K, V>,
    rejected: string | undefined,
  ): Promise<Exclude<LeaseOutcome, { kind: 'value' }> | { kind: 'hit'; decoded: DecodedEntry<V> } | undefined> {
    const outcome = await this.guarded(() => this.l2.lease(flight.id, this.options.leaseMs, rejected));
    if (outcome === undefined) return undefined;
    if (outcome.kind !== 'value') {
      flight.shared = outcome.generation;
      return outcome;
    }
    const decoded = this.decode(flight, outcome.entry);
    if (decoded !== undefined) return { kind: 'hit', decoded };
    // Somebody keeps writing what this process cannot read, another release perhaps: no point in fighting over it.
    return undefined;
  }

  private async waitFor(
    flight: Flight<K, V>,
    hit: (flight: Flight<K, V>, entry: DecodedEntry<V>) => void,
    load: (flights: readonly Flight<K, V>[]) => Promise<void>,
  ): Promise<void> {
    const { statistics, clock } = this;
    const endsAtMs = clock.nowMs() + this.options.waitMs;
    statistics.leaseWaits += 1;
    for (let pauseMs = FIRST_PAUSE_MS; clock.nowMs() < endsAtMs; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      await clock.sleep(Math.min(pauseMs, endsAtMs - clock.nowMs()));
      if (!this.options.freshness.isFresh(clock.nowMs())) {
        statistics.l2Bypassed += 1;
        flight.shared = null;
        return load([flight]);
      }
      const outcome = await this.lease(flight, undefined);
      if (outcome === undefined || outcome.kind === 'granted') return load([flight]);
      if (outcome.kind === 'hit') {
        hit(flight, outcome.decoded);
        return;
      }
    }
    statistics.leaseTimeouts += 1;
    return load([flight]);
  }

  /** Undefined for what cannot be used: a miss, counted. */
  private decode({ id }: Flight<K, V>, entry: SharedEntry | undefined): DecodedEntry<V> | undefined {
    if (entry === undefined) return undefined;
    const { codec } = this.options;
    if (entry.codecVersion === codec.version) {
      const weight = weightOf(id, entry.payload);
      if (entry.payload === null) return { result: absent('l2'), weight };
      try {
        return { result: found(codec.decode(entry.payload), 'l2'), weight };
      } catch {
        // Counted below: whatever the reason, the value is loaded anew.
      }
    }
    this.statistics.decodeErrors += 1;
    return undefined;
  }

  /** Undefined when L2 has failed, which is counted and gives it a rest. */
  private async guarded<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch {
      this.statistics.l2Errors += 1;
      this.restUntilMs = this.clock.nowMs() + this.options.l2RestMs;
      return undefined;
    }
  }
}
