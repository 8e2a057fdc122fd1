import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startServers, unpackTree } from '@coupon/servers';
import type { RunningServers } from '@coupon/servers';

const SOURCE = join(__dirname, 'record-syncs.c');
const TREES = join(__dirname, '..', '..', '..', '..', '.cache', 'servers');

/**
 * A Redis whose power can be cut: killed, and its append-only file shortened to what had reached the disk by the last completed sync. (A
 * kill alone loses nothing: the operating system still has what was written.)
 */
export class PowerCutRedis {
  private constructor(
    private readonly running: RunningServers<'redis'>,
    private readonly records: string,
    private readonly appendOnlyDirectory: string,
  ) {}

  static async start(appendfsync: 'always' | 'everysec'): Promise<PowerCutRedis> {
    const records = mkdtempSync(join(tmpdir(), 'coupon-syncs-'));
    const library = join(records, 'record-syncs.so');
    await compile(library);
    const running = await startServers({
      need: ['redis'],
      purpose: 'test',
      sources: ['local', 'unpacked', 'installed'],
      arguments: { redis: ['--appendfsync', appendfsync] },
      environment: { redis: { LD_PRELOAD: library, SYNC_RECORDS: records } },
    });
    const redis = new Redis(running.endpoints.redis.url);
    const [, directory = ''] = await redis.config('GET', 'dir');
    redis.disconnect();
    return new PowerCutRedis(running, records, join(directory, 'appendonlydir'));
  }

  get url(): string {
    return this.running.endpoints.redis.url;
  }

  /** @returns how many bytes the cut has taken. */
  async cutPower(): Promise<number> {
    await this.running.servers.redis.kill();
    let lost = 0;
    for (const name of readdirSync(this.appendOnlyDirectory).filter((file) => file.endsWith('.incr.aof'))) {
      const file = join(this.appendOnlyDirectory, name);
      const record = join(this.records, name);
      const synced = existsSync(record) ? Number(readFileSync(record, 'utf8')) : 0;
      lost += readFileSync(file).length - synced;
      truncateSync(file, synced);
    }
    return lost;
  }

  async powerOn(): Promise<void> {
    await this.running.servers.redis.start();
  }

  async stop(): Promise<void> {
    await this.running.stop();
    rmSync(this.records, { recursive: true, force: true });
  }
}

/** With the system's compiler, else with a small one that is unpacked for it. */
async function compile(library: string): Promise<void> {
  const args = ['-shared', '-fPIC', '-o', library, SOURCE];
  try {
    execFileSync('cc', args, { stdio: 'pipe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(TREES, { recursive: true });
    const tree = await unpackTree({ directory: join(TREES, 'tcc'), suite: 'system', packages: ['tcc'] });
    const tcc = tree.executable('usr/bin/tcc');
    const libraries = join(tree.directory, 'usr', 'lib');
    const triplet = readdirSync(libraries).find((name) => existsSync(join(libraries, name, 'tcc'))) ?? '';
    const own = `-B${join(libraries, triplet, 'tcc')}`;
    execFileSync(tcc.command, [...tcc.args, own, '-nostdlib', ...args], { stdio: 'pipe' });
  }
}
