import fc from 'fast-check';
import { LatencyHistogram } from './latency-histogram';

function exactPercentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1] ?? 0;
}

// Small and large values alike: a uniform choice would almost never be below a second.
const latency = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.nat()).map(([bits, n]) => n % 2 ** bits);

describe('LatencyHistogram', () => {
  it('gives percentiles that are never below the true one and at most 0.8 % above', () => {
    fc.assert(
      fc.property(
        fc.array(latency, { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0, 0.1, 0.5, 0.9, 0.99, 0.999, 1),
        (values, share) => {
          const histogram = new LatencyHistogram();
          for (const value of values) histogram.recordUs(value);
          const exact = exactPercentile(values, share);
          expect(histogram.percentileUs(share)).toBeGreaterThanOrEqual(exact);
          expect(histogram.percentileUs(share)).toBeLessThanOrEqual(exact * 1.008);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is exact up to 255 microseconds and in its greatest value', () => {
    const histogram = new LatencyHistogram();
    for (const value of [3, 200, 255, 1_234_567]) histogram.recordUs(value);
    expect(histogram.percentileUs(0.25)).toBe(3);
    expect(histogram.percentileUs(0.75)).toBe(255);
    expect(histogram.summary()).toMatchObject({ count: 4, max_ms: 1_234.567 });
  });

  it('takes nothing, negative and endless values', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.summary()).toEqual({ count: 0, mean_ms: 0, p50_ms: 0, p99_ms: 0, p999_ms: 0, max_ms: 0 });
    histogram.recordUs(-5);
    histogram.recordUs(1e12);
    expect(histogram.percentileUs(0.5)).toBe(0);
    expect(histogram.percentileUs(1)).toBe(2 ** 31 - 1);
  });

  it('adds up: two halves are the whole', () => {
    fc.assert(
      fc.property(fc.array(latency), fc.array(latency), (left, right) => {
        const [a, b, whole] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
        for (const value of left) a.recordUs(value);
        for (const value of right) b.recordUs(value);
        for (const value of [...left, ...right]) whole.recordUs(value);
        a.add(b);
        expect(a.summary()).toEqual(whole.summary());
      }),
    );
  });
});
