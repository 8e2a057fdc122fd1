import { World, levelOf, listening, turns } from '../test/support/world';
import { HeartbeatFreshness } from './freshness';

let world: World;
beforeEach(() => {
  world = new World();
  world.change('a');
});
afterEach(() => world.close());

describe('without a heartbeat', () => {
  test('L1 and L2 are bypassed after 500 ms, and used again with the next one; what L1 had is not answered any more', async () => {
    const { freshness, beat } = listening(world);
    const cache = world.cache({ freshness });
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
    const cache = world.cache({ freshness });
    await world.cache().get('a');
    await turns();
    const beat = { source: 's', sentMs: 1, acknowledgedMs: 1, settledMs: 1 };
    // Announced before this process listened.
    world.change('a');
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
    const cache = world.cache({ freshness: listening(world).freshness });
    await Promise.all(Array.from({ length: 10 }, () => cache.get('a')));
    expect(world.calls).toHaveLength(1);
  });

  test('a load that spans a gap fills nothing that is answered, and is not joined', async () => {
    const { freshness, beat } = listening(world);
    const cache = world.cache({ freshness, l2: null });
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
});
