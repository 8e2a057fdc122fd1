import { pause } from '@coupon/service-kit';
import type { Logger } from '@coupon/service-kit';
import type { MonotonicClock } from './monotonic-clock';

export interface HeartbeatTable {
  /** Writes the row of a source. Resolves when the commit is acknowledged. */
  beat(source: string, beatMs: number, acknowledgedMs: number): Promise<void>;
  /** Removes the rows of sources that have not written for so long. */
  removeSilent(sinceMs: number): Promise<void>;
}

export interface WriteHeartbeatsOptions {
  readonly table: HeartbeatTable;
  /** Tells the listeners past the binlog that a beat sets out: they measure by it how late one is that comes by way of the binlog. */
  readonly announce: (source: string, beatMs: number) => Promise<void>;
  /** No other process's, and no earlier process's. Less than 60 characters. */
  readonly source: string;
  readonly intervalMs: number;
  readonly clock: MonotonicClock;
  readonly logger: Logger;
}

const SWEEP_MS = 3_600_000;
/** By how much the clocks may part between two beats; more is a clock that was set. */
const CLOCK_STEP_MS = 100;

/**
 * Changes a row again and again. The change comes back by the binlog and the bus, after every change that was committed before it: hearing
 * it is the proof that those were heard.
 *
 * Hearing of a change is no proof that it can be read: MySQL sends what it has logged before the storage engine has committed it. The engine
 * commits in the order of the log (binlog_order_commits, the default; MariaDB always). So what stands in the log before a beat whose commit was
 * acknowledged can be read, and each beat names the last such beat.
 */
export class WriteHeartbeats {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private failures = 0;
  private sweepAtMs = 0;
  private acknowledgedMs = 0;
  private clocksApartMs: number | undefined;
  private clockSteps = 0;

  constructor(private readonly options: WriteHeartbeatsOptions) {}

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { clock, intervalMs } = this.options;
    const { signal } = this.stopping;
    let nextMs = clock.monotonicMs();
    while (!signal.aborted) {
      await this.writeOne();
      // Missed ones are not made up for: a beat counts when it is heard.
      nextMs = Math.max(nextMs + intervalMs, clock.monotonicMs());
      await pause(Math.max(0, nextMs - clock.monotonicMs()), signal);
    }
  }

  private async writeOne(): Promise<void> {
    const { announce, table, clock, logger } = this.options;
    const source = this.source();
    const beatMs = clock.nowMs();
    // Not waited for, and not missed: there is another one with the next beat.
    announce(source, beatMs).catch(() => undefined);
    try {
      await table.beat(source, beatMs, this.acknowledgedMs);
      this.acknowledgedMs = beatMs;
      if (clock.monotonicMs() >= this.sweepAtMs) {
        this.sweepAtMs = clock.monotonicMs() + SWEEP_MS;
        await table.removeSilent(clock.nowMs() - SWEEP_MS);
      }
      if (this.failures > 0) logger.info({ failures: this.failures }, 'heartbeats are written again');
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      // Four a second while MySQL is away would be all there is to read in the log.
      if (this.failures === 1)
        logger.warn({ err: error }, 'heartbeats cannot be written: caches are not used meanwhile');
    }
  }

  /** Listeners know a source by its clock: one whose clock was set is another one. */
  private source(): string {
    const { source, clock } = this.options;
    const apartMs = clock.nowMs() - clock.monotonicMs();
    if (this.clocksApartMs !== undefined && Math.abs(apartMs - this.clocksApartMs) > CLOCK_STEP_MS) {
      this.clockSteps += 1;
      this.acknowledgedMs = 0;
    }
    this.clocksApartMs = apartMs;
    return this.clockSteps === 0 ? source : `${source}.${this.clockSteps}`;
  }
}
