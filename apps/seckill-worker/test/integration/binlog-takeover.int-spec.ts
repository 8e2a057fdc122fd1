import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventually, useMysqlDatabase, useRedisDatabase, useVhost } from '@coupon/testing';
import { prepareBinlogDatabase } from '../support/binlog';
import { BusListener } from '../support/bus-listener';

/* Two workers as processes of their own, of which one reads the binlog and is killed or paused. */

const ROOT = join(__dirname, '../../../..');
const processes: WorkerProcess[] = [];
let listener: BusListener | undefined;

afterEach(async () => {
  await Promise.all(processes.splice(0).map((one) => one.kill()));
  await listener?.close();
});
const database = useMysqlDatabase();
const redis = useRedisDatabase();
const vhost = useVhost();
let urls: { workerUrl: string; binlogUrl: string };
let names = 0;

jest.setTimeout(120_000);
const soon = <T>(check: () => T | Promise<T>): Promise<T> => eventually(check, { timeoutMs: 40_000, intervalMs: 50 });

beforeAll(async () => {
  urls = await prepareBinlogDatabase(database.url);
}, 900_000);
beforeEach(async () => {
  listener = await new BusListener(vhost.url).open();
});

it.each(['SIGKILL', 'SIGSTOP'] as const)(
  'another process goes on without a gap when the one that reads gets %s',
  async (signal) => {
    const bus = listener ?? fail();
    const first = await aWorker();
    await soon(() => first.isActive());
    const second = await aWorker();
    const written = [await write()];
    await told(bus, written);
    expect(await second.isActive()).toBe(false);

    first.child.kill(signal);
    for (let i = 0; i < 5; i += 1) written.push(await write());
    await soon(() => second.isActive());
    written.push(await write());
    await told(bus, written);
    const beats = bus.beats().length;
    await soon(() => bus.beats().length > beats + 3);
    if (signal === 'SIGKILL') return;

    first.child.kill('SIGCONT');
    await soon(async () => !(await first.isActive()));
    written.push(await write());
    await told(bus, written);
    expect(await second.isActive()).toBe(true);
  },
);

function fail(): never {
  throw new Error('no listener');
}

async function write(): Promise<string> {
  names += 1;
  const name = `t-${names}`;
  await database.query(
    `INSERT INTO coupon_templates (name, type, discount_type, discount_value, total_count, valid_start_time, valid_end_time)
     VALUES (?, 1, 1, 5, 100, '2026-01-01', '2030-01-01')`,
    [name],
  );
  return name;
}

async function told(bus: BusListener, written: readonly string[]): Promise<void> {
  await soon(() => {
    const found = bus.inserted('coupon_templates', 'name').filter((name) => written.includes(name));
    expect(found).toEqual(written);
  });
}

class WorkerProcess {
  constructor(
    readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  /** Throws while the process does not answer. */
  async isActive(): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${this.port}/metrics`, { signal: AbortSignal.timeout(2_000) });
    return /^coupon_binlog_active(?:\{[^}]*\})? 1$/m.test(await response.text());
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }
}

async function aWorker(): Promise<WorkerProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'apps/seckill-worker/src/main.ts')], {
    cwd: ROOT,
    stdio: ['ignore', process.env['WORKER_TEST_LOG'] === undefined ? 'ignore' : 'inherit', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.base.json'),
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(port),
      MYSQL_URL: urls.workerUrl,
      BINLOG_MYSQL_URL: urls.binlogUrl,
      CLAIM_REDIS_URL: redis.url,
      AMQP_URL: vhost.url,
      WORKER_ROLES: 'binlog',
      BINLOG_LEASE_MS: '1000',
      LOG_LEVEL: 'info',
    },
  });
  const worker = new WorkerProcess(child, port);
  processes.push(worker);
  await soon(async () => {
    await worker.isActive();
  });
  return worker;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
