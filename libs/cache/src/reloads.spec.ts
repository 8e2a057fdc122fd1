import { World, turns } from '../test/support/world';
import type { Row } from '../test/support/world';
import type { TieredCache } from './tiered-cache';

let world: World;
beforeEach(() => {
  world = new World();
  world.change('a');
});
afterEach(() => world.close());

describe('a key that was read a moment ago and is dropped', () => {
  const dropped = async (cache: TieredCache<string, Row>, times = 1): Promise<void> => {
    for (let time = 0; time < times; time += 1) cache.drop(['a'], world.change('a'));
    world.clock.advance(1);
    await turns();
  };

  test('is loaded again at once: its next reader finds the new value in L1', async () => {
    const cache = world.cache({ reloadReadWithinMs: 1_000 });
    await cache.get('a');
    world.clock.advance(999);
    await dropped(cache);
    expect(cache.getLocal('a')).toMatchObject({ value: { version: 2 } });
    expect(cache.stats().l1).toMatchObject({ reloads: 1, misses: 1 });
  });

  test('once for a burst of changes, and not at all when a reader is faster', async () => {
    const cache = world.cache({ reloadReadWithinMs: 1_000 });
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
    const cache = world.cache({ reloadReadWithinMs: 1_000 });
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
    const [plain, deaf] = [world.cache(), world.cache({ reloadReadWithinMs: 1_000, freshness })];
    for (const cache of [plain, deaf]) {
      await cache.get('a');
      await turns();
    }
    hears = false;
    for (const cache of [plain, deaf]) await dropped(cache);
    expect(world.calls).toHaveLength(1);
  });

  test('when loading fails nothing is stored, and the next reader tries again', async () => {
    const cache = world.cache({ reloadReadWithinMs: 1_000 });
    await cache.get('a');
    world.failure = new Error('origin down');
    await dropped(cache);
    world.failure = undefined;
    expect(await cache.get('a')).toMatchObject({ level: 'l3', value: { version: 2 } });
  });

  test('counts as read by whoever has waited for the value, too', async () => {
    const cache = world.cache({ reloadReadWithinMs: 1_000 });
    const release = world.hold();
    const reads = [cache.get('a')];
    await turns();
    world.clock.advance(900);
    reads.push(cache.get('a'));
    release();
    await Promise.all(reads);
    world.clock.advance(999);
    await dropped(cache);
    expect(cache.getLocal('a')).toMatchObject({ value: { version: 2 } });
    const held = world.hold();
    await dropped(cache);
    world.clock.advance(900);
    const joins = cache.get('a');
    world.clock.advance(900);
    await dropped(cache);
    held();
    await joins;
    await turns();
    world.clock.advance(1);
    await turns();
    expect(cache.getLocal('a')).toMatchObject({ value: { version: 4 } });
  });
});

describe('loads of dropped keys', () => {
  /** Takes a second. */
  class SlowOrigin {
    readonly calls: (readonly string[])[] = [];
    underWay = 0;
    most = 0;

    load = async (keys: readonly string[]): Promise<(Row | null)[]> => {
      this.calls.push(keys);
      this.underWay += 1;
      this.most = Math.max(this.most, this.underWay);
      const rows = keys.map((id) => ({ id, version: world.rows.get(id) ?? 0 }));
      await world.clock.sleep(1_000);
      this.underWay -= 1;
      return rows;
    };
  }

  const pass = async (ms: number): Promise<void> => {
    world.clock.advance(ms);
    await turns();
  };

  test.each([['with L2', undefined] as const, ['without L2', null] as const])(
    'are one at a time of one key, however often it is dropped, and one more when that one ends: %s',
    async (_, l2) => {
      const origin = new SlowOrigin();
      const cache = world.cache({ load: origin.load, reloadReadWithinMs: 1_000, ...(l2 === null && { l2 }) });
      const read = cache.get('a');
      await turns();
      await pass(1_000);
      await read;
      cache.getLocal('a');
      origin.most = 0;
      for (let drops = 0; drops < 200; drops += 1) {
        cache.drop(['a'], world.change('a'));
        await micro(1);
        await micro(1);
      }
      expect(origin.calls).toHaveLength(2);
      for (let steps = 0; steps < 50; steps += 1) await pass(100);
      expect([origin.calls.length, origin.most]).toEqual([3, 1]);
      expect(cache.getLocal('a')).toMatchObject({ value: { version: 201 } });
    },
  );

  test('are not repeated for a key that nobody has read any more when it was dropped again', async () => {
    const origin = new SlowOrigin();
    const cache = world.cache({ load: origin.load, reloadReadWithinMs: 500, l2: null });
    const read = cache.get('a');
    world.clock.advance(900);
    void cache.get('a');
    await pass(100);
    await read;
    cache.drop(['a'], world.change('a'));
    await pass(1);
    expect(origin.calls).toHaveLength(2);
    await pass(700);
    cache.drop(['a'], world.change('a'));
    for (let steps = 0; steps < 20; steps += 1) await pass(100);
    expect(origin.calls).toHaveLength(2);
  });

  test('of many keys are made in small calls, a few at once, the keys that were read last first, and not all', async () => {
    const load = jest.fn((keys: readonly string[]) => world.load(keys));
    const cache = world.cache({ load, reloadReadWithinMs: 5_000, maxWeightBytes: 50_000_000 });
    const keys = Array.from({ length: 3_000 }, (_, index) => `k${index}`);
    for (const key of keys) world.change(key);
    await cache.getMany(keys);
    for (const key of keys) {
      world.clock.advance(1);
      cache.getLocal(key);
    }
    load.mockClear();
    const release = world.hold();
    cache.drop(keys, 'v');
    await pass(1);
    const first = load.mock.calls.flatMap(([some]) => some);
    expect(load.mock.calls.map(([some]) => some.length)).toEqual([50, 50, 50, 50]);
    expect(first).toEqual(keys.slice(-200).reverse());
    release();
    for (let rounds = 0; rounds < 20; rounds += 1) await pass(1);
    const all = load.mock.calls.flatMap(([some]) => some);
    expect(all).toEqual(keys.slice(-1_000).reverse());
    expect(Math.max(...load.mock.calls.map(([some]) => some.length))).toBe(50);
    expect(cache.stats().l1.reloads).toBe(1_000);
    expect(await cache.get('k0')).toMatchObject({ level: 'l3' });
  });

  test('whose turn does not come in time are left to the readers', async () => {
    const load = jest.fn((keys: readonly string[]) => world.load(keys));
    const cache = world.cache({ load, reloadReadWithinMs: 1_000, maxWeightBytes: 50_000_000, l2: null });
    const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
    await cache.getMany(keys);
    load.mockClear();
    const release = world.hold();
    cache.drop(keys, 'v');
    await pass(1);
    expect(load).toHaveBeenCalledTimes(4);
    await pass(1_000);
    release();
    await pass(1);
    expect(load).toHaveBeenCalledTimes(4);
  });

  test('that fail are not repeated, and make room for others', async () => {
    const cache = world.cache({ reloadReadWithinMs: 1_000, l2: null });
    const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
    await cache.getMany(keys);
    world.failure = new Error('origin down');
    for (let rounds = 0; rounds < 3; rounds += 1) {
      cache.drop(keys, 'v');
      await pass(1);
    }
    expect(world.calls).toHaveLength(5);
    world.failure = undefined;
    await cache.getMany(keys);
    cache.drop(keys, 'w');
    await pass(1);
    expect(cache.getLocal('k0')).toBeDefined();
  });

  test('end when the cache is closed', async () => {
    const origin = new SlowOrigin();
    const cache = world.cache({ load: origin.load, reloadReadWithinMs: 2_000, l2: null });
    const read = cache.get('a');
    await pass(1_000);
    await read;
    cache.drop(['a'], 'v');
    await pass(1);
    cache.drop(['a'], 'w');
    const closing = cache.close();
    await pass(1_000);
    await closing;
    await pass(1);
    expect(origin.calls).toHaveLength(2);
    expect(world.clock.waiting).toBe(0);
  });

  async function micro(ms: number): Promise<void> {
    world.clock.advance(ms);
    for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
  }
});
