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
  /** Raw results: one entry per round, or per round and case. */
  readonly runs: readonly object[];
  /** Figures, or cases with their figures. */
  readonly median: Numbers | Readonly<Record<string, Numbers>>;
  /** The same work by the simplest means, in the same run: median. */
  readonly floor: Numbers | Readonly<Record<string, Numbers>>;
  /** Result divided by floor, of the main figure: median of the rounds. */
  readonly ratio: number;
  readonly targets: readonly Target[];
}

export interface Target {
  readonly figure: string;
  readonly target: number;
  /** Whether the figure must not be below or not be above. @default at least */
  readonly bound?: 'at least' | 'at most';
  readonly median: number;
  readonly met: boolean;
}

export interface BenchContext extends Pick<CommandContext, 'signal' | 'defer'> {
  readonly rounds: number;
  /** Events, requests or whatever the subject counts, per round. Undefined: the subject's own default. */
  readonly size?: number | undefined;
  /** Measured seconds of each run, where a subject measures by the clock. */
  readonly seconds?: number | undefined;
  /** Cases of the subject; undefined: its own choice. */
  readonly cases?: readonly string[] | undefined;
  /** Everything the subject has, at full length. */
  readonly full: boolean;
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
