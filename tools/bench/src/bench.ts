import { cpus, totalmem } from 'node:os';
import type { CommandContext, Screen } from '@coupon/platform';

export type Numbers = Readonly<Record<string, number>>;

/** What every benchmark leaves behind; the same names for all of them. */
export interface BenchReport {
  readonly name: string;
  readonly machine: {
    readonly cores: number;
    readonly memory_gib: number;
    readonly cpu: string;
    readonly node: string;
  };
  readonly at: string;
  readonly setup: Readonly<Record<string, string | number>>;
  /** Raw results, one entry per round. */
  readonly runs: readonly Numbers[];
  readonly median: Numbers;
  /** The same work by the simplest means, in the same run: median. */
  readonly floor: Numbers;
  /** Result divided by floor, of the main figure: median of the rounds. */
  readonly ratio: number;
  readonly targets: readonly {
    readonly figure: string;
    readonly target: number;
    readonly median: number;
    readonly met: boolean;
  }[];
}

export interface BenchContext extends Pick<CommandContext, 'signal' | 'defer'> {
  readonly rounds: number;
  readonly size: number;
  readonly screen: Screen;
}

export type Bench = (context: BenchContext) => Promise<BenchReport>;

export function thisMachine(): BenchReport['machine'] {
  return {
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.version,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Median of every figure over the rounds. */
export function medians(runs: readonly Numbers[]): Record<string, number> {
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name] ?? 0))]));
}
