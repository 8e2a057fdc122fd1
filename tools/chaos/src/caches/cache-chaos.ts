import { randomInt } from 'node:crypto';
import { labelled } from '@coupon/platform';
import type { CommandContext, Screen } from '@coupon/platform';
import type { ChaosOptions } from '../options';
import { ownServers } from '../own-servers';
import { CacheStorm } from './cache-storm';
import type { CacheStormReport } from './cache-storm';

export interface CacheChaosReport extends CacheStormReport {
  readonly name: 'caches';
  readonly seed: number;
  readonly minutes: number;
  readonly at: string;
  /** 1 when something was wrong. */
  readonly failed: number;
}

/** Readers, writers and faults for so many minutes; every read is held to what was committed. */
export async function cacheChaos(
  { seed = randomInt(2 ** 32), minutes }: Pick<ChaosOptions, 'seed' | 'minutes'>,
  { screen, signal }: Pick<CommandContext, 'signal'> & { readonly screen: Screen },
): Promise<CacheChaosReport> {
  screen.line(labelled('seed', `${seed}; ${minutes} minutes`));
  const startedMs = performance.now();
  const report = await CacheStorm.run({
    startServers: ownServers((line) => screen.line(line)),
    seed,
    durationMs: minutes * 60_000,
    signal,
    onFault: (name) => screen.line(labelled(`${Math.round((performance.now() - startedMs) / 1000)} s`, name)),
  });
  show(screen, report);
  screen.line(labelled('result', `${report.wrong.length === 0 ? 'nothing' : 'something'} wrong; seed ${seed}`));
  const failed = report.wrong.length === 0 ? 0 : 1;
  return { name: 'caches', seed, minutes, at: new Date().toISOString(), failed, ...report };
}

function show(
  screen: Screen,
  { commits, doubts, reads, failed_reads, marked_reads, behind, levels, wrong }: CacheStormReport,
): void {
  screen.line(labelled('written', `${commits} commits, ${doubts} of them without an answer`));
  screen.line(
    labelled('read', `${reads} values (${failed_reads} errors, ${marked_reads} marked as the last one known)`),
  );
  screen.line(
    labelled(
      'levels',
      `${levels.l1} from L1, ${levels.l2} from L2, ${levels.loads} loaded, ${levels.bypassed} past the caches, ${levels.lapses} lapses`,
    ),
  );
  screen.line(
    labelled(
      'behind',
      `${behind.reads} reads not of the newest: p50 ${behind.p50_ms} ms, p99 ${behind.p99_ms} ms, most ${behind.most_ms} ms`,
    ),
  );
  for (const line of wrong) screen.line(labelled('WRONG', line));
}
