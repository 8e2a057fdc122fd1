import { randomInt } from 'node:crypto';
import { UserError, labelled } from '@coupon/platform';
import type { CommandContext, Screen } from '@coupon/platform';
import type { ChaosOptions } from '../options';
import { ownServers } from '../own-servers';
import type { SagaFault } from './fault';
import { sagaFaults } from './faults';
import { SagaMatrix } from './saga-matrix';
import type { RoundReport } from './saga-matrix';

export interface SagaChaosReport {
  readonly name: 'sagas';
  readonly seed: number;
  readonly rounds: number;
  readonly at: string;
  readonly faults: readonly RoundReport[];
  /** Faults after which something was wrong. */
  readonly failed: number;
}

/** Rounds of all faults, or of those whose name contains one of the words; goes on after a fault that has found something. */
export async function sagaChaos(
  options: ChaosOptions,
  { screen, signal, defer }: Pick<CommandContext, 'signal' | 'defer'> & { readonly screen: Screen },
): Promise<SagaChaosReport> {
  const faults = chosen(options.faults);
  const seed = options.seed ?? randomInt(2 ** 32);
  screen.line(labelled('seed', `${seed}; ${options.rounds} rounds of ${faults.length} faults`));
  const matrix = await SagaMatrix.open({ startServers: ownServers((line) => screen.line(line)), seed, signal });
  defer(() => matrix.close());
  const reports: RoundReport[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    await matrix.nextRound();
    for (const fault of faults) {
      signal.throwIfAborted();
      const report = await matrix.run(fault);
      reports.push(report);
      show(screen, report);
    }
  }
  const failed = reports.filter(({ wrong }) => wrong.length > 0).length;
  screen.line(labelled('result', `${reports.length} faults, ${failed} of them with something wrong; seed ${seed}`));
  return { name: 'sagas', seed, rounds: options.rounds, at: new Date().toISOString(), faults: reports, failed };
}

function chosen(words: readonly string[] | undefined): readonly SagaFault[] {
  const faults = sagaFaults().filter(
    ({ name }) => words === undefined || words.some((word) => name.toLowerCase().includes(word.toLowerCase())),
  );
  if (faults.length > 0) return faults;
  throw new UserError(
    `There is no such fault; there are: ${sagaFaults()
      .map(({ name }) => name)
      .join('; ')}.`,
  );
}

function show(screen: Screen, report: RoundReport): void {
  const { round, transport, fault, attempts, durationMs, mostInFlight, ends, notes, wrong } = report;
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
  const missed = attempts > 1 ? `, at attempt ${attempts}` : '';
  const text = `${fault}: ${(durationMs / 1000).toFixed(1)} s${missed}, ${mostInFlight} in flight; ${list(ends)}`;
  const struck = Object.keys(notes).length > 0 ? ` (${list(notes)})` : '';
  screen.line(labelled(`${round} ${transport}`, `${text}${struck}`));
  for (const line of wrong) screen.line(labelled('WRONG', line));
}
