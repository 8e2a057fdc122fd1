import { UserError, labelled } from '@coupon/platform';
import { thisMachine } from '../bench';
import type { Bench, BenchContext, BenchReport, Numbers, Target } from '../bench';
import { BenchBed } from './bench-bed';
import { BENCH_CASES, FSYNC_CONNECTIONS, GATEWAY_CASE_NAMES, chooseCases } from './cases';
import type { BenchCase, Subject } from './cases';
import { measure, medianOf, rounded } from './measure';
import type { RunRecord } from './measure';
import { describeTarget, medianFigure, targetsOf } from './targets';
import type { ComparedRun } from './targets';

const QUICK_SECONDS = 2;
const FULL_SECONDS = 8;
const WARM_UP_S = 0.5;

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
  const targets = targetsOf(compared);
  for (const target of targets) context.screen.line(labelled(target.met ? 'met' : 'NOT MET', describeTarget(target)));
  return toReport({ bed, compared, targets, seconds, fdatasyncMs, context });
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

function describeRun(run: RunRecord): string {
  const name = run.subject === 'floor' ? `floor of ${run.case}` : run.subject;
  const cpu = [`${run.server_us ?? '?'} us`, ...(run.redis_us === null ? [] : [`Redis ${run.redis_us} us`])].join(
    ' + ',
  );
  const batch = run.mean_batch === undefined ? '' : `  batch ${run.mean_batch}`;
  const generator = `generator ${run.generator_us} us, ${Math.round(run.generator_load * 100)} %, others ${run.others_load ?? '?'} cores`;
  return (
    `${name.padEnd(20)} ${String(run.requests_per_second).padStart(6)}/s  p50 ${run.p50_ms}  p99 ${run.p99_ms}  p99.9 ${run.p999_ms} ms  ` +
    `${cpu}${batch}  (${generator}${run.counts ? '' : ': TOO BUSY, does not count'})`
  );
}

interface Outcome {
  readonly bed: BenchBed;
  readonly compared: readonly ComparedRun[];
  readonly targets: readonly Target[];
  readonly seconds: number;
  readonly fdatasyncMs: number;
  readonly context: BenchContext;
}

function toReport({ bed, compared, targets, seconds, fdatasyncMs, context }: Outcome): BenchReport {
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
    runs,
    median: figures,
    floor,
    ratio: ratios.length === 0 ? 0 : rounded(Math.min(...ratios), 3),
    targets,
  };
}
