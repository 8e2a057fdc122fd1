import { median } from '../bench';
import type { LoadPlan, LoadResult } from '../load/load-plan';
import { answersBetween, batchSizesBetween, sameAnswers } from './gateway-metrics';
import type { BenchBed } from './bench-bed';
import type { BenchCase, GatewaySubject, Subject } from './cases';
import { FIRST_USER, prepareSale } from './sales';
import type { PreparedSale, SaleLength } from './sales';
import { Told } from './told';
import { verifyTold } from './verify-told';

/** A generator that is busier than this measures itself. */
export const MOST_GENERATOR_LOAD = 0.7;
const FLOOR_REQUESTS_PER_SECOND = 100_000;

/** One subject's measured part of one round. Microseconds are CPU time per request. */
export interface RunRecord {
  readonly case: string;
  readonly subject: string;
  readonly round: number;
  readonly connections: number;
  readonly seconds: number;
  readonly requests_per_second: number;
  readonly accepted_per_second: number;
  readonly refused_per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly p999_ms: number;
  readonly max_ms: number;
  /** Of the gateway, or of the floor. */
  readonly server_us: number | null;
  /** Cores the gateway, or the floor, has used. */
  readonly server_load: number | null;
  readonly redis_us: number | null;
  readonly generator_us: number;
  readonly generator_load: number;
  /** Cores that everything else on the machine kept busy meanwhile, kernel included: how quiet the run was. */
  readonly others_load: number | null;
  /** False: the generator was too busy, the run is shown and not used. */
  readonly counts: boolean;
  readonly mean_batch?: number;
  readonly batch_sizes?: Readonly<Record<string, number>>;
  /** In the measured part. */
  readonly answers: Readonly<Record<string, number>>;
  /** False: the gateway's own counters by code differ from what the clients counted over the whole run. */
  readonly metrics_agree?: boolean;
}

export interface MeasureOptions extends SaleLength {
  readonly round: number;
}

export function measure(bed: BenchBed, of: BenchCase, subject: Subject, options: MeasureOptions): Promise<RunRecord> {
  return subject.kind === 'floor' ? measureFloor(bed, of, options) : measureGateway(bed, of, subject, options);
}

async function measureFloor(bed: BenchBed, of: BenchCase, options: MeasureOptions): Promise<RunRecord> {
  const floor = await bed.floorServer();
  const users = Math.ceil((options.seconds + options.warmUpSeconds) * FLOOR_REQUESTS_PER_SECOND);
  const result = await bed.generator.run({
    port: floor.ready.port,
    connections: of.connections,
    arrivals: { kind: 'closed' },
    maxRequests: users,
    maxSeconds: options.seconds,
    warmUpSeconds: options.warmUpSeconds,
    warmUpRequests: 0,
    firstUser: FIRST_USER,
    users,
    activities: ['100000001'],
    watchedPids: [floor.pid],
  });
  requireAnswers(result, ['OK']);
  return toRecord(of, 'floor', options.round, result);
}

async function measureGateway(
  bed: BenchBed,
  of: BenchCase,
  subject: GatewaySubject,
  options: MeasureOptions,
): Promise<RunRecord> {
  await bed.store.setDurability(of.durability);
  const gateway = await bed.gateway(subject.settings, of.durability, { fresh: subject.fresh });
  const sale = await prepareSale(bed.store, subject, options);
  const { auth } = subject.settings;
  const tokens = auth === 'none' ? undefined : await bed.mint.tokens(auth, sale.tokens);
  const common: Pick<LoadPlan, 'port' | 'connections' | 'arrivals' | 'watchedPids' | 'tokens'> = {
    port: gateway.port,
    connections: of.connections,
    arrivals: { kind: 'closed' },
    watchedPids: [gateway.pid, ...bed.store.pids],
    ...(tokens === undefined ? {} : { tokens }),
  };
  const told = new Told(sale.activities);
  if (sale.before !== undefined) {
    const plan = { ...common, ...sale.before };
    const { result, answers } = await bed.load(plan);
    requireAnswers(result, ['OK']);
    told.add(plan, result, answers);
  }
  const before = await gateway.metrics();
  const plan = { ...common, ...sale.crowd };
  const { result, answers } = await bed.load(plan);
  requireSale(result, sale);
  const after = await gateway.metrics();
  told.add(plan, result, answers);
  await verifyTold(bed.store.redis, told);
  await bed.store.remove(sale.activities);
  const record = toRecord(of, subject.name, options.round, result);
  return withMetrics(record, result, before, after);
}

/** Adds what two readings of /metrics tell about a run. */
export function withMetrics(record: RunRecord, { answers }: LoadResult, before: string, after: string): RunRecord {
  const batches = batchSizesBetween(before, after);
  const counted = answersBetween(before, after);
  return {
    ...record,
    ...(batches === undefined ? {} : { mean_batch: batches.mean, batch_sizes: batches.buckets }),
    ...(counted === undefined ? {} : { metrics_agree: sameAnswers(counted, answers) }),
  };
}

function requireSale(result: LoadResult, sale: PreparedSale): void {
  requireAnswers(result, sale.expected);
  for (const name of sale.expected) {
    if (result.answers[name] === undefined)
      throw new Error(`nobody was answered ${name}: ${JSON.stringify(result.answers)}`);
  }
}

/** @throws Error when there is an answer that the mix does not have: the run would measure something else. */
export function requireAnswers(result: LoadResult, expected: readonly string[]): void {
  const others = Object.entries(result.answers).filter(([name]) => !expected.includes(name));
  if (others.length === 0 && result.errors.length === 0) return;
  const what = others.map(([name, count]) => `${count} x ${name}`).join(', ');
  throw new Error(`answers that this run must not have: ${what} ${result.errors.join('; ')}`);
}

/** @param mostGeneratorLoad cores above which the run does not count */
export function toRecord(
  of: Pick<BenchCase, 'name' | 'connections'>,
  subject: string,
  round: number,
  result: LoadResult,
  mostGeneratorLoad: number = MOST_GENERATOR_LOAD,
): RunRecord {
  const { measured } = result;
  const requests = measured.all.count;
  if (requests === 0) throw new Error(`${subject}: no answer came in the measured part`);
  const accepted = measured.answers['OK'] ?? 0;
  const us = (seconds: number | null | undefined): number | null =>
    seconds === null || seconds === undefined ? null : rounded((seconds * 1e6) / requests, 2);
  const load = measured.generatorCpuSeconds / measured.seconds;
  return {
    case: of.name,
    subject,
    round,
    connections: of.connections,
    seconds: rounded(measured.seconds, 3),
    requests_per_second: Math.round(requests / measured.seconds),
    accepted_per_second: Math.round(accepted / measured.seconds),
    refused_per_second: Math.round((requests - accepted - (measured.answers['REPLAYED'] ?? 0)) / measured.seconds),
    p50_ms: measured.all.p50_ms,
    p99_ms: measured.all.p99_ms,
    p999_ms: measured.all.p999_ms,
    max_ms: measured.all.max_ms,
    server_us: us(measured.cpuSeconds[0]),
    server_load: serverLoad(measured),
    redis_us: us(measured.cpuSeconds[1]),
    generator_us: us(measured.generatorCpuSeconds) ?? 0,
    generator_load: rounded(load, 3),
    others_load: othersLoad(measured),
    counts: load < mostGeneratorLoad,
    answers: measured.answers,
  };
}

function serverLoad({ cpuSeconds: [server], seconds }: LoadResult['measured']): number | null {
  return server === undefined || server === null ? null : rounded(server / seconds, 3);
}

function othersLoad({
  machineCpuSeconds,
  cpuSeconds,
  generatorCpuSeconds,
  seconds,
}: LoadResult['measured']): number | null {
  if (machineCpuSeconds === null) return null;
  const ours = cpuSeconds.reduce<number>((sum, one) => sum + (one ?? 0), generatorCpuSeconds);
  return rounded(Math.max(0, machineCpuSeconds - ours) / seconds, 2);
}

/** Median of every number over the rounds that count. Empty when none does. */
export function medianOf(records: readonly RunRecord[]): Record<string, number> {
  const counting = records.filter(({ counts }) => counts);
  const names = Object.entries(counting[0] ?? {}).filter(
    ([name, value]) => typeof value === 'number' && name !== 'round',
  );
  return Object.fromEntries(
    names.map(([name]) => [name, median(counting.map((record) => Number(record[name as keyof RunRecord])))]),
  );
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** One line. */
export function describeRun(run: RunRecord): string {
  const name = run.subject === 'floor' ? `floor of ${run.case}` : run.subject;
  const cpu = [`${run.server_us ?? '?'} us`, ...(run.redis_us === null ? [] : [`Redis ${run.redis_us} us`])].join(
    ' + ',
  );
  const batch = run.mean_batch === undefined ? '' : `  batch ${run.mean_batch}`;
  const generator = `generator ${run.generator_us} us, ${Math.round(run.generator_load * 100)} %`;
  return (
    `${name.padEnd(20)} ${String(run.requests_per_second).padStart(6)}/s  ` +
    `p50 ${run.p50_ms}  p99 ${run.p99_ms}  p99.9 ${run.p999_ms} ms  ${cpu}${batch}  ` +
    `(${generator}, others ${run.others_load ?? '?'} cores${run.counts ? '' : ': TOO BUSY, does not count'})` +
    (run.metrics_agree === false ? '  /metrics counts other answers than the clients' : '')
  );
}
