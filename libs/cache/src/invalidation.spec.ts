import { World, gate, turns } from '../test/support/world';

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
});
