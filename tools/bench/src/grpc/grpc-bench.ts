import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError, labelled } from '@coupon/platform';
import { thisMachine } from '../bench';
import type { Bench, BenchContext, BenchReport, Numbers } from '../bench';
import { BenchBed } from '../gateway/bench-bed';
import { describeRun, medianOf, requireAnswers, rounded, toRecord, withMetrics } from '../gateway/measure';
import type { RunRecord } from '../gateway/measure';
import { FIRST_USER } from '../gateway/sales';
import { describeTarget, medianFigure, rate, targetsOf } from '../gateway/targets';
import type { Bar, ComparedRun } from '../gateway/targets';
import { Told } from '../gateway/told';
import { verifyTold } from '../gateway/verify-told';
import { LoadGenerator } from '../load/load-generator';
import { BenchChild, bundle } from '../process/child';
import type { GrpcLoadPlan } from './grpc-load-plan';

const QUICK_SECONDS = 4;
const FULL_SECONDS = 10;
const WARM_UP_S = 1;
const MOST_PER_SECOND = 120_000;
const CHANNELS = 4;

const GRPC_CASES = [
  { name: 'unary', inFlight: 64 },
  { name: 'stream', inFlight: 256 },
] as const;
type GrpcCase = (typeof GRPC_CASES)[number];

const BARS: readonly Bar[] = [
  { figure: 'unary: rate / echo', bound: 'at least', target: 0.75, subjects: ['unary'], of: rate },
  { figure: 'stream: rate / echo', bound: 'at least', target: 0.5, subjects: ['stream'], of: rate },
];

interface GrpcBed {
  readonly bed: BenchBed;
  readonly generator: LoadGenerator<GrpcLoadPlan>;
  readonly echo: BenchChild<{ port: number }>;
}

/**
 * The gateway's gRPC, unary and in one bidirectional stream per connection, next to an echo of the same service on bare grpc-js. The
 * generator is a grpc-js client and costs about as much as a server, so it is not held to a share of a core: `generator_load` and
 * `server_load` say which of the two was at its end.
 */
export const grpcBench: Bench = async (context): Promise<BenchReport> => {
  const wanted = context.cases ?? GRPC_CASES.map(({ name }) => name);
  const cases = GRPC_CASES.filter(({ name }) => wanted.includes(name));
  if (cases.length !== new Set(wanted).size) throw new UserError('--case: unary, stream or both');
  const seconds = context.seconds ?? (context.full ? FULL_SECONDS : QUICK_SECONDS);
  const bed = await BenchBed.lay(context);
  const generator = await LoadGenerator.start<GrpcLoadPlan>('grpc/grpc-load-process', context.defer);
  const echo = await BenchChild.start<{ port: number }>(await bundle('grpc/echo-server'));
  context.defer(() => echo.stop());
  const compared = await runRounds({ bed, generator, echo }, cases, seconds, context);
  const targets = targetsOf(compared, BARS);
  for (const target of targets) context.screen.line(labelled(target.met ? 'met' : 'NOT MET', describeTarget(target)));
  const runs = compared.map(({ run }) => run);
  const figures: Record<string, Numbers> = {};
  const floor: Record<string, Numbers> = {};
  for (const { name } of cases) {
    const of = (subject: string): Numbers =>
      medianOf(runs.filter((run) => run.case === name && run.subject === subject));
    floor[name] = of('floor');
    figures[name] = { ...of(name), ratio: rounded(medianFigure(compared, name), 3) };
  }
  return {
    name: 'grpc',
    machine: thisMachine(),
    at: new Date().toISOString(),
    setup: {
      rounds: context.rounds,
      seconds,
      redis: bed.store.version,
      appendfsync: 'always',
      fdatasync_median_ms: bed.store.fdatasyncMedianMs(),
      connections: CHANNELS,
      generator: 'grpc-js client',
    },
    runs,
    median: figures,
    floor,
    ratio: Math.min(...cases.map(({ name }) => figures[name]?.['ratio'] ?? 0)),
    targets,
  };
};

async function runRounds(
  { bed, generator, echo }: GrpcBed,
  cases: readonly GrpcCase[],
  seconds: number,
  { rounds, screen }: BenchContext,
): Promise<ComparedRun[]> {
  const compared: ComparedRun[] = [];
  const show = (record: RunRecord): RunRecord => {
    screen.line(labelled(`round ${record.round}`, describeRun(record)));
    return record;
  };
  for (let round = 1; round <= rounds; round += 1) {
    for (const one of cases) {
      const measureEcho = async (): Promise<RunRecord> => show(await runEcho(generator, echo, one, seconds, round));
      const first = round % 2 === 1 ? await measureEcho() : undefined;
      const run = show(await runGateway(bed, generator, one, seconds, round));
      const reference = first ?? (await measureEcho());
      compared.push({ run: reference, reference }, { run, reference });
    }
  }
  return compared;
}

function planOf(one: GrpcCase, seconds: number): Omit<GrpcLoadPlan, 'port' | 'activityId' | 'watchedPids'> {
  return {
    mode: one.name,
    channels: CHANNELS,
    inFlight: one.inFlight,
    maxRequests: Math.ceil((seconds + WARM_UP_S) * MOST_PER_SECOND),
    maxSeconds: seconds,
    warmUpSeconds: WARM_UP_S,
    firstUser: FIRST_USER,
  };
}

async function runEcho(
  generator: LoadGenerator<GrpcLoadPlan>,
  echo: BenchChild<{ port: number }>,
  one: GrpcCase,
  seconds: number,
  round: number,
): Promise<RunRecord> {
  const plan = { ...planOf(one, seconds), port: echo.ready.port, activityId: '100000001', watchedPids: [echo.pid] };
  const result = await generator.run(plan);
  requireAnswers(result, ['OK']);
  return toRecord({ name: one.name, connections: one.inFlight }, 'floor', round, result, Infinity);
}

async function runGateway(
  bed: BenchBed,
  generator: LoadGenerator<GrpcLoadPlan>,
  one: GrpcCase,
  seconds: number,
  round: number,
): Promise<RunRecord> {
  const gateway = await bed.gateway({ auth: 'none', limits: false }, 'fsync');
  const common = planOf(one, seconds);
  const activityId = await bed.store.open({ total: common.maxRequests, perUserLimit: 1, userRatePerSecond: 0 });
  const answersFile = join(bed.directory, 'grpc-answers');
  const before = await gateway.metrics();
  const result = await generator.run({
    ...common,
    port: gateway.grpcPort,
    activityId,
    watchedPids: [gateway.pid, ...bed.store.pids],
    answersFile,
  });
  const after = await gateway.metrics();
  requireAnswers(result, ['OK']);
  const told = new Told([activityId]);
  const buyers = { activities: [activityId], users: common.maxRequests, firstUser: common.firstUser };
  told.add(buyers, result, readFileSync(answersFile));
  await verifyTold(bed.store.redis, told);
  await bed.store.remove([activityId]);
  const record = toRecord({ name: one.name, connections: one.inFlight }, one.name, round, result, Infinity);
  return withMetrics(record, result, before, after);
}
