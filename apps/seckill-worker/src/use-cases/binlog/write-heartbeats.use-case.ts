import { pause } from '@coupon/service-kit';
import type { Logger } from '@coupon/service-kit';
import type { MonotonicClock } from './monotonic-clock';

export interface HeartbeatTable {
  /** Writes the row of a source. */
  beat(source: string, beatMs: number): Promise<void>;
  /** Removes the rows of sources that have not written for so long. */
  removeSilent(sinceMs: number): Promise<void>;
}

export interface WriteHeartbeatsOptions {
  readonly table: HeartbeatTable;
  readonly source: string;
  readonly intervalMs: number;
  readonly clock: MonotonicClock;
  readonly logger: Logger;
}

const SWEEP_MS = 3_600_000;

/**
 * Changes a row again and again. The change comes back by the binlog and the bus, after every change that was committed before it: hearing
 * it is the proof that those were heard.
 */
export class WriteHeartbeats {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private failures = 0;
  private sweepAtMs = 0;

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
    const { table, source, clock, logger } = this.options;
    try {
      await table.beat(source, clock.nowMs());
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
}
