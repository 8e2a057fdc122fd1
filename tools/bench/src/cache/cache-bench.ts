import { UserError, labelled } from '@coupon/platform';
import { OWN_PROCESS_SOURCES, startServers } from '@coupon/servers';
import { medians, thisMachine } from '../bench';
import type { Bench, BenchContext, BenchReport, Numbers, Target } from '../bench';
import { hitRateTargets, measureHitRates } from './hit-rates';
import type { HitRates } from './hit-rates';
import { Invalidation } from './invalidation';
import { measureLocal, measureShared } from './speed';
import { Stampede } from './stampede';

const CASES = ['speed', 'stampede', 'hit-rate', 'invalidation'] as const;
const KEYS = 20_000;
const READS = 400_000;
const LEAST_HITS_PER_SECOND = 2_000_000;
const MOST_MS_TO_LAST_DROP = 250;
/** Of a round of `invalidation`. */
const SECONDS = 10;

/**
 * What a hit of each level costs, a stampede over processes, hit rates next to LRU, transitory, an oracle and Belady; and with the worker and four
 * instances, how long a commit takes to all their L1. `--size` is the number of reads of a trace, `--seconds` the length of a round of `invalidation`.
 */
export const cacheBench: Bench = async (context): Promise<BenchReport> => {
  const { rounds, size = READS, screen, signal } = context;
  const cases = context.cases ?? CASES;
  if (cases.some((name) => !(CASES as readonly string[]).includes(name)))
    throw new UserError(`--case: ${CASES.join(', ')}`);
  const runs = [await measureSpeed(context, cases), await measureInvalidation(context, cases)].filter(
    (some) => some.length > 0,
  );
  const next = async (): Promise<void> => {
    // Lets a signal through: the measured part is synchronous.
    await new Promise(setImmediate);
    signal.throwIfAborted();
  };
  const rates = cases.includes('hit-rate') ? await measureHitRates(KEYS, size, next) : [];
  for (const rate of rates) screen.line(labelled('hit rate', describe(rate)));
  const figures = Object.fromEntries(runs.flatMap((some) => Object.entries(medians(some))));
  const targets = [...figureTargets(figures), ...hitRateTargets(rates)];
  for (const { met, figure, median, target } of targets)
    screen.line(labelled(met ? 'met' : 'NOT MET', `${figure} ${median} (${target})`));
  return {
    name: 'cache',
    machine: thisMachine(),
    at: new Date().toISOString(),
    setup: { rounds, keys: KEYS, reads: size, value_bytes: 1_024 },
    runs: [...runs.flat(), ...rates],
    median: figures,
    floor: Object.fromEntries(Object.entries(figures).filter(([name]) => name.startsWith('floor_'))),
    ratio: (figures['l1_hits_per_second'] ?? 0) / (figures['floor_map_reads_per_second'] ?? Infinity),
    targets,
  };
};

async function measureSpeed(
  { rounds, screen, signal, defer }: BenchContext,
  cases: readonly string[],
): Promise<Numbers[]> {
  const [speed, stampede] = [cases.includes('speed'), cases.includes('stampede')];
  if (!speed && !stampede) return [];
  const servers = await startServers({
    need: ['redis'],
    purpose: 'bench',
    sources: [...OWN_PROCESS_SOURCES, 'docker'],
    log: screen.line,
  });
  defer(() => servers.stop());
  const { url } = servers.endpoints.redis;
  const processes = stampede ? await Stampede.start(url, defer) : undefined;
  const runs: Numbers[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    signal.throwIfAborted();
    const run = {
      ...(speed ? { ...(await measureLocal()), ...(await measureShared(url, defer)) } : {}),
      ...(await processes?.run()),
    };
    runs.push(run);
    show(screen, round, run);
  }
  return runs;
}

async function measureInvalidation(context: BenchContext, cases: readonly string[]): Promise<Numbers[]> {
  if (!cases.includes('invalidation')) return [];
  const invalidation = await Invalidation.start(context, context.seconds ?? SECONDS);
  const runs: Numbers[] = [];
  for (let round = 1; round <= context.rounds; round += 1) {
    const run = await invalidation.run(context.signal);
    runs.push(run);
    show(context.screen, round, run);
  }
  return runs;
}

function show(screen: BenchContext['screen'], round: number, run: Numbers): void {
  const text = Object.entries(run).map(([name, value]) => `${name} ${value}`);
  screen.line(labelled(`round ${round}`, text.join(', ')));
}

function figureTargets(figures: Numbers): Target[] {
  const target = (figure: string, bound: 'at least' | 'at most', value: number): Target[] => {
    const median = figures[figure];
    if (median === undefined) return [];
    return [{ figure, target: value, bound, median, met: bound === 'at least' ? median >= value : median <= value }];
  };
  return [
    ...target('l1_hits_per_second', 'at least', LEAST_HITS_PER_SECOND),
    ...target('stampede_loads', 'at most', 1),
    ...target('commit_to_last_drop_p99_ms', 'at most', MOST_MS_TO_LAST_DROP),
  ];
}

function describe({ trace, share, l1, transitory, lru, oracle, belady }: HitRates): string {
  const size = `${share * 100} %`.padEnd(5);
  return `${trace.padEnd(17)} ${size} L1 ${l1}, transitory ${transitory}, LRU ${lru}, oracle ${oracle}, Belady ${belady}`;
}
