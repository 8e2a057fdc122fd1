import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { AppInstance, RUN_FOLDER, buildApps, openLogFolder, prepareDatabase } from '@coupon/platform';
import type { PlatformDatabase } from '@coupon/platform';
import { PortAllocator, Supervisor } from '@coupon/servers';
import type { RunningServers } from '@coupon/servers';
import type { StageOptions } from '../sagas/stage';
import { Reader } from './reader';
import type { ReaderReport } from './reader-process';
import { PARENT_TEMPLATE, VersionedRow } from './rows';

export interface CacheStageOptions extends StageOptions {
  readonly seed: number;
  readonly onReport: (reader: number, report: ReaderReport) => void;
}

interface Foundation {
  readonly servers: RunningServers<'mysql' | 'redis' | 'rabbitmq'>;
  readonly database: PlatformDatabase;
  readonly workers: readonly AppInstance[];
  readonly readers: readonly Reader[];
  /** Workers that have ended by themselves. */
  readonly ended: readonly string[];
  readonly undo: readonly (() => Promise<unknown>)[];
}

const WORKERS = 2;
const READERS = 3;
const ROWS_OF_A_KIND = 60;
const L1_TTL_MS = 20_000;
const L2_TTL_MS = 40_000;

/** The longest that L1 keeps a value and, past its end, answers it in place of an error. */
export const MARKED_FOR_MS = L1_TTL_MS + 60_000;

/** Two workers in the role `binlog` and three processes with caches, on servers of this stage alone. The rows are not there yet. */
export class CacheStage {
  readonly rows: readonly VersionedRow[];

  private constructor(
    private readonly base: Foundation,
    rows: readonly VersionedRow[],
  ) {
    this.rows = rows;
  }

  static async open(options: CacheStageOptions): Promise<CacheStage> {
    const undo: (() => Promise<unknown>)[] = [];
    const rows = (['template', 'sale', 'user-coupons'] as const).flatMap((kind, place) =>
      Array.from({ length: ROWS_OF_A_KIND }, (_, index) => new VersionedRow(kind, 1_000 * (place + 1) + index)),
    );
    try {
      return new CacheStage(await lay(options, rows, undo), rows);
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  get servers(): RunningServers<'mysql' | 'redis' | 'rabbitmq'>['servers'] {
    return this.base.servers.servers;
  }

  get workers(): readonly AppInstance[] {
    return this.base.workers;
  }

  get readers(): readonly Reader[] {
    return this.base.readers;
  }

  /** Processes that have ended by themselves. */
  get ended(): readonly string[] {
    return [...this.base.ended, ...this.readers.filter(({ ended }) => ended).map(({ name }) => name)];
  }

  get mysqlUrl(): string {
    return this.base.database.adminUrl;
  }

  get redisUrl(): string {
    return this.base.servers.endpoints.redis.url;
  }

  async query(sql: string): Promise<void> {
    await query(this.mysqlUrl, sql);
  }

  async close(): Promise<void> {
    for (const step of [...this.base.undo].reverse()) await step();
  }
}

async function lay(
  options: CacheStageOptions,
  rows: readonly VersionedRow[],
  undo: (() => Promise<unknown>)[],
): Promise<Foundation> {
  const logs = openLogFolder('chaos-caches');
  const building = buildApps(['seckill-worker'], join(logs, 'build.log'), options.signal);
  building.catch(() => undefined);
  const servers = await options.startServers(['mysql', 'redis', 'rabbitmq'], {});
  undo.push(() => servers.stop());
  const database = await prepareDatabase({
    serverUrl: servers.endpoints.mysql.url,
    name: 'coupon',
    userSuffix: '',
  });
  await query(
    database.adminUrl,
    `INSERT INTO coupon_templates (id, name, type, discount_type, discount_value, total_count, valid_start_time, valid_end_time)
     VALUES (${PARENT_TEMPLATE}, 'chaos', 1, 1, 5, 100, '2020-01-01', '2037-01-01')`,
  );
  await building;
  const supervisor = await Supervisor.start({ parent: RUN_FOLDER, purpose: 'chaos-apps' });
  undo.push(() => supervisor.stop());
  const ended: string[] = [];
  const workers = await startWorkers({ servers, database, supervisor, logs, ended });
  const readers: Reader[] = [];
  undo.push(() => Promise.all(readers.map((reader) => reader.stop())));
  const keys = keysOf(rows);
  for (let index = 0; index < READERS; index += 1) {
    const settings = {
      name: `reader-${index + 1}`,
      mysqlUrl: database.appUrls['coupon-admin'] ?? '',
      amqpUrl: servers.endpoints.rabbitmq.url,
      redisUrl: servers.endpoints.redis.url,
      ...{ l1TtlMs: L1_TTL_MS, l2TtlMs: L2_TTL_MS, keys, seed: options.seed + index },
    };
    readers.push(await Reader.start({ settings, onReport: (report) => options.onReport(index, report) }));
  }
  return { servers, database, workers, readers, ended, undo };
}

function keysOf(rows: readonly VersionedRow[]): Record<string, number[]> {
  const keys: Record<string, number[]> = {};
  for (const { kind, id } of rows)
    for (const cache of kind === 'user-coupons' ? [kind] : [kind, `${kind}-counts`]) (keys[cache] ??= []).push(id);
  return keys;
}

async function startWorkers({
  servers,
  database,
  supervisor,
  logs,
  ended,
}: Pick<Foundation, 'servers' | 'database'> & {
  readonly supervisor: Supervisor;
  readonly logs: string;
  readonly ended: string[];
}): Promise<AppInstance[]> {
  const ports = new PortAllocator();
  const workers: AppInstance[] = [];
  for (let index = 1; index <= WORKERS; index += 1) {
    const httpPort = await ports.next();
    const name = `seckill-worker-${index}`;
    const env = {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: process.env['TMPDIR'] ?? '/tmp',
      NODE_ENV: 'test',
      LOG_LEVEL: 'warn',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(httpPort),
      INSTANCE_ID: name,
      WORKER_ROLES: 'binlog',
      MYSQL_URL: database.appUrls['seckill-worker'] ?? '',
      BINLOG_MYSQL_URL: database.binlogUrl,
      CLAIM_REDIS_URL: servers.endpoints.redis.url,
      AMQP_URL: servers.endpoints.rabbitmq.url,
      BINLOG_LEASE_MS: '1000',
    };
    workers.push(
      new AppInstance(
        { name, app: 'seckill-worker', httpPort, grpcPort: undefined, env },
        {
          supervisor,
          logFile: join(logs, `${name}.log`),
          respawn: false,
          onUnexpectedExit: () => ended.push(name),
          onRespawned: () => undefined,
          onRespawnFailed: () => undefined,
        },
      ),
    );
  }
  await Promise.all(workers.map((worker) => worker.start()));
  return workers;
}

async function query(url: string, sql: string): Promise<void> {
  const mysql = await createConnection({ uri: url, connectTimeout: 5_000 });
  try {
    await mysql.query(sql);
  } finally {
    await mysql.end();
  }
}
