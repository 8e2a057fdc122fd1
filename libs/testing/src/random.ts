import { randomInt } from 'node:crypto';
import type { ActivityId } from '@coupon/domain';

/** A repeatable stream of random numbers. */
export interface SeededRandom {
  readonly seed: number;
  /** In [0, 1). */
  next(): number;
  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
}

/**
 * mulberry32: the same seed gives the same sequence on every machine. Without a seed a fresh one is taken, which the failing test should
 * print (`random.seed`).
 */
export function seededRandom(seed: number = randomInt(2 ** 32)): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    seed,
    next,
    int,
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[int(0, items.length - 1)] as T;
    },
    shuffle: <T>(items: readonly T[]): T[] => {
      const result = [...items];
      for (let index = result.length - 1; index > 0; index--) {
        const other = int(0, index);
        [result[index], result[other]] = [result[other] as T, result[index] as T];
      }
      return result;
    },
  };
}

/** An activity id that no other spec of any run uses: keys carry it, so it isolates a spec on a shared Redis. Safe as a JSON number. */
export function uniqueActivityId(): ActivityId {
  return String(randomInt(1, 2 ** 47) * 8 + randomInt(8)) as ActivityId;
}
