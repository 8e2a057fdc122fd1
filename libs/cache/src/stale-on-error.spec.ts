import { World, listening } from '../test/support/world';

let world: World;
beforeEach(() => {
  world = new World();
  world.change('a');
});
afterEach(() => world.close());

describe('in place of an error', () => {
  test('a value past its end is answered in place of an error, marked, for a bounded time', async () => {
    const cache = world.cache({ l2: null, l1TtlMs: 1_000, staleOnErrorMs: 500 });
    await cache.get('a');
    world.failure = new Error('origin down');
    world.clock.advance(1_500);
    expect(await cache.get('a')).toMatchObject({ value: { version: 1 }, stale: true });
    world.clock.advance(1);
    await expect(cache.get('a')).rejects.toThrow('origin down');
    expect(cache.stats().stale_answers).toBe(1);
  });

  test('a value that is known to have changed is never answered in place of an error', async () => {
    const cache = world.cache({ l2: null });
    await cache.get('a');
    world.failure = new Error('origin down');
    cache.drop(['a'], world.change('a'));
    await expect(cache.get('a')).rejects.toThrow('origin down');
  });

  test('what L1 had may stand in for an error, marked', async () => {
    const { freshness, beat } = listening(world);
    const cache = world.cache({ freshness });
    beat();
    await cache.get('a');
    world.clock.advance(501);
    world.failure = new Error('origin down');
    expect(await cache.get('a')).toMatchObject({ level: 'l1', stale: true });
  });
});
