import { alwaysThrow } from '@coupon/testing';
import { World, gate, rowCodec, turns } from '../test/support/world';
import type { Row } from '../test/support/world';
import { CacheLoadTimeoutError, CacheLoaderContractError } from './errors';
import { HeartbeatFreshness } from './freshness';
import { MemorySharedTier } from './memory-shared-tier';
import type { TieredCache } from './tiered-cache';

let world: World;
const open: TieredCache<string, Row>[] = [];
const cacheOf: World['cache'] = (over) => {
  const cache = world.cache(over);
  open.push(cache);
  return cache;
};
beforeEach(() => {
  world = new World();
  world.change('a');
});
afterEach(async () => {
  for (const cache of open.splice(0)) await cache.close();
});
const levelOf = async (cache: TieredCache<string, Row>, key = 'a'): Promise<string> => (await cache.get(key)).level;

describe('a tiered cache', () => {
  test('asks the origin once, then L1; another process asks L2', async () => {
    const [cache, other] = [cacheOf(), cacheOf()];
    expect(await cache.get('a')).toEqual({ kind: 'found', value: { id: 'a', version: 1 }, level: 'l3', stale: false });
    expect(await levelOf(cache)).toBe('l1');
    await turns();
    expect([await levelOf(other), await levelOf(other)]).toEqual(['l2', 'l1']);
    expect(world.calls).toEqual([['a']]);
  });

  test('answers all readers with one frozen value, copied for nobody', async () => {
    const cache = cacheOf();
    await cache.get('a');
    const [first, second] = [cache.getLocal('a'), cache.getLocal('a')];
    expect(first).toBe(second);
    expect(cache.get('a')).toBe(cache.get('a'));
    expect(first?.kind === 'found' && Object.isFrozen(first.value)).toBe(true);
    expect(cache.getLocal('b')).toBeUndefined();
  });

  test('single flight: readers of one key share one load', async () => {
    const cache = cacheOf();
    const release = world.hold();
    const reads = Array.from({ length: 100 }, () => cache.get('a'));
    await turns();
    release();
    expect(new Set(await Promise.all(reads)).size).toBe(1);
    expect(world.calls).toHaveLength(1);
    expect(cache.stats().coalesced).toBe(99);
  });

  test('absence is remembered in both levels, for a shorter time', async () => {
    const [cache, other] = [cacheOf({ negativeTtlMs: 1_000 }), cacheOf()];
    expect(await cache.get('none')).toEqual({ kind: 'absent', level: 'l3', stale: false });
    expect(await levelOf(cache, 'none')).toBe('l1');
    await turns();
    expect(await other.get('none')).toEqual({ kind: 'absent', level: 'l2', stale: false });
    world.clock.advance(1_001);
    expect(await levelOf(cache, 'none')).toBe('l3');
  });

  test('times to live end, shortened at random by at most the jitter', async () => {
    const ends = async (random: number): Promise<number> => {
      const cache = cacheOf({ l2: null, l1TtlMs: 1_000, jitter: 0.2, random: () => random });
      await cache.get('a');
      for (let ms = 0; ; ms += 1) {
        if (cache.getLocal('a') === undefined) return ms;
        world.clock.advance(1);
      }
    };
    expect([await ends(0), await ends(0.5), await ends(0.999)]).toEqual([1_000, 900, 801]);
  });

  test('options out of range are refused, all at once', () => {
    expect(() => world.cache({ maxWeightBytes: 0, jitter: 2, leaseMs: 0, l1TtlMs: NaN })).toThrow(
      /l1TtlMs.*leaseMs.*jitter.*maxWeightBytes/,
    );
  });
});

describe('a key that was read a moment ago and is dropped', () => {
  const dropped = async (cache: TieredCache<string, Row>, times = 1): Promise<void> => {
    for (let time = 0; time < times; time += 1) cache.drop(['a'], world.change('a'));
    world.clock.advance(1);
    await turns();
  };

  test('is loaded again at once: its next reader finds the new value in L1', async () => {
    const cache = cacheOf({ reloadReadWithinMs: 1_000 });
    await cache.get('a');
    world.clock.advance(999);
    await dropped(cache);
    expect(cache.getLocal('a')).toMatchObject({ value: { version: 2 } });
    expect(cache.stats().l1).toMatchObject({ reloads: 1, misses: 1 });
  });

  test('once for a burst of changes, and not at all when a reader is faster', async () => {
    const cache = cacheOf({ reloadReadWithinMs: 1_000 });
    await cache.get('a');
    await dropped(cache, 5);
    expect(world.calls).toHaveLength(2);
    cache.drop(['a'], world.change('a'));
    const read = cache.get('a');
    world.clock.advance(1);
    expect(await read).toMatchObject({ value: { version: 7 } });
    await turns();
    expect(world.calls).toHaveLength(3);
  });

  test('again and again while it is being read, and no longer when nobody has read it for so long', async () => {
    const cache = cacheOf({ reloadReadWithinMs: 1_000 });
    await cache.get('a');
    for (let round = 0; round < 3; round += 1) {
      world.clock.advance(400);
      await dropped(cache);
    }
    expect(cache.stats().l1.reloads).toBe(2);
    expect(cache.getLocal('a')).toBeUndefined();
    await cache.get('a');
    await dropped(cache);
    expect(cache.getLocal('a')).toMatchObject({ value: { version: 5 } });
  });

  test('waits for a reader when that is not asked for, or nobody hears of changes', async () => {
    let hears = true;
    const freshness = { lapses: 0, isHearing: () => hears, isFresh: () => hears };
    const [plain, deaf] = [cacheOf(), cacheOf({ reloadReadWithinMs: 1_000, freshness })];
    for (const cache of [plain, deaf]) {
      await cache.get('a');
      await turns();
    }
    hears = false;
    for (const cache of [plain, deaf]) await dropped(cache);
    expect(world.calls).toHaveLength(1);
  });

  test('when loading fails nothing is stored, and the next reader tries again', async () => {
    const cache = cacheOf({ reloadReadWithinMs: 1_000 });
    await cache.get('a');
    world.failure = new Error('origin down');
    await dropped(cache);
    world.failure = undefined;
    expect(await cache.get('a')).toMatchObject({ level: 'l3', value: { version: 2 } });
  });
});

describe('the slow-reader race', () => {
  test.each(['with L2', 'without L2'])(
    'an old value, read before a change and delivered after its announcement, survives nowhere (%s)',
    async (kind) => {
      const l2 = kind === 'with L2' ? world.l2 : null;
      const [slow, other] = [cacheOf({ l2 }), cacheOf({ l2 })];
      const release = world.hold();
      const read = slow.get('a');
      await turns();
      const version = world.change('a');
      slow.drop(['a'], version);
      await other.invalidate(['a'], version);
      release();
      expect(await read).toMatchObject({ value: { version: 1 } });
      await turns();
      expect(slow.getLocal('a')).toBeUndefined();
      for (const cache of [slow, other, cacheOf({ l2 })])
        expect(await cache.get('a')).toMatchObject({ value: { version: 2 } });
      expect(slow.stats().l1.refused_fills).toBe(1);
    },
  );

  test('a slow reader in another process, which has not heard of the change yet, cannot put the old value into L2', async () => {
    const [slow, other] = [cacheOf(), cacheOf()];
    const release = world.hold();
    const read = slow.get('a');
    await turns();
    await other.invalidate(['a'], world.change('a'));
    release();
    await read;
    await turns();
    expect(slow.stats().l2.refused_fills).toBe(1);
    expect(await other.get('a')).toMatchObject({ level: 'l3', value: { version: 2 } });
  });

  test('a process that has heard of the change does not even offer the old value to L2', async () => {
    const slow = cacheOf();
    const release = world.hold();
    const read = slow.get('a');
    await turns();
    slow.drop(['a'], world.change('a'));
    release();
    await read;
    await turns();
    expect(await world.l2.read('a')).toBeUndefined();
  });

  test('an old value on its way from L2 when the change is announced does not get into L1', async () => {
    await cacheOf().get('a');
    await turns();
    const { promise, resolve } = gate();
    const slowL2 = new Proxy(world.l2, {
      get: (l2, name) =>
        name === 'readMany'
          ? async (keys: string[]) => {
              const entries = await l2.readMany(keys);
              await promise;
              return entries;
            }
          : (Reflect.get(l2, name) as () => void).bind(l2),
    });
    const cache = cacheOf({ l2: slowL2 });
    const read = cache.get('a');
    await turns();
    await cache.invalidate(['a'], world.change('a'));
    resolve();
    expect(await read).toMatchObject({ value: { version: 1 } });
    expect(cache.getLocal('a')).toBeUndefined();
    expect(await cache.get('a')).toMatchObject({ value: { version: 2 } });
  });

  test('a reader who comes after the announcement does not join a load that began before it', async () => {
    const cache = cacheOf();
    const release = world.hold();
    const before = cache.get('a');
    await turns();
    cache.drop(['a'], world.change('a'));
    const after = cache.get('a');
    await turns();
    release();
    expect(await before).toMatchObject({ value: { version: 1 } });
    expect(await after).toMatchObject({ value: { version: 2 } });
  });

  test('a process that hears of a change before L2 is dropped does not take the old value from L2', async () => {
    const [early, other] = [cacheOf(), cacheOf()];
    await early.get('a');
    await turns();
    const version = world.change('a');
    early.drop(['a'], version);
    expect(await early.get('a')).toMatchObject({ value: { version: 2 }, level: 'l3' });
    await turns();
    // The one who drops L2 comes later, and finds that it was told.
    await other.invalidate(['a'], version);
    expect(await other.get('a')).toMatchObject({ value: { version: 2 }, level: 'l2' });
  });

  test('after a change of nobody knows what nothing of before is answered or stored', async () => {
    const [cache, other] = [cacheOf(), cacheOf()];
    world.change('b');
    await cache.get('b');
    const release = world.hold();
    const slow = cache.get('a');
    await turns();
    for (const id of ['a', 'b']) world.change(id);
    cache.dropAll();
    expect(cache.getLocal('b')).toBeUndefined();
    await other.invalidateAll('all');
    release();
    await slow;
    await turns();
    for (const reader of [cache, other])
      expect(await reader.getMany(['a', 'b'])).toMatchObject([{ value: { version: 3 } }, { value: { version: 4 } }]);
  });

  test('when more changes are pending than are remembered, L2 is not asked for a while', async () => {
    const cache = cacheOf({ mostPendingDrops: 2, dropMemoryMs: 1_000 });
    await cache.get('a');
    await turns();
    cache.drop(['a'], world.change('a'));
    cache.drop(['b', 'c'], 'v8');
    expect(await cache.get('a')).toMatchObject({ value: { version: 2 }, level: 'l3' });
  });
});

describe('leases across processes', () => {
  test('one process loads; the others wait and take its value from L2', async () => {
    const caches = [cacheOf(), cacheOf(), cacheOf(), cacheOf()];
    const release = world.hold();
    const reads = caches.map((cache) => cache.get('a'));
    await turns();
    release();
    for (let ms = 0; ms < 100; ms += 10) {
      await turns();
      world.clock.advance(10);
    }
    const levels = (await Promise.all(reads)).map(({ level }) => level);
    expect(levels.sort()).toEqual(['l2', 'l2', 'l2', 'l3']);
    expect(world.calls).toHaveLength(1);
  });

  test('who has waited to the deadline loads, too', async () => {
    const [holder, waiter] = [cacheOf(), cacheOf({ waitMs: 300 })];
    const release = world.hold();
    const held = holder.get('a');
    await turns();
    const waits = waiter.get('a');
    for (let ms = 0; ms < 400; ms += 10) {
      await turns();
      world.clock.advance(10);
    }
    await turns();
    expect(world.calls).toHaveLength(2);
    release();
    expect([await held, await waits]).toMatchObject([{ level: 'l3' }, { level: 'l3' }]);
    expect(waiter.stats().l2).toMatchObject({ lease_waits: 1, lease_timeouts: 1 });
  });

  test('a load that fails gives the lease back', async () => {
    const [one, two] = [cacheOf(), cacheOf()];
    world.failure = new Error('origin down');
    await expect(one.get('a')).rejects.toThrow('origin down');
    await turns();
    world.failure = undefined;
    expect(await levelOf(two)).toBe('l3');
    expect(two.stats().l2.lease_waits).toBe(0);
  });
});

describe('when something fails', () => {
  test('an L2 that fails is an L2 without the value; it is left alone for a while, then asked again', async () => {
    const l2 = alwaysThrow(new MemorySharedTier({ nowMs: world.clock.nowMs }), 'readMany', new Error('down'));
    const cache = cacheOf({ l2, l2RestMs: 100 });
    for (const key of ['a', 'b', 'c']) expect(await levelOf(cache, key)).toBe('l3');
    expect(cache.stats().l2.errors).toBe(1);
    world.clock.advance(100);
    await cache.get('d');
    expect(cache.stats().l2.errors).toBe(2);
    expect(await levelOf(cache)).toBe('l1');
  });

  test('an invalidation that L2 has not confirmed is the caller’s to repeat; L1 has forgotten by then', async () => {
    const l2 = alwaysThrow(world.l2, 'invalidate', new Error('down'));
    const cache = cacheOf({ l2 });
    await cache.get('a');
    await turns();
    await expect(cache.invalidate(['a'], world.change('a'))).rejects.toThrow('down');
    expect(await cache.get('a')).toMatchObject({ level: 'l3', value: { version: 2 } });
  });

  test('a value past its end is answered in place of an error, marked, for a bounded time', async () => {
    const cache = cacheOf({ l2: null, l1TtlMs: 1_000, staleOnErrorMs: 500 });
    await cache.get('a');
    world.failure = new Error('origin down');
    world.clock.advance(1_500);
    expect(await cache.get('a')).toMatchObject({ value: { version: 1 }, stale: true });
    world.clock.advance(1);
    await expect(cache.get('a')).rejects.toThrow('origin down');
    expect(cache.stats().stale_answers).toBe(1);
  });

  test('a value that is known to have changed is never answered in place of an error', async () => {
    const cache = cacheOf({ l2: null });
    await cache.get('a');
    world.failure = new Error('origin down');
    cache.drop(['a'], world.change('a'));
    await expect(cache.get('a')).rejects.toThrow('origin down');
  });

  test('a loader that is late is an error; the next read asks again, and what comes late is thrown away', async () => {
    const cache = cacheOf({ loadTimeoutMs: 1_000 });
    const release = world.hold();
    const read = cache.get('a');
    await turns();
    world.clock.advance(1_000);
    await expect(read).rejects.toThrow(CacheLoadTimeoutError);
    release();
    await turns();
    expect(await levelOf(cache)).toBe('l3');
  });

  test.each([
    ['too few', async () => []],
    ['undefined', async () => [undefined]],
    ['nothing', async () => undefined],
  ])('a loader that answers %s is a fault, not a value', async (_, load) => {
    const cache = cacheOf({ load: load as never });
    await expect(cache.get('a')).rejects.toThrow(CacheLoaderContractError);
    expect(cache.getLocal('a')).toBeUndefined();
  });

  test.each([
    ['another version of the codec', { codecVersion: 2, payload: '{"id":"a","version":9}' }],
    ['no JSON', { codecVersion: 1, payload: '{' }],
    ['another shape', { codecVersion: 1, payload: '{"id":1}' }],
  ])('an entry that cannot be decoded (%s) is a miss, counted, and replaced', async (_, value) => {
    await world.l2.fill('a', await world.l2.begin('a'), value, 60_000);
    const cache = cacheOf();
    expect(await cache.get('a')).toMatchObject({ level: 'l3', value: { version: 1 } });
    expect(cache.stats().l2.decode_errors).toBe(1);
    await turns();
    expect(await levelOf(cacheOf())).toBe('l2');
  });

  test('a value that cannot be encoded is answered and kept nowhere', async () => {
    const codec = { ...rowCodec, encode: () => JSON.stringify(1n) };
    const cache = cacheOf({ codec });
    expect([await levelOf(cache), await levelOf(cache)]).toEqual(['l3', 'l3']);
    expect(cache.stats().l2.encode_errors).toBe(2);
  });
});

describe('batches', () => {
  test('one read of L2 and one load for what is missing; results in the order of the keys', async () => {
    for (const id of ['b', 'c', 'd']) world.change(id);
    await cacheOf().get('b');
    await turns();
    const reads = jest.spyOn(world.l2, 'readMany');
    const cache = cacheOf();
    await cache.get('a');
    const results = await cache.getMany(['d', 'a', 'none', 'b', 'c', 'd']);
    expect(results.map((result) => (result.kind === 'found' ? result.value.id : null))).toEqual([
      'd',
      'a',
      null,
      'b',
      'c',
      'd',
    ]);
    expect(results.map(({ level }) => level)).toEqual(['l3', 'l1', 'l3', 'l2', 'l3', 'l3']);
    expect(reads).toHaveBeenCalledTimes(2);
    expect(world.calls).toEqual([['b'], ['a'], ['d', 'none', 'c']]);
  });

  test('warm-up loads in batches and tells how far it is; a failing batch is counted', async () => {
    const keys = Array.from({ length: 25 }, (_, index) => `k${index}`);
    for (const key of keys.slice(1)) world.change(key);
    const cache = cacheOf();
    const seen: number[] = [];
    const end = await cache.warmUp(keys, {
      batch: 10,
      onProgress: ({ done }) => {
        seen.push(done);
        world.failure = done === 20 ? new Error('down') : undefined;
      },
    });
    expect(seen).toEqual([10, 20, 25]);
    expect(end).toEqual({ total: 25, done: 25, found: 19, absent: 1, failed: 5 });
    expect(cache.getLocal('k19')).toMatchObject({ level: 'l1' });
  });

  test('a warm-up can be ended', async () => {
    const ended = new AbortController();
    const options = { batch: 1, signal: ended.signal, onProgress: () => ended.abort() };
    expect(await cacheOf().warmUp(['a', 'b'], options)).toMatchObject({ done: 1 });
  });
});

describe('without a heartbeat', () => {
  function listening(): { freshness: HeartbeatFreshness; beat(): void } {
    const freshness = new HeartbeatFreshness({ sharedTierConfirms: false });
    const beat = (): void => {
      const now = world.clock.nowMs();
      freshness.sent({ source: 's', sentMs: now }, now);
      freshness.heard({ source: 's', sentMs: now, acknowledgedMs: now }, now);
    };
    return { freshness, beat };
  }

  test('L1 and L2 are bypassed after 500 ms, and used again with the next one; what L1 had is not answered any more', async () => {
    const { freshness, beat } = listening();
    const cache = cacheOf({ freshness });
    expect([await levelOf(cache), await levelOf(cache)]).toEqual(['l3', 'l3']);
    beat();
    expect([await levelOf(cache), await levelOf(cache)]).toEqual(['l3', 'l1']);
    await turns();
    world.clock.advance(500);
    expect(await levelOf(cache)).toBe('l1');
    world.clock.advance(1);
    world.change('a');
    expect(cache.getLocal('a')).toBeUndefined();
    expect(await cache.get('a')).toMatchObject({ level: 'l3', value: { version: 2 } });
    beat();
    expect(await levelOf(cache)).not.toBe('l1');
    expect(cache.stats()).toMatchObject({ fresh: true, lapses: 2, bypassed: 3 });
  });

  test('while whoever drops L2 is behind, L1 is used and L2 is neither read nor filled', async () => {
    const freshness = new HeartbeatFreshness();
    const cache = cacheOf({ freshness });
    await cacheOf().get('a');
    await turns();
    const beat = { source: 's', sentMs: 1, acknowledgedMs: 1, settledMs: 1 };
    // Announced before this process listened.
    world.change('a');
    freshness.sent(beat, world.clock.nowMs());
    freshness.heard(beat, world.clock.nowMs());
    expect([await cache.get('a'), await levelOf(cache)]).toMatchObject([{ level: 'l3', value: { version: 2 } }, 'l1']);
    expect(await levelOf(cache, 'b')).toBe('l3');
    await turns();
    expect(await world.l2.read('b')).toBeUndefined();
    expect(cache.stats()).toMatchObject({ fresh: false, bypassed: 0, l2: { bypassed: 2 } });
    freshness.sharedTierReached(beat, world.clock.nowMs());
    expect(await levelOf(cache, 'c')).toBe('l3');
    await turns();
    expect(await world.l2.read('c')).toBeDefined();
  });

  test('concurrent readers still share one load', async () => {
    const cache = cacheOf({ freshness: listening().freshness });
    await Promise.all(Array.from({ length: 10 }, () => cache.get('a')));
    expect(world.calls).toHaveLength(1);
  });

  test('a load that spans a gap fills nothing that is answered, and is not joined', async () => {
    const { freshness, beat } = listening();
    const cache = cacheOf({ freshness, l2: null });
    beat();
    const release = world.hold();
    const before = cache.get('a');
    await turns();
    world.clock.advance(501);
    world.change('a');
    beat();
    const after = cache.get('a');
    await turns();
    release();
    expect(await before).toMatchObject({ value: { version: 1 } });
    expect(await after).toMatchObject({ value: { version: 2 } });
    expect(await cache.get('a')).toMatchObject({ value: { version: 2 } });
  });

  test('what L1 had may stand in for an error, marked', async () => {
    const { freshness, beat } = listening();
    const cache = cacheOf({ freshness });
    beat();
    await cache.get('a');
    world.clock.advance(501);
    world.failure = new Error('origin down');
    expect(await cache.get('a')).toMatchObject({ level: 'l1', stale: true });
  });
});
