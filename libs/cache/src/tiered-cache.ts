import { absent, atLevel, found, toLocalAnswer, weightOf } from './answer';
import type { CacheResult, LocalAnswer } from './answer';
import { FrequencyStore } from './bounded-store';
import { systemCacheClock } from './clock';
import type { CacheClock } from './clock';
import { Flight } from './flight';
import type { Freshness } from './freshness';
import { LocalTier } from './local-tier';
import { compileOptions } from './options';
import type { CompiledOptions, TieredCacheOptions } from './options';
import { Origin } from './origin';
import { PendingDrops } from './pending-drops';
import { Reloads } from './reloads';
import type { Used } from './reloads';
import { SharedReads } from './shared-reads';
import { CacheStatistics, statsView } from './statistics';
import type { CacheStatsView } from './statistics';
import { warmUp } from './warm-up';
import type { WarmUpOptions, WarmUpProgress } from './warm-up';

const SAMPLED_HITS = 1023;
const INVALIDATIONS_AT_ONCE = 64;
/** While nothing is heard, the most by which what a read finds may be older than the read. */
const JOINED_BYPASS_MS = 250;

/**
 * L1 in process, L2 shared, L3 the origin. Values are frozen and never copied: whoever reads a key gets the same object.
 * The README lists what is promised, and the test that holds each promise.
 */
export class TieredCache<K, V> {
  readonly statistics = new CacheStatistics();
  private readonly options: CompiledOptions<K, V>;
  private readonly freshness: Freshness;
  private readonly clock: CacheClock;
  private readonly random: () => number;
  private readonly l1: LocalTier<LocalAnswer<K, V>>;
  private readonly origin: Origin<K, V>;
  private readonly shared: SharedReads<K, V> | null;
  private readonly drops: PendingDrops;
  private readonly reloads: Reloads<K>;
  private readonly flights = new Map<string, Flight<K, V>>();
  private readonly bypassing = new Map<string, Flight<K, V>>();
  private readonly filling = new Set<Promise<void>>();

  /** @throws RangeError with every option that is out of range */
  constructor(options: TieredCacheOptions<K, V>) {
    this.options = compileOptions(options);
    this.freshness = options.freshness;
    this.clock = options.clock ?? systemCacheClock;
    this.random = options.random ?? Math.random;
    this.l1 = new LocalTier({
      store: new FrequencyStore(options.maxWeightBytes, () => {
        this.statistics.l1Evictions += 1;
      }),
      nowMs: () => this.clock.nowMs(),
      lapses: () => this.freshness.lapses,
    });
    this.drops = new PendingDrops(this.options.dropMemoryMs, this.options.mostPendingDrops);
    this.reloads = new Reloads(this.options.reloadReadWithinMs, this.clock, (due) => this.reload(due));
    this.origin = new Origin(this.options, this.clock, this.statistics);
    this.shared =
      options.l2 === null ? null : new SharedReads(options.l2, this.options, this.drops, this.clock, this.statistics);
  }

  get name(): string {
    return this.options.name;
  }

  /** What L1 has, at once and without making an object; undefined when `get` would have to go further. */
  getLocal(key: K): CacheResult<V> | undefined {
    return this.hit(this.options.keyOf(key))?.result;
  }

  /**
   * Rejects with the error of the loader (CacheLoadTimeoutError for one that is late) when there is nothing to answer in its place. A hit of
   * L1 returns a promise that was made when the value was filled.
   */
  get(key: K): Promise<CacheResult<V>> {
    const id = this.options.keyOf(key);
    const answer = this.hit(id);
    if (answer !== undefined) return answer.settled;
    const started: Flight<K, V>[] = [];
    const flight = this.join(key, id, started, this.clock.nowMs());
    if (started.length > 0) void this.fly(started);
    return flight.promise;
  }

  /** One result per key, in order: one round trip to L2 and one call of the loader for what nobody is loading yet. Rejects like `get`. */
  async getMany(keys: readonly K[]): Promise<CacheResult<V>[]> {
    // A key that is none must be known before any other is joined.
    const ids = keys.map(this.options.keyOf);
    const started: Flight<K, V>[] = [];
    const now = this.clock.nowMs();
    const results = keys.map((key, index) => {
      const id = ids[index] ?? '';
      return this.hit(id)?.settled ?? this.join(key, id, started, now).promise;
    });
    if (started.length > 0) void this.fly(started);
    return Promise.all(results);
  }

  /**
   * A change was announced: L1 forgets the keys, fills under way included, and L2 is told by whoever reads them from it next. For every
   * process that hears the bus; never fails. Announcements of one key must come in the order of the changes.
   * @param version one word without commas, the same in every process for this change and for no other
   */
  drop(keys: readonly string[], version: string): void {
    const now = this.clock.nowMs();
    for (const id of keys) {
      this.reloads.dropped(id, this.flights.get(id) ?? this.l1.last(id)?.value, now);
      this.l1.invalidate(id);
      this.flights.delete(id);
      this.bypassing.delete(id);
      if (this.options.l2 !== null) this.drops.add(id, version, now);
    }
    this.statistics.drops += keys.length;
  }

  /** Something has changed and nobody knows what: L1 forgets everything, and L2 is left alone for `dropMemoryMs`. */
  dropAll(): void {
    this.l1.clear();
    this.flights.clear();
    this.bypassing.clear();
    this.drops.distrust(this.clock.nowMs());
  }

  /**
   * Drops the keys here and in L2. For the one process that drops L2, and after a write of one's own. Rejects when L2 does not answer: to be
   * repeated until it does, with the same version.
   */
  async invalidate(keys: readonly string[], version: string): Promise<void> {
    const { l2 } = this.options;
    this.drop(keys, version);
    if (l2 === null) return;
    for (let from = 0; from < keys.length; from += INVALIDATIONS_AT_ONCE) {
      const some = keys.slice(from, from + INVALIDATIONS_AT_ONCE);
      await Promise.all(some.map(async (id) => l2.invalidate(id, version)));
      for (const id of some) this.drops.told(id, version);
    }
  }

  /** Like `invalidate`, for a change of nobody knows what (TRUNCATE, DDL): `dropAll`, and every key of this cache in L2. */
  async invalidateAll(version: string): Promise<void> {
    this.dropAll();
    await this.options.l2?.invalidateAll(version);
  }

  /** Loads the hottest keys before the readers come. Progress after every batch; failures are counted, not thrown. */
  warmUp(keys: readonly K[], options: WarmUpOptions<K> = {}): Promise<WarmUpProgress> {
    return warmUp(keys, (batch) => this.getMany(batch), options);
  }

  stats(): CacheStatsView {
    const { name, maxWeightBytes } = this.options;
    const fresh = this.freshness.isFresh(this.clock.nowMs());
    const { lapses } = this.freshness;
    const state = { name, fresh, lapses, entries: this.l1.size, weightBytes: this.l1.weight, maxWeightBytes };
    return statsView(state, this.statistics);
  }

  /** Waits for what is under way to L2 and forgets L1. The cache must not be read afterwards. */
  async close(): Promise<void> {
    this.reloads.close();
    await Promise.allSettled([...this.flights.values()].map(({ promise }) => promise));
    await Promise.all(this.filling);
    this.l1.clear();
  }

  private hit(id: string): LocalAnswer<K, V> | undefined {
    const { statistics, clock, freshness } = this;
    const now = clock.nowMs();
    if (!freshness.isHearing(now)) return undefined;
    const answer = this.l1.find(id, now, freshness.lapses);
    if (answer === undefined) return undefined;
    answer.usedAtMs = now;
    statistics.l1Hits += 1;
    if ((statistics.l1Hits & SAMPLED_HITS) === 0) statistics.l1Latency.record(clock.nowMs() - now);
    return answer;
  }

  /** The flight that reads this key; a new one is added to `started`. */
  private join(key: K, id: string, started: Flight<K, V>[], now: number): Flight<K, V> {
    const { statistics } = this;
    const hearing = this.freshness.isHearing(now);
    statistics[hearing ? 'l1Misses' : 'bypassed'] += 1;
    const known = this.underWay(id, hearing, now);
    if (known !== undefined) {
      statistics.coalesced += 1;
      known.usedAtMs = now;
      return known;
    }
    const flight = this.begin({ key, usedAtMs: now }, id, hearing, now);
    started.push(flight);
    return flight;
  }

  private underWay(id: string, hearing: boolean, now: number): Flight<K, V> | undefined {
    const known = (hearing ? this.flights : this.bypassing).get(id);
    // A flight of before a lapse may carry what has changed since; so may an old one while nothing is heard.
    if (known?.lapses !== this.freshness.lapses) return undefined;
    return hearing || now - known.beganAtMs <= JOINED_BYPASS_MS ? known : undefined;
  }

  private begin({ key, usedAtMs }: Used<K>, id: string, hearing: boolean, now: number): Flight<K, V> {
    const flight = new Flight<K, V>(key, id, hearing ? this.l1.begin(id) : null, this.freshness.lapses, now);
    flight.usedAtMs = usedAtMs;
    (hearing ? this.flights : this.bypassing).set(id, flight);
    return flight;
  }

  /** What was dropped while it was being read, unless a reader was faster. */
  private reload(due: ReadonlyMap<string, Used<K>>): readonly Flight<K, V>[] {
    const now = this.clock.nowMs();
    const started: Flight<K, V>[] = [];
    if (!this.freshness.isHearing(now)) return started;
    for (const [id, used] of due) {
      if (this.l1.last(id) !== undefined || this.underWay(id, true, now) !== undefined) continue;
      started.push(this.begin(used, id, true, now));
    }
    this.statistics.reloads += started.length;
    if (started.length > 0) void this.fly(started);
    return started;
  }

  private async fly(flights: readonly Flight<K, V>[]): Promise<void> {
    try {
      const hearing = flights[0]?.local !== null;
      if (this.shared === null || !hearing) await this.load(flights);
      else if (!this.freshness.isFresh(this.clock.nowMs())) {
        this.statistics.l2Bypassed += flights.length;
        await this.load(flights);
      } else
        await this.shared.read(
          flights,
          (flight, { result, weight }) => {
            this.settle(flight, result, weight);
          },
          (missing) => this.load(missing),
        );
    } catch (error) {
      for (const flight of flights) this.fail(flight, error);
    }
  }

  private async load(flights: readonly Flight<K, V>[]): Promise<void> {
    let values: readonly (V | null)[];
    try {
      values = await this.origin.load(flights.map(({ key }) => key));
    } catch (error) {
      for (const flight of flights) this.fail(flight, error);
      return;
    }
    for (const [index, flight] of flights.entries()) this.loaded(flight, values[index] ?? null);
  }

  private loaded(flight: Flight<K, V>, value: V | null): void {
    const { codec, l2TtlMs, negativeTtlMs } = this.options;
    let payload: string | null = null;
    let result: CacheResult<V> = absent('l3');
    if (value !== null) {
      try {
        payload = codec.encode(value);
        result = found(codec.decode(payload), 'l3');
      } catch {
        // Answered as it was loaded, and kept nowhere: what cannot be written and read again must not reach other readers.
        this.statistics.encodeErrors += 1;
        this.fillShared(flight, null, 0);
        this.finish(flight);
        flight.resolve(found(value, 'l3'));
        return;
      }
    }
    this.fillShared(flight, { codecVersion: codec.version, payload }, value === null ? negativeTtlMs : l2TtlMs);
    this.settle(flight, result, weightOf(flight.id, payload));
  }

  /** Not waited for: the readers have their value, other processes wait for this one. */
  private fillShared(
    flight: Flight<K, V>,
    value: { readonly codecVersion: number; readonly payload: string | null } | null,
    ttlMs: number,
  ): void {
    const generation = flight.shared;
    if (this.shared === null || generation === null) return;
    flight.shared = null;
    const work =
      value === null || !flight.current
        ? this.shared.abandon(flight, generation)
        : this.shared.fill(flight, generation, value, this.jittered(ttlMs));
    const tracked = work.finally(() => this.filling.delete(tracked));
    this.filling.add(tracked);
  }

  private settle(flight: Flight<K, V>, result: CacheResult<V>, weight: number): void {
    const { l1TtlMs, negativeTtlMs } = this.options;
    if (flight.local !== null && !flight.settled) {
      const ttlMs = this.jittered(result.kind === 'found' ? l1TtlMs : Math.min(negativeTtlMs, l1TtlMs));
      const filled = this.l1.fill(flight.id, flight.local, { value: toLocalAnswer(flight, result), weight }, ttlMs);
      if (!filled) this.statistics.l1RefusedFills += 1;
      flight.settled = true;
    }
    this.finish(flight);
    flight.resolve(result);
  }

  private fail(flight: Flight<K, V>, error: unknown): void {
    this.fillShared(flight, null, 0);
    this.finish(flight);
    const instead = this.insteadOfError(flight.id);
    if (instead === undefined) flight.reject(error);
    else flight.resolve(instead);
  }

  private insteadOfError(id: string): CacheResult<V> | undefined {
    const last = this.l1.last(id);
    if (last === undefined) return undefined;
    const { freshness } = this;
    const { expiresAtMs, lapses, value } = last;
    const now = this.clock.nowMs();
    const heard = freshness.isHearing(now) && lapses === freshness.lapses;
    // Another flight has filled L1 meanwhile: that is no stale value.
    if (heard && now < expiresAtMs) return value.result;
    const { staleOnErrorMs } = this.options;
    const goodUntilMs = heard ? expiresAtMs : Math.min(expiresAtMs, freshness.heardUntilMs?.(lapses) ?? -Infinity);
    if (staleOnErrorMs === 0 || now > goodUntilMs + staleOnErrorMs) return undefined;
    this.statistics.staleAnswers += 1;
    return atLevel(value.result, 'l1', true);
  }

  /** Nobody joins this flight any more. */
  private finish(flight: Flight<K, V>): void {
    if (flight.local !== null && !flight.settled) this.l1.abandon(flight.id, flight.local);
    flight.settled = true;
    const flights = flight.local === null ? this.bypassing : this.flights;
    if (flights.get(flight.id) === flight) flights.delete(flight.id);
  }

  private jittered(ttlMs: number): number {
    return ttlMs * (1 - this.options.jitter * this.random());
  }
}
