import { pause } from '@coupon/service-kit';
import type { Logger } from '@coupon/service-kit';
import { AbandonedError } from '../with-patience';
import type { BinlogLedger } from './binlog-ledger';
import type { MonotonicClock } from './monotonic-clock';

export interface LeaseKeeperOptions {
  readonly ledger: Pick<BinlogLedger, 'renew' | 'release'>;
  readonly epoch: bigint;
  readonly leaseMs: number;
  readonly clock: MonotonicClock;
  readonly logger: Logger;
  /** The process ends. */
  readonly stop: AbortSignal;
}

/** Renews a lease while it is wanted. A process that stood still for longer than the lease finds out before it does anything more. */
export class LeaseKeeper {
  private readonly ending = new AbortController();
  private readonly renewing: Promise<void>;
  private validUntilMs: number;

  constructor(private readonly options: LeaseKeeperOptions) {
    this.validUntilMs = options.clock.monotonicMs() + options.leaseMs;
    if (options.stop.aborted) this.ending.abort();
    options.stop.addEventListener('abort', this.end, { once: true });
    this.renewing = this.renew();
  }

  get epoch(): bigint {
    return this.options.epoch;
  }

  /** Aborts when the lease is gone or not wanted any more. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /** @throws AbandonedError when the lease has run out */
  check(): void {
    if (this.options.clock.monotonicMs() >= this.validUntilMs) this.ending.abort();
    if (this.ending.signal.aborted) throw new AbandonedError();
  }

  /** The ledger has answered to a write that was begun at this time. */
  confirmed(kept: boolean, begunAtMs: number): void {
    if (kept) this.validUntilMs = Math.max(this.validUntilMs, begunAtMs + this.options.leaseMs);
    else this.ending.abort();
  }

  /** Gives the lease back if we still have it. */
  async close(): Promise<void> {
    this.ending.abort();
    this.options.stop.removeEventListener('abort', this.end);
    await this.renewing;
    try {
      await this.options.ledger.release(this.options.epoch);
    } catch (error) {
      this.options.logger.warn({ err: error }, 'the lease of the binlog runs out by itself');
    }
  }

  private readonly end = (): void => this.ending.abort();

  private async renew(): Promise<void> {
    const { ledger, epoch, leaseMs, clock, logger } = this.options;
    while (!this.ending.signal.aborted) {
      await pause(leaseMs / 4, this.ending.signal);
      if (this.ending.signal.aborted) return;
      // Writing the place down has renewed it as well.
      if (this.validUntilMs - clock.monotonicMs() > leaseMs * 0.6) continue;
      const begunAtMs = clock.monotonicMs();
      try {
        this.confirmed(await ledger.renew(epoch), begunAtMs);
      } catch (error) {
        logger.warn({ err: error }, 'the lease of the binlog was not renewed');
      }
      if (clock.monotonicMs() >= this.validUntilMs) this.ending.abort();
    }
  }
}
