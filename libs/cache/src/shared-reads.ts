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
    const toLoad = flights.filter((flight) => !usable.includes(flight));
    const waiting: Promise<void>[] = [];
    await Promise.all(
      usable.map(async (flight) => {
        const entry = told.has(flight) ? undefined : entries?.[asked.indexOf(flight)];
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
    if (this.drops.size === 0) return { usable: flights, told };
    const usable = await Promise.all(
      flights.map(async (flight) => {
        const { id } = flight;
        const version = this.drops.versionOf(id, now);
        if (version === undefined) return true;
        const done = await this.guarded(async () => {
          await this.l2.invalidate(id, version);
          return true;
        });
        if (done !== true) return false;
        this.drops.told(id, version);
        told.add(flight);
        return true;
      }),
    );
    return { usable: flights.filter((_, index) => usable[index]), told };
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
