import type { Logger } from '@coupon/service-kit';
import type { BinlogLedger, StoredPoint } from './binlog-ledger';
import type { BinlogPoint } from './binlog-source';
import type { LeaseKeeper } from './lease-keeper';
import type { MonotonicClock } from './monotonic-clock';

export interface PointKeeperOptions {
  readonly ledger: Pick<BinlogLedger, 'save'>;
  readonly keeper: LeaseKeeper;
  readonly clock: MonotonicClock;
  readonly logger: Logger;
  readonly from: StoredPoint | null;
}

/** Least time between two writes. What is read again after a restart is as much as happens in it. */
const BUSY_MS = 200;
/**
 * The same where nothing was told: writing the point is a transaction in the binlog itself, which must not be the reason for the next one.
 */
const IDLE_MS = 10_000;

/** Writes down how far everything is confirmed, one write at a time and not more often than of use. */
export class PointKeeper {
  private stored: StoredPoint | null;
  private server = '';
  private reachedPoint: BinlogPoint | undefined;
  private told = false;
  private moved = false;
  private savedAtMs = -Infinity;
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: PointKeeperOptions) {
    this.stored = options.from;
  }

  /** The last point that is written down. */
  get saved(): StoredPoint | null {
    return this.stored;
  }

  /** Whether anything was read and told. */
  get hasMoved(): boolean {
    return this.moved;
  }

  /** Of which server the points are from now on. */
  on(server: string): void {
    this.server = server;
  }

  /**
   * @param end Everything before it is confirmed; undefined: no new place between two transactions.
   * @param told Whether anything was published for it.
   */
  reached(end: BinlogPoint | undefined, told: boolean): void {
    this.told ||= told;
    this.moved = true;
    if (end === undefined) return;
    this.reachedPoint = end;
    this.schedule();
  }

  /**
   * Writes the point now.
   * @throws Error when it cannot be written
   */
  async jump(end: BinlogPoint): Promise<void> {
    this.reachedPoint = end;
    await this.write();
    if (this.stored?.file !== end.file || this.stored.position !== end.position) {
      throw new Error('the new place in the binlog was not written down');
    }
  }

  /** Writes what there is to write, if possible, and nothing after that. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.writing;
    if (this.told) await this.write();
  }

  private schedule(): void {
    if (this.closed || this.writing !== undefined) return;
    clearTimeout(this.timer);
    const dueInMs = this.savedAtMs + (this.told ? BUSY_MS : IDLE_MS) - this.options.clock.monotonicMs();
    this.timer = setTimeout(
      () => {
        this.writing = this.write().finally(() => {
          this.writing = undefined;
          if (this.reachedPoint !== undefined) this.schedule();
        });
      },
      Math.max(0, dueInMs),
    );
    this.timer.unref();
  }

  private async write(): Promise<void> {
    const { ledger, keeper, clock, logger } = this.options;
    const point = this.reachedPoint;
    if (point === undefined || keeper.signal.aborted) return;
    const told = this.told;
    this.reachedPoint = undefined;
    this.told = false;
    const begunAtMs = clock.monotonicMs();
    this.savedAtMs = begunAtMs;
    try {
      const next = { server: this.server, ...point };
      const kept = await ledger.save(keeper.epoch, next);
      keeper.confirmed(kept, begunAtMs);
      if (kept) this.stored = next;
    } catch (error) {
      logger.warn({ err: error }, 'the place in the binlog was not written down');
      this.reachedPoint ??= point;
      this.told ||= told;
    }
  }
}
