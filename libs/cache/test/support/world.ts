import { jsonCodec } from '../../src/codec';
import { HeartbeatFreshness, alwaysFresh } from '../../src/freshness';
import { MemorySharedTier } from '../../src/memory-shared-tier';
import type { TieredCacheOptions } from '../../src/options';
import { TieredCache } from '../../src/tiered-cache';
import { ManualClock } from './manual-clock';

export interface Row {
  readonly id: string;
  readonly version: number;
}

export const rowCodec = jsonCodec<Row>({
  version: 1,
  parse: (json) => {
    const { id, version } = json as Partial<Row>;
    if (typeof id !== 'string' || typeof version !== 'number') throw new TypeError('not a row');
    return { id, version };
  },
});

/** An origin whose answers a test may hold back, and caches above it. */
export class World {
  readonly clock = new ManualClock();
  readonly l2 = new MemorySharedTier({ nowMs: this.clock.nowMs });
  readonly rows = new Map<string, number>();
  readonly calls: (readonly string[])[] = [];
  private gate: { readonly open: Promise<void>; release(): void } | undefined;
  failure: Error | undefined;
  private changes = 0;
  private readonly opened: TieredCache<string, Row>[] = [];

  cache(over: Partial<TieredCacheOptions<string, Row>> = {}): TieredCache<string, Row> {
    const cache = new TieredCache<string, Row>({
      name: 'row',
      keyOf: (key) => key,
      codec: rowCodec,
      load: (keys) => this.load(keys),
      l2: this.l2,
      maxWeightBytes: 1_000_000,
      freshness: alwaysFresh,
      clock: this.clock,
      random: () => 0,
      ...over,
    });
    this.opened.push(cache);
    return cache;
  }

  async close(): Promise<void> {
    this.gate?.release();
    for (const cache of this.opened.splice(0)) await cache.close();
  }

  /** Reads at once and answers when the gate is open: a slow reader. */
  async load(keys: readonly string[]): Promise<(Row | null)[]> {
    this.calls.push(keys);
    const { failure } = this;
    const rows = keys.map((id) => {
      const version = this.rows.get(id);
      return version === undefined ? null : { id, version };
    });
    await this.gate?.open;
    if (failure !== undefined) throw failure;
    return rows;
  }

  /** Holds back what is loaded from now on. */
  hold(): () => void {
    const { promise, resolve } = gate();
    this.gate = { open: promise, release: resolve };
    return () => {
      if (this.gate?.open === promise) this.gate = undefined;
      resolve();
    };
  }

  /** @returns the version of the change, for its announcement. */
  change(id: string): string {
    this.changes += 1;
    this.rows.set(id, this.changes);
    return `v${this.changes}`;
  }
}

/** Heartbeats of one source that the test sends; all of what it has announced can be read. */
export function listening(world: World): { readonly freshness: HeartbeatFreshness; beat(): void } {
  const freshness = new HeartbeatFreshness({ sharedTierConfirms: false });
  const beat = (): void => {
    const now = world.clock.nowMs();
    freshness.sent({ source: 's', sentMs: now }, now);
    freshness.heard({ source: 's', sentMs: now, acknowledgedMs: now }, now);
  };
  return { freshness, beat };
}

export const levelOf = async (cache: TieredCache<string, Row>, key = 'a'): Promise<string> =>
  (await cache.get(key)).level;

/** A promise and what resolves it. */
export function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve: () => resolve() };
}

/** Lets everything go on that waits for nothing but its turn. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}
