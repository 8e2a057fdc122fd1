/**
 * Arrivals at a fixed rate, whatever the answers do. Latency is counted from the intended time, so an arrival that had to wait for a free
 * connection has waited, too ("coordinated omission", Gil Tene). Times in milliseconds of one monotonic clock.
 */
export class OpenLoopSchedule {
  private readonly intervalMs: number;

  constructor(
    ratePerSecond: number,
    private readonly startMs: number,
    readonly total: number,
  ) {
    if (!(ratePerSecond > 0)) throw new RangeError('ratePerSecond: must be above 0');
    this.intervalMs = 1_000 / ratePerSecond;
  }

  /** When arrival `n` (from 0) is meant to be sent. */
  intendedMs(n: number): number {
    return this.startMs + n * this.intervalMs;
  }

  /** How many arrivals are due at `nowMs`: those whose intended time is not later. */
  due(nowMs: number): number {
    if (nowMs < this.startMs) return 0;
    let due = Math.min(this.total, Math.floor((nowMs - this.startMs) / this.intervalMs) + 1);
    // The division rounds: the intended times themselves decide.
    while (due > 0 && this.intendedMs(due - 1) > nowMs) due -= 1;
    while (due < this.total && this.intendedMs(due) <= nowMs) due += 1;
    return due;
  }
}
