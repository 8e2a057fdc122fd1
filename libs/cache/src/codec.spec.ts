import { deepFreeze, jsonCodec } from './codec';

const codec = jsonCodec<{ id: bigint; tags: readonly string[] }>({
  version: 2,
  toJson: ({ id, tags }) => ({ id: String(id), tags }),
  parse: (json) => {
    const { id, tags } = json as { id: string; tags: string[] };
    return { id: BigInt(id), tags };
  },
});

describe('a JSON codec', () => {
  test('gives back what was written, frozen all the way down', () => {
    const value = codec.decode(codec.encode({ id: 9_007_199_254_740_993n, tags: ['a'] }));
    expect(value).toEqual({ id: 9_007_199_254_740_993n, tags: ['a'] });
    expect([Object.isFrozen(value), Object.isFrozen(value.tags)]).toEqual([true, true]);
  });

  test('refuses what JSON cannot carry', () => {
    const anything = jsonCodec<unknown>({ version: 1, parse: (json) => json });
    expect(() => anything.encode(undefined)).toThrow(TypeError);
    expect(() => anything.encode(1n)).toThrow(TypeError);
  });

  test('freezes what is nested in what is frozen to the eye only once', () => {
    const cyclic: { self?: unknown; list: number[] } = { list: [1] };
    cyclic.self = cyclic;
    expect(Object.isFrozen(deepFreeze(cyclic).list)).toBe(true);
  });
});
