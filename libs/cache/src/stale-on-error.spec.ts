import { World, listening, turns } from '../test/support/world';
import type { Row } from '../test/support/world';

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

  test('what another reader has filled meanwhile is marked when nothing is heard any more, and only then', async () => {
    for (const hears of [true, false]) {
      const { freshness, beat } = listening(world);
      beat();
      let calls = 0;
      const load = async (keys: readonly string[]): Promise<(Row | null)[]> => {
        calls += 1;
        return calls === 1 ? new Promise(() => undefined) : world.load(keys);
      };
      const cache = world.cache({ freshness, l2: null, loadTimeoutMs: 5_000, load });
      const first = cache.get('a');
      cache.drop(['a'], world.change('a'));
      const { value } = (await cache.get('a')) as { value: Row };
      if (hears) for (let ms = 0; ms < 5_000; ms += 500, world.clock.advance(500)) beat();
      else world.clock.advance(5_000);
      expect(await first).toEqual({ kind: 'found', value, level: 'l1', stale: !hears });
      expect(cache.stats().stale_answers).toBe(hears ? 0 : 1);
    }
  });

  test.each([['while nothing is heard', false] as const, ['when something is heard again', true] as const])(
    'what was heard of to the end stands in for the bounded time after that end, however long its own: %s',
    async (_, again) => {
      const { freshness, beat } = listening(world);
      const cache = world.cache({ freshness, l2: null, staleOnErrorMs: 60_000 });
      beat();
      await cache.get('a');
      for (let beats = 0; beats < 10; beats += 1) {
        world.clock.advance(400);
        beat();
      }
      world.failure = new Error('origin down');
      world.clock.advance(59_000);
      if (again) beat();
      world.clock.advance(1_000);
      if (again) beat();
      expect(await cache.get('a')).toMatchObject({ level: 'l1', stale: true });
      world.clock.advance(1);
      await expect(cache.get('a')).rejects.toThrow('origin down');
    },
  );

  test('never, when that is the bounded time', async () => {
    const { freshness, beat } = listening(world);
    const cache = world.cache({ freshness, l2: null, staleOnErrorMs: 0, l1TtlMs: 1_000 });
    beat();
    await cache.get('a');
    world.failure = new Error('origin down');
    world.clock.advance(501);
    await expect(cache.get('a')).rejects.toThrow('origin down');
    beat();
    await expect(cache.get('a')).rejects.toThrow('origin down');
    const plain = world.cache({ l2: null, staleOnErrorMs: 0, l1TtlMs: 1_000 });
    world.failure = undefined;
    await plain.get('a');
    world.failure = new Error('origin down');
    world.clock.advance(1_000);
    await expect(plain.get('a')).rejects.toThrow('origin down');
  });

  test('nothing of before a lapse where nobody knows when it was', async () => {
    const freshness = { lapses: 0, isHearing: () => true, isFresh: () => true };
    const cache = world.cache({ freshness, l2: null });
    await cache.get('a');
    world.failure = new Error('origin down');
    freshness.lapses += 1;
    await expect(cache.get('a')).rejects.toThrow('origin down');
  });

  test('nothing that a load from before a lapse brings when it is known to have changed', async () => {
    const { freshness, beat } = listening(world);
    const cache = world.cache({ freshness, l2: null });
    beat();
    const release = world.hold();
    const before = cache.get('a');
    world.clock.advance(501);
    beat();
    const after = cache.get('a');
    await turns();
    cache.drop(['a'], world.change('a'));
    release();
    expect([await before, await after]).toMatchObject([{ value: { version: 1 } }, { value: { version: 1 } }]);
    world.failure = new Error('origin down');
    await expect(cache.get('a')).rejects.toThrow('origin down');
  });
});

describe('until when changes were heard', () => {
  test('is the last heartbeat before the end, of every time they were heard that is not long over', () => {
    const { freshness, beat } = listening(world);
    beat();
    const firstMs = world.clock.nowMs();
    const { lapses: first } = freshness;
    world.clock.advance(501);
    beat();
    world.clock.advance(100);
    beat();
    freshness.lost();
    const [lastMs, last] = [world.clock.nowMs(), freshness.lapses - 1];
    expect([first, last, freshness.lapses].map((lapses) => freshness.heardUntilMs(lapses))).toEqual([
      firstMs,
      lastMs,
      -Infinity,
    ]);
    for (let times = 0; times < 1_000; times += 1) freshness.lost();
    expect(freshness.heardUntilMs(first)).toBe(firstMs);
    for (let times = 0; times < 63; times += 1) {
      beat();
      freshness.lost();
    }
    expect([freshness.heardUntilMs(first), freshness.heardUntilMs(last)]).toEqual([-Infinity, lastMs]);
  });
});
