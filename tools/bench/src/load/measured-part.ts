import { cpuSecondsOf, machineCpuSeconds } from '../process/cpu';
import type { AnswerBook } from './answer-book';
import type { LoadResult } from './load-plan';

/** The part of a run that is measured: its two ends, and the CPU time used between them. */
export class MeasuredPart {
  private fromMs = 0;
  private toMs = 0;
  private watchedAt: readonly (number | null)[] = [];
  private watchedUsed: readonly (number | null)[] = [];
  private ownAt: NodeJS.CpuUsage = { user: 0, system: 0 };
  private ownSeconds = 0;
  private machineAt: number | null = null;
  private machineUsed: number | null = null;

  constructor(private readonly watchedPids: readonly number[]) {}

  begin(nowMs: number): void {
    this.fromMs = nowMs;
    this.ownAt = process.cpuUsage();
    this.watchedAt = this.watchedPids.map(cpuSecondsOf);
    this.machineAt = machineCpuSeconds();
  }

  end(nowMs: number): void {
    this.toMs = nowMs;
    this.watchedUsed = this.watchedPids.map((pid, i) => difference(this.watchedAt[i] ?? null, cpuSecondsOf(pid)));
    const { user, system } = process.cpuUsage(this.ownAt);
    this.ownSeconds = (user + system) / 1e6;
    this.machineUsed = difference(this.machineAt, machineCpuSeconds());
  }

  result(book: AnswerBook): LoadResult['measured'] {
    return {
      seconds: (this.toMs - this.fromMs) / 1_000,
      ...book.measured(),
      cpuSeconds: this.watchedUsed,
      generatorCpuSeconds: this.ownSeconds,
      machineCpuSeconds: this.machineUsed,
    };
  }
}

function difference(before: number | null, after: number | null): number | null {
  return before === null || after === null ? null : after - before;
}
