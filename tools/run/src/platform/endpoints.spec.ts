import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopEnvironment } from '../stop/stop-environment';
import { liveEndpoints, readEndpoints, writeEndpoints } from './endpoints';
import type { Endpoints } from './endpoints';
import { REPOSITORY } from './layout';

const endpoints = (pids: Record<string, number>): Endpoints => ({
  gateway_http: 'http://127.0.0.1:1',
  gateway_grpc: '127.0.0.1:2',
  admin_http: '',
  admin_grpc: '',
  saga_http: '',
  saga_grpc: '',
  worker_http: '',
  mysql_url: 'mysql://root@127.0.0.1/coupon',
  redis_url: '',
  amqp_url: '',
  pids,
});

/** A process of this clone, by its command line, that ends with SIGTERM. */
function aKeeper(): ChildProcess {
  return spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)', REPOSITORY], { stdio: 'ignore' });
}

describe('the endpoints file', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'endpoints-'));
    file = join(folder, '.run', 'endpoints.json');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('is readable by its owner only, since it holds passwords', () => {
    writeEndpoints(file, endpoints({ owner: process.pid }));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readEndpoints(file)).toEqual(endpoints({ owner: process.pid }));
  });

  it('does not count when those who look after the environment are gone, or are strangers', () => {
    expect(liveEndpoints(file)).toBeUndefined();
    writeEndpoints(file, endpoints({ owner: 4_194_303 }));
    expect(liveEndpoints(file)).toBeUndefined();
    writeEndpoints(file, endpoints({ owner: 1 }));
    expect(liveEndpoints(file)).toBeUndefined();
  });

  it('leads stop to every keeper; the file goes with them', async () => {
    const keepers = [aKeeper(), aKeeper(), aKeeper()];
    const gone = keepers.map((keeper) => new Promise((resolve) => keeper.once('exit', (_, signal) => resolve(signal))));
    await Promise.all(keepers.map((keeper) => new Promise((resolve) => keeper.once('spawn', resolve))));
    const [apps_keeper = 0, dtm_keeper = 0, servers_keeper = 0] = keepers.map(({ pid }) => pid ?? 0);
    writeEndpoints(file, endpoints({ apps_keeper, dtm_keeper, servers_keeper }));
    expect(liveEndpoints(file)).toBeDefined();
    await expect(stopEnvironment(file)).resolves.toBe(true);
    await expect(Promise.all(gone)).resolves.toEqual(['SIGTERM', 'SIGTERM', 'SIGTERM']);
    expect(existsSync(file)).toBe(false);
    await expect(stopEnvironment(file)).resolves.toBe(false);
  });
});
