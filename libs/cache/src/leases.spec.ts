import { World, levelOf, turns } from '../test/support/world';

let world: World;
beforeEach(() => {
  world = new World();
  world.change('a');
});
afterEach(() => world.close());

describe('leases across processes', () => {
  test('one process loads; the others wait and take its value from L2', async () => {
    const caches = [world.cache(), world.cache(), world.cache(), world.cache()];
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
    const [holder, waiter] = [world.cache(), world.cache({ waitMs: 300 })];
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
    const [one, two] = [world.cache(), world.cache()];
    world.failure = new Error('origin down');
    await expect(one.get('a')).rejects.toThrow('origin down');
    await turns();
    world.failure = undefined;
    expect(await levelOf(two)).toBe('l3');
    expect(two.stats().l2.lease_waits).toBe(0);
  });
});
