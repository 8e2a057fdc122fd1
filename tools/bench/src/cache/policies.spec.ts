import { seededRandom } from '@coupon/testing';
import { belady, frequencyStore, hitRate, leastRecentlyUsed, staticOracle } from './policies';
import { tracesOf } from './traces';

/** The best that any choice of what to keep can reach, by trying all of them. */
function bestOf(keys: readonly number[], size: number, kept: readonly number[] = [], at = 0): number {
  const key = keys[at];
  if (key === undefined) return 0;
  const hit = kept.includes(key) ? 1 : 0;
  const all = hit === 1 ? kept : [...kept, key];
  const choices = all.length <= size ? [all] : all.map((gone) => all.filter((one) => one !== gone));
  return hit + Math.max(...choices.map((choice) => bestOf(keys, size, choice, at + 1)));
}

describe('yardsticks of hit rates', () => {
  test('Belady is the best there is', () => {
    const random = seededRandom(4);
    for (let round = 0; round < 60; round += 1) {
      const keys = Array.from({ length: 11 }, () => random.int(0, 4));
      expect(Math.round(belady(Int32Array.from(keys), 0, 2) * 11)).toBe(bestOf(keys, 2));
    }
  });

  test('nothing beats Belady, and the oracle knows the counts', () => {
    for (const { keys } of tracesOf(500, 5_000, seededRandom(1))) {
      const best = belady(keys, 0, 25);
      for (const policy of [frequencyStore, leastRecentlyUsed])
        expect(hitRate(keys, 0, policy(25))).toBeLessThanOrEqual(best);
    }
    expect(staticOracle(Int32Array.from([1, 1, 2, 3, 1, 2]), 1, 2)).toBeCloseTo(4 / 5);
  });

  test('LRU lets the one go that was not read for longest', () => {
    const read = leastRecentlyUsed(2);
    expect([1, 2, 1, 3, 1, 2].map(read)).toEqual([false, false, true, false, true, false]);
  });
});
