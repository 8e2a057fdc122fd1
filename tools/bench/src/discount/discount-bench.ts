import { calculate } from '@coupon/discount';
import type { CalculationRequest, Quote } from '@coupon/discount';
import { UserError, labelled } from '@coupon/platform';
import { seededRandom } from '@coupon/testing';
import { median, medians, thisMachine } from '../bench';
import type { Bench, BenchReport, Numbers, Target } from '../bench';
import { CANDIDATES, LINES, MIXES, requestOf } from './mixes';
import type { MixName, RandomInt } from './mixes';
import { verifyBest } from './verify-best';

const CARTS = 300;
const WARM_UP_CARTS = 100;
const MOST_MEDIAN_MS = 5;
const MOST_P99_MS = 20;

type Figures = Record<'best_median_ms' | 'best_p99_ms' | 'best_max_ms' | 'given_median_ms' | 'given_p99_ms', number>;
type Run = Figures & { readonly round: number; readonly mix: MixName };

/**
 * The best combination of 20 candidates for 50 lines, per mix of coupons. The floor is the same call with the winning coupons given: the
 * same checks, application and allocation down to the unit, without the search. One cart of every mix is verified by trying all combinations.
 */
export const discountBench: Bench = async ({ rounds, size = CARTS, cases, screen, signal }): Promise<BenchReport> => {
  const known = Object.keys(MIXES) as MixName[];
  const mixes = known.filter((mix) => cases === undefined || cases.includes(mix));
  if (cases !== undefined && mixes.length !== new Set(cases).size) throw new UserError(`--case: ${known.join(', ')}`);
  const random = seededRandom(50_20);
  const int: RandomInt = (from, to) => random.int(from, to);
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const mix of mixes) {
      // Lets a signal through: the measured part is synchronous.
      await new Promise(setImmediate);
      signal.throwIfAborted();
      if (round === 1) verifyBest(mix, requestOf(mix, int));
      const run = { round, mix, ...measure(mix, size, int) };
      runs.push(run);
      screen.line(labelled(`round ${round}`, describe(run)));
    }
  }
  const figures = Object.fromEntries(mixes.map((mix) => [mix, figuresOf(runs, mix)]));
  const floor = Object.fromEntries(mixes.map((mix) => [mix, floorOf(runs, mix)]));
  const targets = mixes.flatMap((mix) => targetsOf(mix, figures[mix] ?? {}));
  for (const target of targets) {
    screen.line(
      labelled(target.met ? 'met' : 'NOT MET', `${target.figure} ${target.median} (at most ${target.target})`),
    );
  }
  return {
    name: 'discount',
    machine: thisMachine(),
    at: new Date().toISOString(),
    setup: { rounds, carts: size, lines: LINES, candidates: CANDIDATES },
    runs,
    median: figures,
    floor,
    ratio: rounded(median(runs.map((run) => run.best_median_ms / run.given_median_ms))),
    targets,
  };
};

function measure(mix: MixName, size: number, int: RandomInt): Figures {
  for (let cart = 0; cart < WARM_UP_CARTS; cart += 1) {
    const request = requestOf(mix, int);
    calculate(givenOf(request, priced(request)));
  }
  const best: number[] = [];
  const given: number[] = [];
  for (let cart = 0; cart < size; cart += 1) {
    const request = requestOf(mix, int);
    const [quote, bestMs] = timed(() => priced(request));
    const again = givenOf(request, quote);
    const [floor, givenMs] = timed(() => priced(again));
    if (floor.discountMinor !== quote.discountMinor) throw new Error(`${mix}: the winners given price differently`);
    best.push(bestMs);
    given.push(givenMs);
  }
  return {
    best_median_ms: rounded(median(best)),
    best_p99_ms: rounded(quantile(best, 0.99)),
    best_max_ms: rounded(Math.max(...best)),
    given_median_ms: rounded(median(given)),
    given_p99_ms: rounded(quantile(given, 0.99)),
  };
}

function priced(request: CalculationRequest): Quote {
  const calculation = calculate(request);
  if (calculation.outcome !== 'priced') throw new Error(`refused: ${calculation.code}`);
  if (!calculation.optimal) throw new Error('the search gave up');
  return calculation;
}

function givenOf(request: CalculationRequest, { applied }: Quote): CalculationRequest {
  const ids = new Set(applied.map(({ id }) => id));
  const coupons = request.coupons.filter(({ id }) => id !== null && ids.has(id));
  return { ...request, coupons, mode: 'given' };
}

function timed<T>(work: () => T): [T, number] {
  const start = process.hrtime.bigint();
  const result = work();
  return [result, Number(process.hrtime.bigint() - start) / 1e6];
}

/** Nearest rank. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? 0;
}

function figuresOf(runs: readonly Run[], mix: MixName): Numbers {
  const { best_median_ms, best_p99_ms, best_max_ms } = medianRun(runs, mix);
  return { best_median_ms, best_p99_ms, best_max_ms };
}

function floorOf(runs: readonly Run[], mix: MixName): Numbers {
  const { given_median_ms, given_p99_ms } = medianRun(runs, mix);
  return { given_median_ms, given_p99_ms };
}

function medianRun(runs: readonly Run[], mix: MixName): Figures {
  const own = runs.filter((run) => run.mix === mix).map(({ mix: _, ...figures }) => figures);
  return medians(own) as Figures;
}

function targetsOf(mix: MixName, figures: Numbers): readonly Target[] {
  const target = (figure: string, value: number, most: number): Target => ({
    figure: `${mix}: ${figure}`,
    target: most,
    bound: 'at most',
    median: value,
    met: value <= most,
  });
  return [
    target('best_median_ms', figures['best_median_ms'] ?? Infinity, MOST_MEDIAN_MS),
    target('best_p99_ms', figures['best_p99_ms'] ?? Infinity, MOST_P99_MS),
  ];
}

function describe({ mix, best_median_ms, best_p99_ms, best_max_ms, given_median_ms }: Run): string {
  return `${mix.padEnd(12)} best ${best_median_ms} ms, p99 ${best_p99_ms} ms, max ${best_max_ms} ms; given ${given_median_ms} ms`;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
