import { World, gate, turns } from '../test/support/world';
import type { SharedTier } from './tier';

let world: World;
beforeEach(() => {
  world = new World();
  world.change('a');
});
afterEach(() => world.close());

describe('the slow-reader race', () => {
  test.each(['with L2', 'without L2'])(
    'an old value, read before a change and delivered after its announcement, survives nowhere (%s)',
    async (kind) => {
      const l2 = kind === 'with L2' ? world.l2 : null;
      const [slow, other] = [world.cache({ l2 }), world.cache({ l2 })];
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
      for (const cache of [slow, other, world.cache({ l2 })])
        expect(await cache.get('a')).toMatchObject({ value: { version: 2 } });
      expect(slow.stats().l1.refused_fills).toBe(1);
    },
  );

  test('a slow reader in another process, which has not heard of the change yet, cannot put the old value into L2', async () => {
    const [slow, other] = [world.cache(), world.cache()];
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
    const slow = world.cache();
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
    await world.cache().get('a');
    await turns();
    const { promise, resolve } = gate();
    const slowL2 = answeringLate(world.l2, 'readMany', promise);
    const cache = world.cache({ l2: slowL2 });
    const read = cache.get('a');
    await turns();
    await cache.invalidate(['a'], world.change('a'));
    resolve();
    expect(await read).toMatchObject({ value: { version: 1 } });
    expect(cache.getLocal('a')).toBeUndefined();
    expect(await cache.get('a')).toMatchObject({ value: { version: 2 } });
  });

  test('a reader who comes after the announcement does not join a load that began before it', async () => {
    const cache = world.cache();
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
    const [early, other] = [world.cache(), world.cache()];
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
    const [cache, other] = [world.cache(), world.cache()];
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
    const cache = world.cache({ mostPendingDrops: 2, dropMemoryMs: 1_000 });
    await cache.get('a');
    await turns();
    cache.drop(['a'], world.change('a'));
    cache.drop(['b', 'c'], 'v8');
    expect(await cache.get('a')).toMatchObject({ value: { version: 2 }, level: 'l3' });
  });

  test('a change that is announced while L2 is being told of the one before is told to L2, too', async () => {
    const { promise, resolve } = gate();
    const slowL2 = answeringLate(world.l2, 'invalidate', promise);
    const [early, other] = [world.cache({ l2: slowL2 }), world.cache()];
    early.drop(['a'], world.change('a'));
    const read = early.get('a');
    await turns();
    expect(await other.get('a')).toMatchObject({ value: { version: 2 }, level: 'l3' });
    await turns();
    early.drop(['a'], world.change('a'));
    resolve();
    await read;
    expect(await early.get('a')).toMatchObject({ value: { version: 3 }, level: 'l3' });
  });

  test('an L2 that may not be used any more when it has been told is not read', async () => {
    const { promise, resolve } = gate();
    let fresh = true;
    const freshness = { lapses: 0, isHearing: () => true, isFresh: () => fresh };
    const cache = world.cache({ l2: answeringLate(world.l2, 'invalidate', promise), freshness });
    const asked = [jest.spyOn(world.l2, 'lease'), jest.spyOn(world.l2, 'readMany')];
    cache.drop(['a'], world.change('a'));
    const read = cache.getMany(['a', 'b']);
    await turns();
    fresh = false;
    resolve();
    expect(await read).toMatchObject([{ value: { version: 2 }, level: 'l3' }, { level: 'l3' }]);
    for (const asking of asked) expect(asking).not.toHaveBeenCalled();
  });

  test('after a change of nobody knows what L2 is not read for as long as whoever drops it may lag behind, and then it is', async () => {
    const early = world.cache({ dropMemoryMs: 1_000 });
    await world.cache().get('a');
    await turns();
    world.change('a');
    early.dropAll();
    expect(await early.get('a')).toMatchObject({ value: { version: 2 }, level: 'l3' });
    await world.cache().invalidateAll('all');
    await world.cache().get('a');
    await turns();
    early.dropAll();
    world.clock.advance(1_000);
    expect(await early.get('a')).toMatchObject({ value: { version: 2 }, level: 'l2' });
  });

  test('a change that whoever drops L2 has come past by now is not told to L2 any more', async () => {
    const told = jest.spyOn(world.l2, 'invalidate');
    const cache = world.cache({ dropMemoryMs: 1_000 });
    cache.drop(['a', 'b'], 'v1');
    world.clock.advance(999);
    await cache.get('a');
    expect(told).toHaveBeenCalledTimes(1);
    world.clock.advance(1);
    await cache.get('b');
    expect(told).toHaveBeenCalledTimes(1);
  });

  test('L2 is told of many changes in pieces, and left alone when it does not answer', async () => {
    let together = 0;
    let most = 0;
    let fails = false;
    const told = jest.spyOn(world.l2, 'invalidate').mockImplementation(async () => {
      together += 1;
      most = Math.max(most, together);
      await Promise.resolve();
      together -= 1;
      if (fails) throw new Error('down');
    });
    const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`);
    for (const key of keys) world.change(key);
    const cache = world.cache();
    cache.drop(keys, 'v1');
    await cache.getMany(keys);
    expect(told).toHaveBeenCalledTimes(1_000);
    expect(most).toBeLessThanOrEqual(64);
    fails = true;
    cache.drop(keys, 'v2');
    await cache.getMany(keys);
    expect(told.mock.calls.length).toBeLessThanOrEqual(1_064);
    expect(cache.stats().l3.loads).toBe(2_000);
  });
});

/** L2 that does what it is asked at once and says so when `open` resolves. */
function answeringLate(l2: World['l2'], method: 'readMany' | 'invalidate', open: Promise<void>): SharedTier {
  return new Proxy<SharedTier>(l2, {
    get: (target, name) => {
      const work = (Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>).bind(target);
      if (name !== method) return work;
      return async (...args: unknown[]) => {
        const answer = await work(...args);
        await open;
        return answer;
      };
    },
  });
}
