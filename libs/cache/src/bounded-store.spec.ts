import fc from 'fast-check';
import { FrequencyStore } from './bounded-store';
import { FrequencySketch, hashOf } from './frequency-sketch';

const MAX = 1_000;

describe('a store bounded by weight', () => {
  test('is a map that forgets, never above its weight, whatever happens', () => {
    const key = fc.nat(40).map((n) => `k${n}`);
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key, weight: fc.integer({ min: 1, max: 1_200 }) }),
      fc.record({ do: fc.constantFrom('get' as const, 'get' as const, 'delete' as const), key }),
      fc.record({ do: fc.constant('clear' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        let evictions = 0;
        const store = new FrequencyStore<number>(MAX, () => (evictions += 1));
        const model = new Map<string, { entry: number; weight: number }>();
        for (const [entry, one] of steps.entries()) {
          if (one.do === 'set') {
            store.set(one.key, entry, one.weight);
            model.set(one.key, { entry, weight: one.weight });
          } else if (one.do === 'delete') {
            store.delete(one.key);
            model.delete(one.key);
          } else if (one.do === 'clear') {
            store.clear();
            model.clear();
          } else expect([undefined, model.get(one.key)?.entry]).toContain(store.get(one.key));
          for (const known of [...model.keys()])
            if (store.peek(known) === undefined && (evictions -= 1) >= 0) model.delete(known);
          expect(store.size).toBe(model.size);
          expect(store.weight).toBe([...model.values()].reduce((sum, { weight }) => sum + weight, 0));
          expect(store.weight).toBeLessThanOrEqual(MAX);
          expect(evictions).toBe(0);
        }
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  test('holds nothing of what was deleted, however often', () => {
    const store = new FrequencyStore<number>(1_000_000, () => undefined);
    for (let key = 0; key < 10_000; key += 1) {
      store.set(`k${key}`, key, 1);
      store.delete(`k${key}`);
    }
    expect([store.size, store.weight]).toEqual([0, 0]);
    expect(store.windowPlaces).toBeLessThan(200);
  });

  test('keeps what is used often through a scan of what is used once', () => {
    const store = new FrequencyStore<number>(100, () => undefined);
    const read = (key: string): boolean => {
      if (store.get(key) !== undefined) return true;
      store.set(key, 1, 1);
      return false;
    };
    for (let round = 0; round < 10; round += 1) for (let hot = 0; hot < 50; hot += 1) read(`hot${hot}`);
    for (let cold = 0; cold < 1_000; cold += 1) read(`cold${cold}`);
    let hits = 0;
    for (let hot = 0; hot < 50; hot += 1) hits += read(`hot${hot}`) ? 1 : 0;
    expect(hits).toBeGreaterThan(45);
  });

  test('learns another set of keys when the old one is no longer used', () => {
    const store = new FrequencyStore<number>(100, () => undefined);
    const rate = (prefix: string, rounds: number): number => {
      let hits = 0;
      for (let round = 0; round < rounds; round += 1)
        for (let key = 0; key < 90; key += 1) {
          if (store.get(`${prefix}${key}`) !== undefined) hits += 1;
          else store.set(`${prefix}${key}`, 1, 1);
        }
      return hits / (rounds * 90);
    };
    rate('old', 500);
    rate('new', 100);
    expect(rate('new', 10)).toBeGreaterThan(0.9);
  });
});

describe('a frequency sketch', () => {
  test('never counts too few, also when it has grown; aging halves', () => {
    const sketch = new FrequencySketch();
    for (let key = 0; key < 200; key += 1) for (let use = 0; use <= key % 7; use += 1) sketch.add(hashOf(`k${key}`));
    sketch.ensure(5_000);
    for (let key = 0; key < 200; key += 1)
      expect(sketch.estimate(hashOf(`k${key}`))).toBeGreaterThanOrEqual((key % 7) + 1);
    sketch.raise(hashOf('x'), 1_000);
    expect(sketch.estimate(hashOf('x'))).toBe(255);
    sketch.age(3);
    expect(sketch.estimate(hashOf('x'))).toBe(31);
  });
});
