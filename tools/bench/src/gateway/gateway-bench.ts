import { UserError, labelled } from '@coupon/platform';
import { median, thisMachine } from '../bench';
import type { Bench, BenchContext, BenchReport, Numbers, Target } from '../bench';
import { BenchBed } from './bench-bed';
import { BENCH_CASES, FSYNC_CONNECTIONS, GATEWAY_CASE_NAMES, chooseCases } from './cases';
import type { BenchCase, Subject } from './cases';
import { describeRun, measure, medianOf, rounded } from './measure';
import type { RunRecord } from './measure';
import { runMillion, runOverload } from './single-cases';
import type { SingleOutcome } from './single-cases';
import { describeTarget, medianFigure, targetsOf } from './targets';
import type { ComparedRun } from './targets';

const QUICK_SECONDS = 2;
const FULL_SECONDS = 8;
const WARM_UP_S = 0.5;
/** What others may use without a remark. */
const QUIET_CORES = 0.2;

/**
 * The gateway as it is deployed, on a Redis that syncs every claim to disk, next to a bare node:http server that gives the same answer. In
 * every round each case measures its subjects one after the other, in turn the first first and the last first.
 */
export const gatewayBench: Bench = async (context): Promise<BenchReport> => {
  const names = chooseCases(context.cases, context.full);
  if (names === undefined) throw new UserError(`--case: one or more of ${GATEWAY_CASE_NAMES.join(', ')}`);
  const cases = BENCH_CASES.filter(({ name }) => names.includes(name));
  const seconds = context.seconds ?? (context.full ? FULL_SECONDS : QUICK_SECONDS);
  const bed = await BenchBed.lay(context);
  const fdatasyncMs = bed.store.fdatasyncMedianMs();
  context.screen.line(
    labelled('disk', `fdatasync after 4 KiB: ${fdatasyncMs} ms (median), beside the append-only file`),
  );
  const compared = await runRounds(bed, cases, seconds, context);
  const others = median(compared.map(({ run }) => run.others_load ?? 0));
  if (others > QUIET_CORES) {
    context.screen.line(
      labelled('', `the machine was not quiet: others kept ${others} cores busy in half of the runs`),
    );
  }
  const singles = await runSingles(bed, names, context);
  const targets = [...targetsOf(compared), ...singles.flatMap((single) => single.targets)];
  for (const target of targets) context.screen.line(labelled(target.met ? 'met' : 'NOT MET', describeTarget(target)));
  return toReport({ bed, compared, singles, targets, seconds, fdatasyncMs, context });
};

async function runRounds(
  bed: BenchBed,
  cases: readonly BenchCase[],
  seconds: number,
  { rounds, screen }: BenchContext,
): Promise<ComparedRun[]> {
  const compared: ComparedRun[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const one of cases) {
      const records = new Map<Subject, RunRecord>();
      const order = round % 2 === 1 ? one.subjects : [...one.subjects].reverse();
      for (const subject of order) {
        const record = await measure(bed, one, subject, { round, seconds, warmUpSeconds: WARM_UP_S });
        records.set(subject, record);
        screen.line(labelled(`round ${round}`, describeRun(record)));
      }
      const reference = records.get(one.subjects[0] as Subject) as RunRecord;
      for (const run of records.values()) compared.push({ run, reference });
    }
  }
  return compared;
}

async function runSingles(bed: BenchBed, names: readonly string[], context: BenchContext): Promise<SingleOutcome[]> {
  const outcomes: SingleOutcome[] = [];
  if (names.includes('overload')) outcomes.push(await runOverload(bed, context.seconds));
  if (names.includes('million')) outcomes.push(await runMillion(bed, context.size));
  for (const { case: name, figures, answers, remarks } of outcomes) {
    const text = Object.entries(figures).map(([figure, value]) => `${figure} ${value}`);
    context.screen.line(labelled(name, `${text.join('  ')}  ${JSON.stringify(answers)}`));
    for (const remark of remarks) context.screen.line(labelled('', remark));
  }
  return outcomes;
}

interface Outcome {
  readonly bed: BenchBed;
  readonly compared: readonly ComparedRun[];
  readonly singles: readonly SingleOutcome[];
  readonly targets: readonly Target[];
  readonly seconds: number;
  readonly fdatasyncMs: number;
  readonly context: BenchContext;
}

function toReport({ bed, compared, singles, targets, seconds, fdatasyncMs, context }: Outcome): BenchReport {
  const runs = compared.map(({ run }) => run);
  const floor: Record<string, Numbers> = {};
  const figures: Record<string, Numbers> = {};
  for (const { case: name, subject } of runs) {
    const medians = medianOf(runs.filter((run) => run.case === name && run.subject === subject));
    if (subject === 'floor') floor[name] = medians;
    else figures[subject] = { ...medians, ratio: rounded(medianFigure(compared, subject), 3) };
  }
  const ratios = FSYNC_CONNECTIONS.map((n) => medianFigure(compared, `fsync-${n}`)).filter(
    (ratio) => !Number.isNaN(ratio),
  );
  return {
    name: 'gateway',
    machine: thisMachine(),
    at: new Date().toISOString(),
    setup: {
      rounds: context.rounds,
      seconds,
      warm_up_seconds: WARM_UP_S,
      redis: bed.store.version,
      appendfsync: 'always',
      aof_rewrite: 'between runs only',
      fdatasync_median_ms: fdatasyncMs,
      generator: 'node:net, HTTP/1.1 keep-alive, one request under way per connection',
    },
    runs: [...runs, ...singles.map(({ targets: _, ...single }) => single)],
    median: { ...figures, ...Object.fromEntries(singles.map((single) => [single.case, single.figures])) },
    floor,
    ratio: ratios.length === 0 ? 0 : rounded(Math.min(...ratios), 3),
    targets,
  };
}
