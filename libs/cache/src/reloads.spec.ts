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
});
