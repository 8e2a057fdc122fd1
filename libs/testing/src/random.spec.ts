import { isIdText } from '@coupon/domain';
import { seededRandom, uniqueActivityId } from './random';

describe('seededRandom', () => {
  it('gives the same sequence for the same seed and another one for another seed', () => {
    const sequence = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random.int(1, 1000));
    };
    expect(sequence(42)).toEqual(sequence(42));
    expect(sequence(42)).not.toEqual(sequence(43));
  });

  it('keeps whole numbers within their bounds, both included', () => {
    const random = seededRandom(1);
    const seen = new Set(Array.from({ length: 300 }, () => random.int(1, 3)));
    expect([...seen].sort()).toEqual([1, 2, 3]);
  });

  it('shuffles without losing anything and leaves the original alone', () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8];
    const shuffled = seededRandom(7).shuffle(items);
    expect(items).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort()).toEqual(items);
  });

  it('refuses to pick from nothing', () => {
    expect(() => seededRandom(1).pick([])).toThrow(RangeError);
  });

  it('makes ids that are valid, different and safe as JSON numbers', () => {
    const ids = Array.from({ length: 200 }, () => uniqueActivityId());
    expect(new Set(ids).size).toBe(200);
    for (const id of ids) expect(isIdText(id) && Number.isSafeInteger(Number(id))).toBe(true);
  });
});
