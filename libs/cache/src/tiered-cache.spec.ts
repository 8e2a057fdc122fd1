import { alwaysThrow } from '@coupon/testing';
import { World, levelOf, rowCodec, turns } from '../test/support/world';
import { CacheLoadTimeoutError, CacheLoaderContractError } from './errors';
import { MemorySharedTier } from './memory-shared-tier';

let world: World;
beforeEach(() => {
  world = new World();
  world.change('a');
});
afterEach(() => world.close());

describe('a tiered cache', () => {
  test('asks the origin once, then L1; another process asks L2', async () => {
    const [cache, other] = [world.cache(), world.cache()];
    expect(await cache.get('a')).toEqual({ kind: 'found', value: { id: 'a', version: 1 }, level: 'l3', stale: false });
    expect(await levelOf(cache)).toBe('l1');
    await turns();
    expect([await levelOf(other), await levelOf(other)]).toEqual(['l2', 'l1']);
    expect(world.calls).toEqual([['a']]);
  });

  test('answers all readers with one frozen value, copied for nobody', async () => {
    const cache = world.cache();
    await cache.get('a');
    const [first, second] = [cache.getLocal('a'), cache.getLocal('a')];
    expect(first).toBe(second);
    expect(cache.get('a')).toBe(cache.get('a'));
    expect(first?.kind === 'found' && Object.isFrozen(first.value)).toBe(true);
    expect(cache.getLocal('b')).toBeUndefined();
  });

  test('single flight: readers of one key share one load', async () => {
    const cache = world.cache();
    const release = world.hold();
    const reads = Array.from({ length: 100 }, () => cache.get('a'));
    await turns();
    release();
    expect(new Set(await Promise.all(reads)).size).toBe(1);
    expect(world.calls).toHaveLength(1);
    expect(cache.stats().coalesced).toBe(99);
  });

  test('absence is remembered in both levels, for a shorter time', async () => {
    const [cache, other] = [world.cache({ negativeTtlMs: 1_000 }), world.cache()];
    expect(await cache.get('none')).toEqual({ kind: 'absent', level: 'l3', stale: false });
    expect(await levelOf(cache, 'none')).toBe('l1');
    await turns();
    expect(await other.get('none')).toEqual({ kind: 'absent', level: 'l2', stale: false });
    world.clock.advance(1_001);
    expect(await levelOf(cache, 'none')).toBe('l3');
  });

  test('times to live end, shortened at random by at most the jitter', async () => {
    const ends = async (random: number): Promise<number> => {
      const cache = world.cache({ l2: null, l1TtlMs: 1_000, jitter: 0.2, random: () => random });
      await cache.get('a');
      for (let ms = 0; ; ms += 1) {
        if (cache.getLocal('a') === undefined) return ms;
        world.clock.advance(1);
      }
    };
    expect([await ends(0), await ends(0.5), await ends(0.999)]).toEqual([1_000, 900, 801]);
  });

  test('options out of range are refused, all at once', () => {
    expect(() => world.cache({ maxWeightBytes: 0, jitter: 2, leaseMs: 0, l1TtlMs: NaN })).toThrow(
      /l1TtlMs.*leaseMs.*jitter.*maxWeightBytes/,
    );
  });
});

describe('when something fails', () => {
  test('an L2 that fails is an L2 without the value; it is left alone for a while, then asked again', async () => {
    const l2 = alwaysThrow(new MemorySharedTier({ nowMs: world.clock.nowMs }), 'readMany', new Error('down'));
    const cache = world.cache({ l2, l2RestMs: 100 });
    for (const key of ['a', 'b', 'c']) expect(await levelOf(cache, key)).toBe('l3');
    expect(cache.stats().l2.errors).toBe(1);
    world.clock.advance(100);
    await cache.get('d');
    expect(cache.stats().l2.errors).toBe(2);
    expect(await levelOf(cache)).toBe('l1');
  });

  test('an invalidation that L2 has not confirmed is the caller’s to repeat; L1 has forgotten by then', async () => {
    const l2 = alwaysThrow(world.l2, 'invalidate', new Error('down'));
    const cache = world.cache({ l2 });
    await cache.get('a');
    await turns();
    await expect(cache.invalidate(['a'], world.change('a'))).rejects.toThrow('down');
    expect(await cache.get('a')).toMatchObject({ level: 'l3', value: { version: 2 } });
  });

  test('a loader that is late is an error; the next read asks again, and what comes late is thrown away', async () => {
    const cache = world.cache({ loadTimeoutMs: 1_000 });
    const release = world.hold();
    const read = cache.get('a');
    await turns();
    world.clock.advance(1_000);
    await expect(read).rejects.toThrow(CacheLoadTimeoutError);
    release();
    await turns();
    expect(await levelOf(cache)).toBe('l3');
  });

  test.each([
    ['too few', async () => []],
    ['undefined', async () => [undefined]],
    ['nothing', async () => undefined],
  ])('a loader that answers %s is a fault, not a value', async (_, load) => {
    const cache = world.cache({ load: load as never });
    await expect(cache.get('a')).rejects.toThrow(CacheLoaderContractError);
    expect(cache.getLocal('a')).toBeUndefined();
  });

  test.each([
    ['another version of the codec', { codecVersion: 2, payload: '{"id":"a","version":9}' }],
    ['no JSON', { codecVersion: 1, payload: '{' }],
    ['another shape', { codecVersion: 1, payload: '{"id":1}' }],
  ])('an entry that cannot be decoded (%s) is a miss, counted, and replaced', async (_, value) => {
    await world.l2.fill('a', await world.l2.begin('a'), value, 60_000);
    const cache = world.cache();
    expect(await cache.get('a')).toMatchObject({ level: 'l3', value: { version: 1 } });
    expect(cache.stats().l2.decode_errors).toBe(1);
    await turns();
    expect(await levelOf(world.cache())).toBe('l2');
  });

  test('a value that cannot be encoded is answered and kept nowhere', async () => {
    const codec = { ...rowCodec, encode: () => JSON.stringify(1n) };
    const cache = world.cache({ codec });
    expect([await levelOf(cache), await levelOf(cache)]).toEqual(['l3', 'l3']);
    expect(cache.stats().l2.encode_errors).toBe(2);
  });
});

describe('batches', () => {
  test('one read of L2 and one load for what is missing; results in the order of the keys', async () => {
    for (const id of ['b', 'c', 'd']) world.change(id);
    await world.cache().get('b');
    await turns();
    const reads = jest.spyOn(world.l2, 'readMany');
    const cache = world.cache();
    await cache.get('a');
    const results = await cache.getMany(['d', 'a', 'none', 'b', 'c', 'd']);
    expect(results.map((result) => (result.kind === 'found' ? result.value.id : null))).toEqual([
      'd',
      'a',
      null,
      'b',
      'c',
      'd',
    ]);
    expect(results.map(({ level }) => level)).toEqual(['l3', 'l1', 'l3', 'l2', 'l3', 'l3']);
    expect(reads).toHaveBeenCalledTimes(2);
    expect(world.calls).toEqual([['b'], ['a'], ['d', 'none', 'c']]);
  });

  test('a key that is none is an error for the batch, and holds up nobody else', async () => {
    const keyOf = (key: string): string => {
      if (key === 'none') throw new Error('no key');
      return key;
    };
    const cache = world.cache({ l2: null, keyOf });
    await expect(cache.getMany(['a', 'none'])).rejects.toThrow('no key');
    void cache.get('a');
    await turns();
    expect(cache.getLocal('a')).toMatchObject({ value: { version: 1 } });
  });

  test('warm-up loads in batches and tells how far it is; a failing batch is counted', async () => {
    const keys = Array.from({ length: 25 }, (_, index) => `k${index}`);
    for (const key of keys.slice(1)) world.change(key);
    const cache = world.cache();
    const seen: number[] = [];
    const failed: unknown[] = [];
    const end = await cache.warmUp(keys, {
      batch: 10,
      onFailure: (some, error) => failed.push(some, error),
      onProgress: ({ done }) => {
        seen.push(done);
        world.failure = done === 20 ? new Error('down') : undefined;
      },
    });
    expect(seen).toEqual([10, 20, 25]);
    expect(failed).toEqual([keys.slice(20), new Error('down')]);
    expect(end).toEqual({ total: 25, done: 25, found: 19, absent: 1, failed: 5 });
    expect(cache.getLocal('k19')).toMatchObject({ level: 'l1' });
  });

  test('a warm-up can be ended', async () => {
    const ended = new AbortController();
    const options = { batch: 1, signal: ended.signal, onProgress: () => ended.abort() };
    expect(await world.cache().warmUp(['a', 'b'], options)).toMatchObject({ done: 1 });
  });
});
