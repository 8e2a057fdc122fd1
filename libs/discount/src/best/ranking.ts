import type { Minor } from '../arithmetic/minor';

/**
 * How two combinations compare: the larger discount, then fewer coupons, then the one whose earliest valid_end comes first, then the
 * lexicographically smaller ascending list of ids. Ids are given as ranks: 0 is the smallest id of the candidates.
 */
export interface Standing {
  readonly total: Minor;
  readonly count: number;
  readonly earliestEndMs: number;
  /** Ascending. */
  readonly ranks: readonly number[];
}

export const NOTHING: Standing = { total: 0, count: 0, earliestEndMs: Infinity, ranks: [] };

export function isBetter(a: Standing, b: Standing): boolean {
  if (a.total !== b.total) return a.total > b.total;
  if (a.count !== b.count) return a.count < b.count;
  if (a.earliestEndMs !== b.earliestEndMs) return a.earliestEndMs < b.earliestEndMs;
  return comesBefore(a.ranks, b.ranks);
}

export function comesBefore(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length && i < b.length; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return a.length < b.length;
}

export function ascending(ranks: readonly number[]): number[] {
  return [...ranks].sort((a, b) => a - b);
}
