import { median } from '../bench';
import type { Target } from '../bench';
import { TIMELINE_MS } from '../load/load-plan';
import type { LoadPlan, LoadResult } from '../load/load-plan';
import type { LatencySummary } from '../load/latency-histogram';
import { residentMib } from '../process/cpu';
import type { BenchBed } from './bench-bed';
import type { GatewayProcess } from './gateway-process';
import { MOST_GENERATOR_LOAD, rounded } from './measure';
import { FIRST_USER } from './sales';
import { Told } from './told';
import { verifyTold } from './verify-told';

const PLAIN = { auth: 'none', limits: false } as const;
const CONNECTIONS = 1_000;
const PROBE_MS = 500;
const MIB_PER_RUN = 256;

const OVERLOAD = {
  capPerSecond: 2_000,
  burst: 200,
  offeredPerSecond: 20_000,
  seconds: 30,
  afterSeconds: 5,
  afterShare: 0.9,
};
const MILLION = { users: 1_000_000, perSecond: 16_000, units: 10_000 };
/** A sale that the same process has served shortly before: nobody starts a gateway at the second its sale opens. */
const SALE_BEFORE = { users: 40_000, perSecond: 4_000, units: 20_000 };
const LATER_USERS = 2_000_000_000;

/** What a case of its own has found: flat figures, and its bars. */
export interface SingleOutcome {
  readonly case: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly answers: Readonly<Record<string, number>>;
  readonly targets: readonly Target[];
  /** What keeps the case from telling what it should. */
  readonly remarks: readonly string[];
}

/**
 * Ten times more than an instance admits, for half a minute, open loop; then nine tenths of what it admits. The limit is set by
 * INSTANCE_RATE_PER_SECOND and INSTANCE_BURST.
 */
export async function runOverload(bed: BenchBed, seconds: number = OVERLOAD.seconds): Promise<SingleOutcome> {
  const { capPerSecond, offeredPerSecond, burst, afterSeconds, afterShare } = OVERLOAD;
  await bed.store.setDurability('fsync');
  const env = { INSTANCE_RATE_PER_SECOND: String(capPerSecond), INSTANCE_BURST: String(burst) };
  const gateway = await bed.gateway(PLAIN, 'fsync', { fresh: true, env });
  const arrivals = offeredPerSecond * seconds;
  const activityId = await bed.store.open({ total: 2 * arrivals, perUserLimit: 1, userRatePerSecond: 0 });
  const told = new Told([activityId]);
  const plan = openLoop(bed, gateway, activityId, {
    perSecond: offeredPerSecond,
    users: arrivals,
    maxSeconds: seconds + 5,
  });
  const watch = watchHealth(gateway);
  const during = await bed.load(plan);
  const health = await watch.end();
  const afterRate = capPerSecond * afterShare;
  const later = openLoop(bed, gateway, activityId, {
    perSecond: afterRate,
    users: afterRate * afterSeconds,
    maxSeconds: afterSeconds + 5,
  });
  const after = await bed.load({ ...later, firstUser: LATER_USERS });
  told.add(plan, during.result, during.answers);
  told.add({ ...later, firstUser: LATER_USERS }, after.result, after.answers);
  await verifyTold(bed.store.redis, told);
  await bed.store.remove([activityId]);
  await gateway.stop();
  const figures = {
    ...commonFigures(during.result),
    accepted_of_cap: rounded((during.result.answers['OK'] ?? 0) / seconds / capPerSecond, 3),
    accepted_p99_ms: during.result.measured.latency['OK']?.p99_ms ?? NaN,
    refused_p99_ms: worstRefusalP99(during.result.measured.latency),
    ...health,
    full_rate_after_seconds: fullRateAfter(after.result, afterRate),
  };
  const refusesNobody = Object.keys(during.result.answers).every((name) => name === 'OK');
  return {
    case: 'overload',
    figures,
    answers: during.result.answers,
    remarks: refusesNobody ? ['the gateway refused nobody: it does not know INSTANCE_RATE_PER_SECOND'] : [],
    targets: [
      target('overload: accepted / cap', 'at least', 0.9, figures.accepted_of_cap),
      target('overload: accepted / cap ', 'at most', 1.1, figures.accepted_of_cap),
      target('overload: p99 ms of refusals', 'at most', 50, figures.refused_p99_ms),
      target('overload: p99 ms of accepted', 'at most', 100, figures.accepted_p99_ms),
      target('overload: memory grown, MiB', 'at most', MIB_PER_RUN, figures.memory_grown_mib),
      target('overload: health checks that failed', 'at most', 0, figures.health_failed),
      target('overload: seconds until the full rate', 'at most', 2, figures.full_rate_after_seconds),
      target('overload: arrivals that were not sent', 'at most', 0, figures.unsent),
      generatorTarget('overload', figures.generator_load),
    ],
  };
}

/** A million different people for ten thousand units, open loop: latency is counted from the moment each one meant to click. */
export async function runMillion(bed: BenchBed, users: number = MILLION.users): Promise<SingleOutcome> {
  await bed.store.setDurability('fsync');
  const gateway = await bed.gateway(PLAIN, 'fsync', { fresh: true });
  await saleBefore(bed, gateway);
  const units = Math.min(MILLION.units, Math.ceil(users / 2));
  const activityId = await bed.store.open({ total: units, perUserLimit: 1, userRatePerSecond: 0 });
  const told = new Told([activityId]);
  const maxSeconds = Math.ceil((3 * users) / MILLION.perSecond) + 10;
  const plan = openLoop(bed, gateway, activityId, { perSecond: MILLION.perSecond, users, maxSeconds });
  const watch = watchHealth(gateway);
  const { result, answers } = await bed.load(plan);
  const health = await watch.end();
  told.add(plan, result, answers);
  await verifyTold(bed.store.redis, told);
  await bed.store.remove([activityId]);
  await gateway.stop();
  const won = result.answers['OK'] ?? 0;
  const figures = {
    ...commonFigures(result),
    users,
    offered_per_second: MILLION.perSecond,
    answered: (result.answers['409 SOLD_OUT'] ?? 0) + won,
    won,
    accepted_p99_ms: result.measured.latency['OK']?.p99_ms ?? NaN,
    ...health,
  };
  return {
    case: 'million',
    figures,
    answers: result.answers,
    remarks: [],
    targets: [
      target('million: answered with a win or sold out', 'at least', users, figures.answered),
      target('million: winners', 'at least', units, won),
      target('million: winners ', 'at most', units, won),
      target('million: p99 ms from the intended time', 'at most', 30, result.measured.all.p99_ms),
      generatorTarget('million', figures.generator_load),
    ],
  };
}

async function saleBefore(bed: BenchBed, gateway: GatewayProcess): Promise<void> {
  const { users, perSecond, units } = SALE_BEFORE;
  const activityId = await bed.store.open({ total: units, perUserLimit: 1, userRatePerSecond: 0 });
  const plan = openLoop(bed, gateway, activityId, { perSecond, users, maxSeconds: (3 * users) / perSecond });
  const told = new Told([activityId]);
  const { result, answers } = await bed.load(plan);
  told.add(plan, result, answers);
  await verifyTold(bed.store.redis, told);
  await bed.store.remove([activityId]);
}

function openLoop(
  bed: BenchBed,
  gateway: GatewayProcess,
  activityId: string,
  { perSecond, users, maxSeconds }: { perSecond: number; users: number; maxSeconds: number },
): LoadPlan {
  return {
    port: gateway.port,
    connections: CONNECTIONS,
    arrivals: { kind: 'open', ratePerSecond: perSecond },
    maxRequests: users,
    maxSeconds,
    warmUpSeconds: 0,
    warmUpRequests: 0,
    firstUser: FIRST_USER,
    users,
    activities: [activityId],
    watchedPids: [gateway.pid, ...bed.store.pids],
  };
}

function commonFigures({ sent, measured, delayedArrivals, mostWaiting, unsent }: LoadResult): {
  readonly sent: number;
  readonly seconds: number;
  readonly requests_per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly p999_ms: number;
  readonly max_ms: number;
  readonly server_us: number;
  readonly redis_us: number;
  readonly generator_load: number;
  readonly delayed_arrivals: number;
  readonly most_waiting: number;
  readonly unsent: number;
} {
  const { p50_ms, p99_ms, p999_ms, max_ms, count } = measured.all;
  const us = (seconds: number | null | undefined): number => rounded(((seconds ?? NaN) * 1e6) / count, 2);
  return {
    sent,
    seconds: rounded(measured.seconds, 2),
    requests_per_second: Math.round(count / measured.seconds),
    p50_ms,
    p99_ms,
    p999_ms,
    max_ms,
    server_us: us(measured.cpuSeconds[0]),
    redis_us: us(measured.cpuSeconds[1]),
    generator_load: rounded(measured.generatorCpuSeconds / measured.seconds, 3),
    delayed_arrivals: delayedArrivals,
    most_waiting: mostWaiting,
    unsent,
  };
}

/** Asks for /health now and then and looks at the memory, until told to end. */
function watchHealth(gateway: GatewayProcess): {
  end(): Promise<{ health_checks: number; health_failed: number; health_median_ms: number; memory_grown_mib: number }>;
} {
  const before = residentMib(gateway.pid) ?? NaN;
  let most = before;
  let failed = 0;
  const times: number[] = [];
  let over = false;
  const watching = (async (): Promise<void> => {
    while (!over) {
      const startedMs = performance.now();
      await gateway.probe().then(
        () => times.push(performance.now() - startedMs),
        () => (failed += 1),
      );
      most = Math.max(most, residentMib(gateway.pid) ?? NaN);
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
  })();
  return {
    end: async () => {
      over = true;
      await watching;
      return {
        health_checks: times.length + failed,
        health_failed: failed,
        health_median_ms: rounded(median(times), 1),
        memory_grown_mib: rounded(most - before, 1),
      };
    },
  };
}

function worstRefusalP99(latency: Readonly<Record<string, LatencySummary>>): number {
  const refusals = Object.entries(latency).filter(([name]) => name !== 'OK');
  return refusals.length === 0 ? NaN : Math.max(...refusals.map(([, { p99_ms }]) => p99_ms));
}

/** Seconds from the start until no half second had less than 95 % of its arrivals accepted; the whole run when it never came to that. */
export function fullRateAfter({ timeline }: Pick<LoadResult, 'timeline'>, perSecond: number): number {
  const wanted = 0.95 * perSecond * (TIMELINE_MS / 1_000);
  // The last entry is only a part of a half second.
  const whole = timeline.slice(0, -1);
  let from = whole.length;
  while (from > 0 && (whole[from - 1]?.['OK'] ?? 0) >= wanted) from -= 1;
  return (from * TIMELINE_MS) / 1_000;
}

function target(figure: string, bound: 'at least' | 'at most', wanted: number, reached: number): Target {
  const met = bound === 'at least' ? reached >= wanted : reached <= wanted;
  return { figure: figure.trim(), bound, target: wanted, median: reached, met };
}

function generatorTarget(name: string, load: number): Target {
  return target(`${name}: load of the generator, cores`, 'at most', MOST_GENERATOR_LOAD, load);
}
