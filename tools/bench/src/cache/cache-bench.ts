import { UserError, labelled } from '@coupon/platform';
import { OWN_PROCESS_SOURCES, startServers } from '@coupon/servers';
import { medians, thisMachine } from '../bench';
import type { Bench, BenchContext, BenchReport, Numbers, Target } from '../bench';
import { hitRateTargets, measureHitRates } from './hit-rates';
import type { HitRates } from './hit-rates';
import { measureLocal, measureShared } from './speed';
import { Stampede } from './stampede';

const CASES = ['speed', 'stampede', 'hit-rate'] as const;
const KEYS = 20_000;
const READS = 400_000;
const LEAST_HITS_PER_SECOND = 2_000_000;

/**
 * libs/cache by itself: what a hit of each level costs, a stampede over processes, hit rates next to LRU, transitory, an oracle and Belady.
 * `--size` is the number of reads of a trace.
 */
export const cacheBench: Bench = async (context): Promise<BenchReport> => {
  const { rounds, size = READS, screen, signal } = context;
  const cases = context.cases ?? CASES;
  if (cases.some((name) => !(CASES as readonly string[]).includes(name)))
    throw new UserError(`--case: ${CASES.join(', ')}`);
  const runs = await measureSpeed(context, cases);
  const next = async (): Promise<void> => {
    // Lets a signal through: the measured part is synchronous.
    await new Promise(setImmediate);
    signal.throwIfAborted();
  };
  const rates = cases.includes('hit-rate') ? await measureHitRates(KEYS, size, next) : [];
  for (const rate of rates) screen.line(labelled('hit rate', describe(rate)));
  const figures = medians(runs);
  const targets = [...speedTargets(figures), ...hitRateTargets(rates)];
  for (const { met, figure, median, target } of targets)
    screen.line(labelled(met ? 'met' : 'NOT MET', `${figure} ${median} (${target})`));
  return {
    name: 'cache',
    machine: thisMachine(),
    at: new Date().toISOString(),
    setup: { rounds, keys: KEYS, reads: size, value_bytes: 1_024 },
    runs: [...runs, ...rates],
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
    const text = Object.entries(run).map(([name, value]) => `${name} ${value}`);
    screen.line(labelled(`round ${round}`, text.join(', ')));
  }
  return runs;
}

function speedTargets(figures: Numbers): Target[] {
  const hits = figures['l1_hits_per_second'];
  const loads = figures['stampede_loads'];
  const least = LEAST_HITS_PER_SECOND;
  return [
    ...(hits === undefined ? [] : [{ figure: 'l1_hits_per_second', target: least, median: hits, met: hits >= least }]),
    ...(loads === undefined
      ? []
      : [{ figure: 'stampede_loads', target: 1, bound: 'at most' as const, median: loads, met: loads === 1 }]),
  ];
}

function describe({ trace, share, l1, transitory, lru, oracle, belady }: HitRates): string {
  const size = `${share * 100} %`.padEnd(5);
  return `${trace.padEnd(17)} ${size} L1 ${l1}, transitory ${transitory}, LRU ${lru}, oracle ${oracle}, Belady ${belady}`;
}
