import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { ActivityId, TemplateId } from '@coupon/domain';
import { ActivityStore, activityKeys } from '@coupon/lua';
import { ServerUnavailableError, pollUntil, startServers } from '@coupon/servers';
import type { RunningServers } from '@coupon/servers';
import type { BenchContext } from '../bench';
import { median } from '../bench';

const HOUR_MS = 3_600_000;
const FIRST_ACTIVITY = 100_000_001;
const REWRITE_TIMEOUT_MS = 120_000;
const LARGE_FILE_BYTES = 256 * 2 ** 20;
const PROBES = 200;
const PROBE_BYTES = 4_096;

export type Durability = 'memory' | 'fsync';

export interface SaleTerms {
  readonly total: number;
  readonly perUserLimit: number;
  /** 0: no limit. */
  readonly userRatePerSecond: number;
}

/** The Redis under test: a process of this run's own, set as a deployment sets it, with activities of this run in it. */
export class ClaimStore {
  private nextActivity = FIRST_ACTIVITY;
  private durability: Durability = 'fsync';

  private constructor(
    readonly redis: Redis,
    readonly url: string,
    readonly version: string,
    private readonly here: { readonly pid: number; readonly directory: string } | undefined,
  ) {}

  static async start({ screen, defer }: Pick<BenchContext, 'screen' | 'defer'>): Promise<ClaimStore> {
    const servers = await startRedis(screen);
    defer(() => servers.stop());
    const { url, version, flavour, source } = servers.endpoints.redis;
    const redis = new Redis(url);
    defer(() => redis.disconnect());
    const pid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1]);
    const [, directory] = await redis.config('GET', 'dir');
    // In a container both are those of another namespace.
    const here =
      source !== 'docker' && Number.isInteger(pid) && directory !== undefined ? { pid, directory } : undefined;
    // The file is made small between the runs instead: in the middle of one, the rewrite would be measured.
    await redis.config('SET', 'auto-aof-rewrite-percentage', '0');
    return new ClaimStore(redis, url, `${flavour} ${version}`, here);
  }

  /** Its process, for the CPU time; none where it cannot be seen. */
  get pids(): readonly number[] {
    return this.here === undefined ? [] : [this.here.pid];
  }

  async setDurability(durability: Durability): Promise<void> {
    if (this.durability === durability) return;
    await this.redis.config('SET', 'appendonly', durability === 'fsync' ? 'yes' : 'no');
    this.durability = durability;
    if (durability === 'fsync') await this.rewriteEnded();
  }

  /** An activity that is open for hours. */
  async open(terms: SaleTerms): Promise<ActivityId> {
    const activityId = String(this.nextActivity) as ActivityId;
    this.nextActivity += 1;
    const store = new ActivityStore(this.redis);
    const nowMs = Date.now();
    await store.prewarm({
      activityId,
      templateId: '1' as TemplateId,
      startMs: nowMs - HOUR_MS,
      endMs: nowMs + 24 * HOUR_MS,
      epoch: 1,
      ...terms,
    });
    await store.setState(activityId, { to: 'open', epoch: 1 });
    return activityId;
  }

  /** Removes activities with what they left, so that every run has the same memory and the file stays small. */
  async remove(activities: readonly ActivityId[]): Promise<void> {
    for (const id of activities) await this.redis.unlink(Object.values<string>({ ...activityKeys(id) }));
    if (this.durability === 'fsync' && (await this.fileBytes()) > LARGE_FILE_BYTES) {
      await this.redis.bgrewriteaof();
      await this.rewriteEnded();
    }
  }

  /** Median of fdatasync after an append of 4 KiB on the device of the append-only file, in milliseconds; NaN where it cannot be reached. */
  fdatasyncMedianMs(): number {
    if (this.here === undefined) return NaN;
    const file = join(this.here.directory, 'fdatasync-probe');
    const handle = openSync(file, 'a');
    try {
      const block = Buffer.alloc(PROBE_BYTES, 'x');
      const times: number[] = [];
      for (let i = 0; i < PROBES; i += 1) {
        writeSync(handle, block);
        const beforeMs = performance.now();
        fdatasyncSync(handle);
        times.push(performance.now() - beforeMs);
      }
      return Number(median(times).toFixed(3));
    } finally {
      closeSync(handle);
      rmSync(file, { force: true });
    }
  }

  private async fileBytes(): Promise<number> {
    return Number(/^aof_current_size:(\d+)/m.exec(await this.redis.info('persistence'))?.[1] ?? 0);
  }

  private async rewriteEnded(): Promise<void> {
    await pollUntil(
      async () => {
        const info = await this.redis.info('persistence');
        if (!/^aof_rewrite_in_progress:0/m.test(info) || !/^aof_rewrite_scheduled:0/m.test(info)) {
          throw new Error('the append-only file is being rewritten');
        }
      },
      { timeoutMs: REWRITE_TIMEOUT_MS, intervalMs: 50, what: 'the rewrite of the append-only file' },
    );
  }
}

/** A process on this machine where there is one: its CPU time is part of the result, and no proxy of a container engine sits in the path. */
async function startRedis(screen: BenchContext['screen']): Promise<RunningServers<'redis'>> {
  const options = { purpose: 'bench', log: screen.line } as const;
  try {
    return await startServers<'redis'>({ ...options, need: ['redis'], sources: ['local', 'unpacked', 'installed'] });
  } catch (error) {
    if (!(error instanceof ServerUnavailableError)) throw error;
    screen.line(
      'redis     in a container: its CPU time cannot be measured, and every claim goes through the proxy of the engine',
    );
    return startServers<'redis'>({ ...options, need: ['redis'], sources: ['docker'] });
  }
}
