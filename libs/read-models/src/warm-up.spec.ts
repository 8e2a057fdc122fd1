import { TieredCache, alwaysFresh, jsonCodec } from '@coupon/cache';
import { eventually } from '@coupon/testing';
import { WarmUp } from './warm-up';
import type { WarmUpOptions } from './warm-up';

const lines: { level: 'info' | 'warn'; attributes: object }[] = [];
const logger = {
  info: (attributes: object) => void lines.push({ level: 'info', attributes }),
  warn: (attributes: object) => void lines.push({ level: 'warn', attributes }),
};
const keysOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`);
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  lines.length = 0;
});

interface Cache {
  readonly cache: TieredCache<string, string>;
  readonly calls: (readonly string[])[];
  failing: (key: string) => boolean;
}

function aCache(name: string): Cache {
  const calls: (readonly string[])[] = [];
  const state: Cache = {
    calls,
    failing: () => false,
    cache: new TieredCache<string, string>({
      name,
      keyOf: String,
      codec: jsonCodec({ version: 1, parse: String }),
      load: async (keys) => {
        calls.push(keys);
        if (keys.some((key) => state.failing(key))) throw new Error(`${name} down`);
        return keys.map((key) => (key === 'k0' ? null : key));
      },
      l2: null,
      maxWeightBytes: 2 ** 20,
      freshness: alwaysFresh,
    }),
  };
  closing.push(() => state.cache.close());
  return state;
}

function started(over: Partial<WarmUpOptions> & Pick<WarmUpOptions, 'hot'>): WarmUp {
  const freshness = { isReady: () => true, lapses: 0 };
  const warmUp = new WarmUp({ freshness, logger, pollMs: 1, firstPauseMs: 1, longestPauseMs: 4, ...over });
  warmUp.start();
  closing.unshift(() => warmUp.close());
  return warmUp;
}

describe('the warm-up', () => {
  test('reads the keys of every cache once what is read is kept, and says so once', async () => {
    const [terms, counts, sales] = [aCache('terms'), aCache('counts'), aCache('sales')];
    let ready = false;
    const warmUp = started({
      freshness: { isReady: () => ready, lapses: 0 },
      hot: [
        { keys: async () => keysOf(120), caches: [terms.cache, counts.cache] },
        { keys: async () => keysOf(2), caches: [sales.cache] },
      ],
    });
    expect(warmUp.stats()).toEqual({ state: 'waiting', attempts: 0, total: 0, found: 0, absent: 0, left: 0 });
    ready = true;
    await eventually(() => warmUp.stats().state === 'done');
    const end = { state: 'done', attempts: 1, total: 242, found: 239, absent: 3, left: 0 };
    expect(warmUp.stats()).toEqual(end);
    expect([terms, counts, sales].map(({ calls }) => calls.map((keys) => keys.length))).toEqual([
      [50, 50, 20],
      [50, 50, 20],
      [2],
    ]);
    expect(lines).toEqual([{ level: 'info', attributes: end }]);
  });

  test('tells how far it is', async () => {
    const seen: number[] = [];
    const cache = aCache('terms');
    const warmUp = started({ hot: [{ keys: async () => keysOf(120), caches: [cache.cache] }] });
    cache.failing = () => {
      if (cache.calls.length > seen.length) seen.push(warmUp.stats().left);
      return false;
    };
    await eventually(() => warmUp.stats().state === 'done');
    expect(seen).toEqual([120, 70, 20]);
  });

  test('tries what has failed again, and only that, until it has worked', async () => {
    const [terms, counts] = [aCache('terms'), aCache('counts')];
    terms.failing = (key) => key === 'k60' && terms.calls.length < 8;
    const warmUp = started({ hot: [{ keys: async () => keysOf(120), caches: [terms.cache, counts.cache] }] });
    await eventually(() => warmUp.stats().state === 'done');
    expect(warmUp.stats()).toEqual({ state: 'done', attempts: 6, total: 240, found: 238, absent: 2, left: 0 });
    expect(terms.calls.slice(3)).toEqual(Array.from({ length: 5 }, () => keysOf(120).slice(50, 100)));
    expect(counts.calls).toHaveLength(3);
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    expect(lines[0]?.attributes).toMatchObject({ err: new Error('terms down'), left: 50 });
  });

  test('asks for the keys again when they could not be had', async () => {
    const [terms, sales] = [aCache('terms'), aCache('sales')];
    let asked = 0;
    const keys = async (): Promise<string[]> => {
      asked += 1;
      if (asked < 3) throw new Error('database down');
      return keysOf(3);
    };
    const warmUp = started({
      hot: [
        { keys, caches: [terms.cache] },
        { keys: async () => keysOf(2), caches: [sales.cache] },
      ],
    });
    await eventually(() => warmUp.stats().state === 'done');
    expect(warmUp.stats()).toMatchObject({ attempts: 3, total: 5, left: 0 });
    expect([terms.calls.length, sales.calls.length]).toEqual([1, 1]);
  });

  test.each(['a lapse', 'nothing heard'])('what is not kept is read again: %s', async (what) => {
    const { cache, calls } = aCache('terms');
    const freshness = {
      isReady: () => what === 'a lapse' || calls.length !== 1 || (asked += 1) > 3,
      get lapses() {
        return what === 'a lapse' && calls.length > 0 ? 1 : 0;
      },
    };
    let asked = 0;
    const plain: string[] = [];
    const forgetful = {
      name: 'terms',
      warmUp: async (...[keys, options]: Parameters<typeof cache.warmUp>) => {
        plain.push(...keys);
        cache.dropAll();
        return cache.warmUp(keys, options);
      },
    };
    const warmUp = started({ freshness, hot: [{ keys: async () => keysOf(3), caches: [forgetful] }] });
    await eventually(() => warmUp.stats().state === 'done');
    expect(warmUp.stats()).toMatchObject({ attempts: 2, total: 3, found: 2, absent: 1, left: 0 });
    expect(plain).toEqual([...keysOf(3), ...keysOf(3)]);
  });

  test.each([
    ['while it waits to be heard', { freshness: { isReady: () => false, lapses: 0 } }, 0],
    ['between two attempts', { firstPauseMs: 60_000, longestPauseMs: 60_000 }, 1],
  ])('ends when the service closes, also %s', async (_, over, attempts) => {
    const state = aCache('terms');
    state.failing = () => true;
    const warmUp = started({ hot: [{ keys: async () => keysOf(3), caches: [state.cache] }], ...over });
    await eventually(() => warmUp.stats().state === 'waiting' && warmUp.stats().attempts === attempts);
    await warmUp.close();
    expect(warmUp.stats()).toMatchObject({ state: 'closed', attempts });
    expect(lines.map(({ level }) => level)).toEqual(attempts === 0 ? [] : ['warn']);
  });

  test('a batch under way is the last one when the service closes', async () => {
    const state = aCache('terms');
    const warmUp = started({ hot: [{ keys: async () => keysOf(120), caches: [state.cache] }] });
    state.failing = () => {
      warmUp.stopIntake();
      return false;
    };
    await eventually(() => state.calls.length > 0);
    await warmUp.close();
    expect(state.calls).toHaveLength(1);
    expect(warmUp.stats()).toMatchObject({ state: 'closed', found: 49, left: 70 });
  });
});
