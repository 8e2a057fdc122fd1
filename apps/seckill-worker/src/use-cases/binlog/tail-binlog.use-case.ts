import type { EventPublisher } from '@coupon/messaging';
import { pause } from '@coupon/service-kit';
import type { Logger } from '@coupon/service-kit';
import { backoffDelayMs } from '@coupon/messaging';
import { AbandonedError } from '../with-patience';
import type { BinlogLease, BinlogLedger } from './binlog-ledger';
import { BinlogStreamError } from './binlog-source';
import type { BinlogPoint, BinlogSource, BinlogSurvey } from './binlog-source';
import { ChangeEncoder } from './change-encoder';
import type { UnencodedEvent } from './change-encoder';
import { ChangePublisher } from './change-publisher';
import type { CanalChange } from './canal-messages';
import { LeaseKeeper } from './lease-keeper';
import { PointKeeper } from './point-keeper';
import type { MonotonicClock } from './monotonic-clock';

export interface BinlogMetrics {
  /** Reading from some place on; until the lease is gone. */
  active(active: boolean): void;
  confirmed(change: CanalChange): void;
  takenOver(): void;
  restarted(reason: string): void;
  pointLost(): void;
  unencoded(): void;
}

export interface TailBinlogOptions {
  readonly source: BinlogSource;
  readonly ledger: BinlogLedger;
  readonly publisher: Pick<EventPublisher, 'publishBatch'>;
  readonly park: (fault: UnencodedEvent) => Promise<void>;
  readonly database: string;
  readonly tables: readonly string[];
  /** Unique among all processes that ever ask for the lease. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly batchSize: number;
  readonly clock: MonotonicClock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: BinlogMetrics;
}

/** Starts from one point that fail this often in a row, although the server has the point: then it is taken for lost. */
const UNREADABLE_LIMIT = 5;
const RETRY_MS = 500;
/** After so many failures in a row another process may have better luck. */
const FAILURE_LIMIT = 6;

/**
 * Tells the bus of every change of the watched tables, at least once and in order; one process at a time, the others wait for its lease.
 * The point in the binlog moves only when everything before it is confirmed, and only under the epoch of the lease.
 */
export class TailBinlog {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private unreadable: { point: string; times: number } = { point: '', times: 0 };

  constructor(private readonly options: TailBinlogOptions) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when nothing is under way; the lease is free then. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { ledger, owner, leaseMs, logger, metrics } = this.options;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        const lease = await ledger.acquire(owner);
        if (lease === null) {
          await pause(Math.min(leaseMs / 4, RETRY_MS), signal);
          continue;
        }
        logger.info({ epoch: String(lease.epoch), from: lease.from }, 'reading the binlog');
        metrics.takenOver();
        await this.holdLease(lease);
        // Those who wait ask twice a second.
        await pause(2 * RETRY_MS, signal);
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, 'the binlog cannot be read now, will be tried again');
        await pause(RETRY_MS, signal);
      }
    }
  }

  /** Reads under one lease, again and again if need be, until the lease is gone or the process ends. */
  private async holdLease(lease: BinlogLease): Promise<void> {
    const { ledger, leaseMs, clock, logger, metrics } = this.options;
    const keeper = new LeaseKeeper({ ledger, epoch: lease.epoch, leaseMs, clock, logger, stop: this.stopping.signal });
    try {
      let from = lease.from;
      for (let failures = 0; !keeper.signal.aborted && failures < FAILURE_LIMIT; failures += 1) {
        const points = new PointKeeper({ ledger, keeper, clock, logger, from });
        const reason = await this.readOn(points, keeper);
        await points.close();
        if (points.hasMoved) failures = 0;
        from = points.saved;
        if (keeper.signal.aborted) break;
        metrics.restarted(reason);
        const limits = { minDelayMs: RETRY_MS / 2, maxDelayMs: 5_000, random: this.options.random };
        await pause(backoffDelayMs(failures + 1, limits), keeper.signal);
      }
      if (!this.stopping.signal.aborted) logger.warn({ epoch: String(lease.epoch) }, 'the binlog is left to others');
    } finally {
      metrics.active(false);
      await keeper.close();
    }
  }

  /** @returns why it ended */
  private async readOn(points: PointKeeper, keeper: LeaseKeeper): Promise<string> {
    const { logger } = this.options;
    try {
      await this.read(points, keeper);
    } catch (error) {
      if (error instanceof AbandonedError || keeper.signal.aborted) return 'lease';
      const code = error instanceof BinlogStreamError ? error.code : 'ERROR';
      logger.warn({ err: error, code, from: points.saved }, 'reading the binlog has ended, will begin again');
      return code;
    }
    return 'lease';
  }

  private async read(points: PointKeeper, keeper: LeaseKeeper): Promise<void> {
    const { source, batchSize, logger, metrics, random } = this.options;
    const encoder = this.encoder();
    const publisher = new ChangePublisher({
      publisher: this.options.publisher,
      nowMs: () => this.options.clock.nowMs(),
      patience: { logger, random, signal: keeper.signal },
      onConfirmed: (change) => metrics.confirmed(change),
    });
    const start = await this.startingPoint(points, encoder, publisher);
    const stream = source.open(start);
    metrics.active(true);
    const close = (): void => stream.close();
    keeper.signal.addEventListener('abort', close, { once: true });
    try {
      while (!keeper.signal.aborted) {
        const events = await stream.next(batchSize);
        const changes: CanalChange[] = [];
        let end: BinlogPoint | undefined;
        for (const event of events) {
          changes.push(...(await encoder.encode(event)));
          if ('end' in event) end = event.end;
        }
        keeper.check();
        await publisher.publish(changes);
        points.reached(end, changes.length > 0);
        this.unreadable.times = 0;
      }
    } catch (error) {
      this.countUnreadable(error, start);
      throw error;
    } finally {
      keeper.signal.removeEventListener('abort', close);
      stream.close();
    }
  }

  /** Where the last reader has come to; if that is not to be had any more, the present end, with a word to everybody. */
  private async startingPoint(
    points: PointKeeper,
    encoder: ChangeEncoder,
    publisher: ChangePublisher,
  ): Promise<BinlogPoint> {
    const { source, logger, metrics } = this.options;
    const survey = await source.survey();
    if (survey.problems.length > 0) throw new Error(`settings of MySQL: ${survey.problems.join('; ')}`);
    if (survey.warnings.length > 0) logger.warn({ settings: survey.warnings }, 'settings of MySQL');
    points.on(survey.server);
    const { saved } = points;
    const lost = saved === null ? 'first reading of this binlog' : this.whyLost(saved, survey);
    if (saved !== null && lost === undefined) return saved;
    if (saved !== null) {
      metrics.pointLost();
      logger.error(
        { from: saved, now: survey.end, reason: lost },
        'the place in the binlog is lost: changes are skipped',
      );
    }
    await publisher.publish(encoder.anythingInAll(lost ?? ''));
    await points.jump(survey.end);
    return survey.end;
  }

  private whyLost(saved: BinlogPoint & { server: string }, survey: BinlogSurvey): string | undefined {
    if (saved.server !== survey.server) return `another server: ${survey.server} after ${saved.server}`;
    const file = survey.files.find(({ name }) => name === saved.file);
    if (file === undefined) return `${saved.file} is not there any more`;
    if (file.bytes < saved.position) return `${saved.file} has ${file.bytes} bytes, not ${saved.position}`;
    const { point, times } = this.unreadable;
    return point === textOf(saved) && times >= UNREADABLE_LIMIT ? `${point} cannot be read` : undefined;
  }

  private countUnreadable(error: unknown, start: BinlogPoint): void {
    if (!(error instanceof BinlogStreamError) || error.code !== 'UNREADABLE_POINT') return;
    const point = textOf(start);
    this.unreadable = { point, times: this.unreadable.point === point ? this.unreadable.times + 1 : 1 };
  }

  private encoder(): ChangeEncoder {
    const { source, database, tables, clock, logger, metrics, park } = this.options;
    return new ChangeEncoder({
      source,
      database,
      tables,
      nowMs: () => clock.nowMs(),
      park: async (fault) => {
        metrics.unencoded();
        logger.error({ reason: fault.reason, table: fault.event?.table }, 'a change cannot be told as it is');
        await park(fault);
      },
    });
  }
}

function textOf({ file, position }: BinlogPoint): string {
  return `${file}:${position}`;
}
