import { setTimeout as pause } from 'node:timers/promises';
import type { WarmUpOptions as CacheWarmUpOptions, WarmUpProgress } from '@coupon/cache';
import type { ReadModelComponent, ReadModelLogger } from './component';

/** The part of a TieredCache that is needed here. */
export interface WarmedCache {
  readonly name: string;
  warmUp(keys: readonly string[], options: CacheWarmUpOptions<string>): Promise<WarmUpProgress>;
}

/** Caches that are read by the same keys. */
export interface HotKeys {
  /** Hottest first. */
  readonly keys: () => Promise<readonly string[]>;
  readonly caches: readonly WarmedCache[];
}

export interface WarmUpOptions {
  readonly hot: readonly HotKeys[];
  /** Whether what is read is kept. */
  readonly freshness: { isReady(): boolean; readonly lapses: number };
  readonly logger: Pick<ReadModelLogger, 'info' | 'warn'>;
  /** How often to ask whether what is read is kept. @default 100 */
  readonly pollMs?: number;
  /** The pause after the first attempt that has failed; each one is twice as long as the one before. @default 1000 */
  readonly firstPauseMs?: number;
  /** @default 30000 */
  readonly longestPauseMs?: number;
}

/** Values by cache and key: a key of two caches counts twice. */
export interface WarmUpStats {
  readonly state: 'waiting' | 'running' | 'done' | 'closed';
  readonly attempts: number;
  /** As far as is known: keys that could not be asked for are none yet. */
  readonly total: number;
  readonly found: number;
  readonly absent: number;
  /** To be read in this attempt or in the next. */
  readonly left: number;
}

/**
 * Reads the hottest keys as soon as the caches hear of changes; nobody waits for it. What fails is tried again, with growing pauses, until all of it
 * has worked or the service closes.
 */
export class WarmUp implements ReadModelComponent {
  readonly name = 'warm-up of the caches';
  private readonly ended = new AbortController();
  private readonly unknown: Set<HotKeys>;
  private readonly left = new Map<WarmedCache, readonly string[]>();
  private state: 'waiting' | 'running' | 'done' = 'waiting';
  private attempts = 0;
  private total = 0;
  private found = 0;
  private absent = 0;
  private work: Promise<void> = Promise.resolve();

  constructor(private readonly options: WarmUpOptions) {
    this.unknown = new Set(options.hot);
  }

  start(): void {
    this.work = this.run();
  }

  stopIntake(): void {
    this.ended.abort();
  }

  /** Waits for the batch under way. */
  async close(): Promise<void> {
    this.stopIntake();
    await this.work;
  }

  stats(): WarmUpStats {
    const { attempts, total, found, absent } = this;
    const state = this.state !== 'done' && this.ended.signal.aborted ? 'closed' : this.state;
    return { state, attempts, total, found, absent, left: total - found - absent };
  }

  private async run(): Promise<void> {
    const { freshness, logger, pollMs = 100, firstPauseMs = 1_000, longestPauseMs = 30_000 } = this.options;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      while (!freshness.isReady()) if (!(await this.paused(pollMs))) return;
      this.attempts += 1;
      this.state = 'running';
      const error = await this.attempt();
      if (this.ended.signal.aborted) return;
      if (error === undefined) break;
      this.state = 'waiting';
      if (this.attempts === 1) logger.warn({ err: error, ...this.stats() }, 'the caches are not warm yet');
      if (!(await this.paused(pauseMs))) return;
    }
    this.state = 'done';
    logger.info(this.stats(), 'the caches are warm');
  }

  /** @returns what has failed last; undefined: nothing is left */
  private async attempt(): Promise<unknown> {
    let failure: unknown;
    for (const hot of [...this.unknown])
      try {
        const keys = await hot.keys();
        this.unknown.delete(hot);
        this.total += keys.length * hot.caches.length;
        for (const cache of hot.caches) this.left.set(cache, keys);
      } catch (error) {
        failure = error;
      }
    for (const [cache, keys] of [...this.left]) failure = (await this.warm(cache, keys)) ?? failure;
    return failure;
  }

  private async warm(cache: WarmedCache, keys: readonly string[]): Promise<unknown> {
    const { freshness } = this.options;
    const { found, absent } = this;
    const { lapses } = freshness;
    const failed: string[] = [];
    let failure: unknown;
    await cache.warmUp(keys, {
      signal: this.ended.signal,
      onProgress: (progress) => {
        this.found = found + progress.found;
        this.absent = absent + progress.absent;
      },
      onFailure: (some, error) => {
        failed.push(...some);
        failure = error;
      },
    });
    if (!freshness.isReady() || freshness.lapses !== lapses) {
      // What was read meanwhile is not kept.
      [this.found, this.absent] = [found, absent];
      return failure ?? new Error('changes were not heard during the warm-up');
    }
    if (failed.length === 0) this.left.delete(cache);
    else this.left.set(cache, failed);
    return failure;
  }

  /** @returns false when the service closes */
  private async paused(ms: number): Promise<boolean> {
    const { signal } = this.ended;
    try {
      await pause(ms, undefined, { signal, ref: false });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return !signal.aborted;
  }
}
