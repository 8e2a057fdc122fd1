import type { SeededRandom } from '@coupon/testing';

export interface Trace {
  readonly name: string;
  /** Stationary traces are judged in their second half, when the caches are warm, against the oracle; others from the start, against LRU. */
  readonly stationary: boolean;
  readonly keys: Int32Array;
}

/** Number of the key at a rank drawn from a Zipf distribution, 0 the most frequent; by inversion of its cumulative sum. */
function zipf(keys: number, exponent: number, random: SeededRandom): () => number {
  const sums = new Float64Array(keys);
  let total = 0;
  for (let rank = 0; rank < keys; rank += 1) sums[rank] = total += (rank + 1) ** -exponent;
  return () => {
    const wanted = random.next() * total;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** The traces of one run. Keys of a scan are read once and never again. */
export function tracesOf(keys: number, reads: number, random: SeededRandom): readonly Trace[] {
  const hot = zipf(keys, 0.99, random);
  let scanned = keys;
  const made = (name: string, stationary: boolean, next: (index: number) => number): Trace => ({
    name,
    stationary,
    keys: Int32Array.from({ length: reads }, (_, index) => next(index)),
  });
  const pace = Math.max(Math.floor(reads / 10), 1);
  const scanEvery = keys;
  return [
    ...[0.8, 0.99, 1.2].map((exponent) => made(`zipf-${exponent}`, true, zipf(keys, exponent, random))),
    // A fifth of all reads is a scan, in one piece per as many reads as there are keys.
    made('scan-polluted', false, (index) => (index % scanEvery < scanEvery / 5 ? (scanned += 1) : hot())),
    // Ten times in the trace, all ranks belong to other keys at once.
    made('shifting-hot-set', false, (index) => (hot() + Math.floor(index / pace) * Math.floor(keys * 0.15)) % keys),
    // The ranks move on by one key every 50 reads: no key stays hot.
    made('drifting-hot-set', false, (index) => (hot() + Math.floor(index / 50)) % keys),
  ];
}
