import { seededRandom } from '@coupon/testing';
import type { Target } from '../bench';
import { belady, frequencyStore, hitRate, leastRecentlyUsed, staticOracle, transitory } from './policies';
import { tracesOf } from './traces';

export const SHARES = [0.01, 0.05, 0.1] as const;
const LEAST_OF_ORACLE = 0.98;

export interface HitRates {
  readonly trace: string;
  readonly share: number;
  readonly l1: number;
  readonly transitory: number;
  readonly lru: number;
  readonly oracle: number;
  readonly belady: number;
}

/** Hit rates of L1 and of its yardsticks over the same reads, one entry per trace and size; `next` is called before each. */
export async function measureHitRates(keys: number, reads: number, next: () => Promise<void>): Promise<HitRates[]> {
  const rates: HitRates[] = [];
  for (const trace of tracesOf(keys, reads, seededRandom(7))) {
    const from = trace.stationary ? reads >> 1 : 0;
    for (const share of SHARES) {
      await next();
      const size = Math.floor(keys * share);
      const package_ = transitory(size);
      rates.push({
        trace: trace.name,
        share,
        l1: rounded(hitRate(trace.keys, from, frequencyStore(size))),
        transitory: rounded(hitRate(trace.keys, from, package_.read)),
        lru: rounded(hitRate(trace.keys, from, leastRecentlyUsed(size))),
        oracle: rounded(staticOracle(trace.keys, from, size)),
        belady: rounded(belady(trace.keys, from, size)),
      });
      package_.end();
    }
  }
  return rates;
}

/** 98 % of the oracle on stationary traces, LRU on the others. */
export function hitRateTargets(rates: readonly HitRates[]): Target[] {
  return rates.map(({ trace, share, l1, lru, oracle }) => {
    const stationary = trace.startsWith('zipf');
    const ratio = rounded(stationary ? l1 / oracle : l1 / lru);
    const target = stationary ? LEAST_OF_ORACLE : 1;
    const figure = `${trace} at ${share * 100} %: l1 / ${stationary ? 'oracle' : 'lru'}`;
    return { figure, target, median: ratio, met: ratio >= target };
  });
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
