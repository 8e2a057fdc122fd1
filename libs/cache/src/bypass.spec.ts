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

  test('a load is joined while it is young: nobody is answered with what was read much before he came', async () => {
    const cache = world.cache({ freshness: listening(world).freshness, l2: null });
    const release = world.hold();
    const one = cache.get('a');
    await turns();
    world.clock.advance(250);
    const two = cache.get('a');
    world.change('a');
    world.clock.advance(1);
    const three = cache.get('a');
    const four = cache.get('a');
    await turns();
    release();
    expect(await Promise.all([one, two, three, four])).toMatchObject(
      [1, 1, 2, 2].map((version) => ({ value: { version } })),
    );
    expect(world.calls).toHaveLength(2);
  });

  test('a load that began before a change is not joined after its announcement, however young', async () => {
    const cache = world.cache({ freshness: listening(world).freshness, l2: null });
    const release = world.hold();
    const before = cache.get('a');
    await turns();
    cache.drop(['a'], world.change('a'));
    const after = cache.get('a');
    const all = cache.getMany(['a']);
    cache.dropAll();
    world.change('a');
    const last = cache.get('a');
    await turns();
    release();
    expect([await before, await after, ...(await all), await last]).toMatchObject(
      [1, 2, 2, 3].map((version) => ({ value: { version } })),
    );
  });

  test('a load that began before the queue was lost is not joined after that, however young', async () => {
    const { freshness } = listening(world);
    const cache = world.cache({ freshness, l2: null });
    const release = world.hold();
    const before = cache.get('a');
    await turns();
    world.change('a');
    freshness.lost();
    const after = cache.get('a');
    await turns();
    release();
    expect([await before, await after]).toMatchObject([{ value: { version: 1 } }, { value: { version: 2 } }]);
  });

  test('who waits for another process loads when L2 may not be used any more', async () => {
    let fresh = true;
    const freshness = { lapses: 0, isHearing: () => true, isFresh: () => fresh };
    const [holder, waiter] = [world.cache(), world.cache({ freshness })];
    const release = world.hold();
    const held = holder.get('a');
    await turns();
    const waits = waiter.get('a');
    await turns();
    const leases = jest.spyOn(world.l2, 'lease');
    const fills = jest.spyOn(world.l2, 'fill');
    world.clock.advance(10);
    await turns();
    expect(leases).toHaveBeenCalledTimes(1);
    fresh = false;
    world.clock.advance(50);
    await turns();
    expect(leases).toHaveBeenCalledTimes(1);
    expect(world.calls).toHaveLength(2);
    release();
    expect(await waits).toMatchObject({ level: 'l3' });
    await held;
    await turns();
    expect(fills).toHaveBeenCalledTimes(1);
    expect(waiter.stats().l2).toMatchObject({ lease_waits: 1, lease_timeouts: 0, bypassed: 1 });
  });
});
