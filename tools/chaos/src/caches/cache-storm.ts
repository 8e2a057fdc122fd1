import { eventually, seededRandom } from '@coupon/testing';
import type { SeededRandom } from '@coupon/testing';
import type { StageOptions } from '../sagas/stage';
import { cacheFaults } from './cache-faults';
import type { CacheFault } from './cache-faults';
import { CacheStage, MARKED_FOR_MS } from './cache-stage';
import { machineMs } from './machine-clock';
import type { ReaderReport } from './reader-process';
import { VersionLedger } from './version-ledger';
import { Writers } from './writers';

export interface CacheStormOptions extends StageOptions {
  readonly seed: number;
  /** At least; the restarts are always gone through once. */
  readonly durationMs: number;
  /** Called after each fault. */
  readonly onFault?: (name: string) => void;
}

export interface CacheStormReport {
  readonly commits: number;
  /** Commits whose outcome had to be found out. */
  readonly doubts: number;
  readonly reads: number;
  /** Reads that were answered with an error. */
  readonly failed_reads: number;
  /** Reads whose answer was marked as the last one known. */
  readonly marked_reads: number;
  /** Unmarked reads of something that was not the newest any more when they began; how long it had not been. */
  readonly behind: {
    readonly reads: number;
    readonly p50_ms: number;
    readonly p99_ms: number;
    readonly most_ms: number;
  };
  /** Keys read, by what answered them. */
  readonly levels: Readonly<Record<keyof ReaderReport['levels'], number>>;
  /** Times each fault has struck. */
  readonly faults: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

const MOST_STALE_MS = 1_000;
const LONGEST_CALM_MS = 2_500;
const TOGETHER = 0.25;
const RECOVERY_MS = 60_000;
/** From here on faults that take half a minute are worth their time. */
const LONG_RUN_MS = 120_000;
const MOST_TEXTS = 50;
/** Of the reads while everything is well again. */
const LEAST_CALM_HITS = 200;

/** Readers and writers, faults at random, and every single read held to what was committed. */
export class CacheStorm {
  readonly #ledger = new VersionLedger();
  readonly #latest: (ReaderReport | undefined)[] = [];
  readonly #behindMs: number[] = [];
  readonly #struck: Record<string, number> = {};
  readonly #wrong: string[] = [];
  readonly #counts = { reads: 0, failed: 0, marked: 0, wrong: 0 };
  readonly #random: SeededRandom;
  readonly #startedMs = machineMs();

  private constructor(private readonly options: CacheStormOptions) {
    this.#random = seededRandom(options.seed);
  }

  static async run(options: CacheStormOptions): Promise<CacheStormReport> {
    const storm = new CacheStorm(options);
    const stage = await CacheStage.open({
      ...options,
      onReport: (reader, report) => storm.#told(reader, report),
    });
    try {
      return await storm.#run(stage);
    } finally {
      await stage.close();
    }
  }

  async #run(stage: CacheStage): Promise<CacheStormReport> {
    // Of its own stream: the faults of a seed do not depend on how fast the writers are.
    const random = seededRandom(this.options.seed ^ 0x5eed);
    const writers = new Writers({ mysqlUrl: stage.mysqlUrl, ledger: this.#ledger, rows: stage.rows, random });
    try {
      await this.#untilCalm(stage, 'at the start');
      await this.#strike(stage);
      await this.#untilCalm(stage, 'after the last fault');
    } finally {
      await writers.stop();
    }
    for (const name of stage.ended) this.#found(`${name} has ended`);
    return this.#report(writers);
  }

  async #strike(stage: CacheStage): Promise<void> {
    const endMs = machineMs() + this.options.durationMs;
    const faults = cacheFaults(this.options.durationMs >= LONG_RUN_MS);
    const restarts = this.#random.shuffle(faults.filter(({ isRestart }) => isRestart === true));
    const deck = [...restarts, ...this.#random.shuffle(faults.filter(({ isRestart }) => isRestart !== true))];
    for (let drawn = 0; drawn < restarts.length || machineMs() < endMs;) {
      this.options.signal.throwIfAborted();
      if (deck.length < 2) deck.push(...this.#random.shuffle(faults));
      const some = deck.splice(0, 1);
      const [next] = deck;
      if (next !== undefined && next.target !== some[0]?.target && this.#random.next() < TOGETHER)
        some.push(...deck.splice(0, 1));
      drawn += some.length;
      await this.#strikeTogether(some, stage);
      await sleep(this.#random.int(0, LONGEST_CALM_MS));
    }
  }

  async #strikeTogether(faults: readonly CacheFault[], stage: CacheStage): Promise<void> {
    await Promise.all(
      faults.map(async ({ name, strike }) => {
        try {
          await strike(stage, this.#random);
          this.#struck[name] = (this.#struck[name] ?? 0) + 1;
        } catch (error) {
          // Its server was just then away for another reason.
          if (!['Redis emptied', 'binlog rotated'].includes(name)) this.#found(`${name}: ${String(error)}`);
        }
        this.options.onFault?.(name);
      }),
    );
  }

  /** Every reader hears of changes again and answers from L1. */
  async #untilCalm({ readers }: CacheStage, when: string): Promise<void> {
    const hits = (): number[] => readers.map((_, index) => this.#latest[index]?.levels.l1 ?? 0);
    const before = hits();
    try {
      await eventually(
        () => {
          this.options.signal.throwIfAborted();
          const now = hits();
          return readers.every(
            (_, index) =>
              this.#latest[index]?.fresh === true && (now[index] ?? 0) - (before[index] ?? 0) >= LEAST_CALM_HITS,
          );
        },
        { timeoutMs: RECOVERY_MS, intervalMs: 100 },
      );
    } catch {
      this.options.signal.throwIfAborted();
      const state = readers.map(({ name }, index) => `${name} ${JSON.stringify(this.#latest[index]?.levels)}`);
      this.#found(`${when} not all caches are in use: ${state.join(', ')}`);
    }
  }

  #told(reader: number, report: ReaderReport): void {
    this.#latest[reader] = report;
    this.#counts.failed += report.failed;
    this.#counts.reads += report.reads.length;
    for (const [key, version, beganMs, marked] of report.reads) {
      const read = { key, version, beganMs };
      if (!this.#ledger.isPossible(read))
        this.#found(`${seconds(beganMs - this.#startedMs)} reader ${reader + 1}: ${key} was never ${version}`);
      const ageMs = this.#ledger.ageMs(read);
      if (marked) this.#counts.marked += 1;
      else if (ageMs > 0) this.#behindMs.push(ageMs);
      if (ageMs > (marked ? MARKED_FOR_MS : MOST_STALE_MS))
        this.#found(
          `${seconds(beganMs - this.#startedMs)} reader ${reader + 1}: ${key} was ${version}, ${Math.round(ageMs)} ms too late${marked ? ', marked' : ''}`,
        );
    }
  }

  #found(what: string): void {
    this.#counts.wrong += 1;
    if (this.#wrong.length < MOST_TEXTS) this.#wrong.push(what);
  }

  #report({ commits, doubts }: Writers): CacheStormReport {
    const behind = this.#behindMs.sort((a, b) => a - b);
    const at = (share: number): number => Math.round(behind[Math.ceil(behind.length * share) - 1] ?? 0);
    const levels = { l1: 0, l2: 0, loads: 0, bypassed: 0, lapses: 0 };
    for (const report of this.#latest)
      for (const level of Object.keys(levels) as (keyof typeof levels)[]) levels[level] += report?.levels[level] ?? 0;
    const more = this.#counts.wrong - this.#wrong.length;
    return {
      commits,
      doubts,
      reads: this.#counts.reads,
      failed_reads: this.#counts.failed,
      marked_reads: this.#counts.marked,
      behind: { reads: behind.length, p50_ms: at(0.5), p99_ms: at(0.99), most_ms: at(1) },
      levels,
      faults: this.#struck,
      wrong: more > 0 ? [...this.#wrong, `and ${more} more`] : this.#wrong,
    };
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s:`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
