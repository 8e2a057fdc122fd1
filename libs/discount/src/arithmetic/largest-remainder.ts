import { mulDiv } from './minor';
import type { Division, Minor } from './minor';

/**
 * Shares an amount out over lines in proportion to their weights by the largest remainder method (Hamilton): everybody gets the share
 * rounded down, and the units that are left go to the largest remainders, ties to the earlier line. Shares add up to the amount and none
 * exceeds its weight. Holds buffers, so that a search that shares out thousands of times allocates nothing.
 */
export class LineAllocator {
  readonly #remainders: number[];
  readonly #scratch: number[];
  readonly #division: Division = { quotient: 0, remainder: 0 };

  constructor(mostLines: number) {
    this.#remainders = new Array<number>(mostLines).fill(0);
    this.#scratch = new Array<number>(mostLines).fill(0);
  }

  /**
   * `shares[i]` becomes the share of `lines[i]`, whose weight is `weights[lines[i]]`; `total` is the sum of these weights and
   * 0 < amount <= total.
   */
  share(amount: Minor, total: Minor, lines: readonly number[], weights: readonly Minor[], shares: Minor[]): void {
    const remainders = this.#remainders;
    const division = this.#division;
    let missing = amount;
    for (let i = 0; i < lines.length; i += 1) {
      mulDiv(amount, weights[lines[i] ?? 0] ?? 0, total, division);
      shares[i] = division.quotient;
      remainders[i] = division.remainder;
      missing -= division.quotient;
    }
    if (missing > 0) this.#handOut(missing, lines.length, shares);
  }

  #handOut(missing: number, count: number, shares: Minor[]): void {
    const remainders = this.#remainders;
    const least = this.#nthLargest(missing, count);
    let atLeast = missing;
    for (let i = 0; i < count; i += 1) if ((remainders[i] ?? 0) > least) atLeast -= 1;
    for (let i = 0; i < count; i += 1) {
      const remainder = remainders[i] ?? 0;
      if (remainder > least) shares[i] = (shares[i] ?? 0) + 1;
      else if (remainder === least && atLeast > 0) {
        shares[i] = (shares[i] ?? 0) + 1;
        atLeast -= 1;
      }
    }
  }

  /** Hoare's quickselect, on a copy. */
  #nthLargest(n: number, count: number): number {
    const values = this.#scratch;
    for (let i = 0; i < count; i += 1) values[i] = this.#remainders[i] ?? 0;
    const wanted = n - 1;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const pivot = values[(low + high) >> 1] ?? 0;
      let i = low;
      let j = high;
      while (i <= j) {
        while ((values[i] ?? 0) > pivot) i += 1;
        while ((values[j] ?? 0) < pivot) j -= 1;
        if (i <= j) {
          const held = values[i] ?? 0;
          values[i] = values[j] ?? 0;
          values[j] = held;
          i += 1;
          j -= 1;
        }
      }
      if (wanted <= j) high = j;
      else if (wanted >= i) low = i;
      else break;
    }
    return values[wanted] ?? 0;
  }
}

/** So many neighbouring units, each with this amount. */
export interface Run {
  readonly count: number;
  readonly amount: Minor;
}

/**
 * The same over the units of a line, kept as runs of equal units: a line may have a million. All units of a run have the same remainder, so
 * at most one run is split, and n coupons leave at most n + 1 runs. `weights` add up to `total`, 0 <= amount <= total. Answers runs that
 * are split wherever the weights are.
 */
export function shareOverRuns(amount: Minor, total: Minor, weights: readonly Run[]): Run[] {
  if (amount === 0) return weights.map(({ count }) => ({ count, amount: 0 }));
  const division = { quotient: 0, remainder: 0 };
  let missing = amount;
  const parts = weights.map(({ count, amount: weight }, index) => {
    mulDiv(amount, weight, total, division);
    missing -= count * division.quotient;
    return { index, count, share: division.quotient, remainder: division.remainder, extra: 0 };
  });
  for (const part of [...parts].sort((a, b) => b.remainder - a.remainder || a.index - b.index)) {
    part.extra = Math.min(missing, part.count);
    missing -= part.extra;
  }
  return parts.flatMap(({ count, share, extra }) =>
    [
      { count: extra, amount: share + 1 },
      { count: count - extra, amount: share },
    ].filter((run) => run.count > 0),
  );
}
