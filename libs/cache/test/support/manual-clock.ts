import type { CacheClock } from '../../src/clock';

/** Time that passes when a test says so. */
export class ManualClock implements CacheClock {
  private now = 1_000;
  private readonly timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  nowMs = (): number => this.now;

  /** Timers that are set. */
  get waiting(): number {
    return this.timers.size;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.now + ms, callback };
    this.timers.add(timer);
    return () => {
      this.timers.delete(timer);
    };
  }

  advance(ms: number): void {
    this.now += ms;
    for (const timer of [...this.timers].filter(({ atMs }) => atMs <= this.now)) {
      this.timers.delete(timer);
      timer.callback();
    }
  }
}
