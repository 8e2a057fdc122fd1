import { createConnection } from 'mysql2/promise';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { eventually, useOwnServers, useRedisDatabase } from '@coupon/testing';
import type { Worker } from '../../src/create-worker';
import { prepareBinlogDatabase } from '../support/binlog';
import { BusListener } from '../support/bus-listener';
import { metric, startWorker, stopAll } from '../support/worker';

/* The worker's role `binlog` on real servers that are killed, rotated and purged while templates are written. */

const redis = useRedisDatabase();
const own = useOwnServers(['mysql', 'rabbitmq']);
const workers: Worker[] = [];
let urls: { workerUrl: string; binlogUrl: string };
let listener: BusListener;
let written: string[] = [];

jest.setTimeout(180_000);
const soon = <T>(check: () => T | Promise<T>): Promise<T> => eventually(check, { timeoutMs: 60_000, intervalMs: 50 });

beforeAll(async () => {
  await withMysql((mysql) => mysql.query('CREATE DATABASE coupon CHARACTER SET utf8mb4'), own.endpoints.mysql.url);
  urls = await prepareBinlogDatabase(databaseUrl());
}, 900_000);
beforeEach(async () => {
  written = [];
  listener = await new BusListener(own.endpoints.rabbitmq.url).open();
});
afterEach(async () => {
  await stopAll(workers);
  await listener.close();
});

it('tells of every template written before, during and after a rotation of the binlog', async () => {
  await start();
  await write(3);
  await withMysql((mysql) => mysql.query('FLUSH BINARY LOGS'));
  await write(3);
  await withMysql((mysql) => mysql.query('FLUSH BINARY LOGS'));
  await write(3);
  await everythingTold();
  // And from the new file on after a restart of the worker.
  await stopAll(workers);
  await write(2);
  await start();
  await everythingTold();
  // Those of the first reading, and no later ones.
  expect(listener.messages.filter(({ type }) => type === 'TRUNCATE')).toHaveLength(4);
});

it('goes on where it was when MySQL is killed and started again', async () => {
  const worker = await start();
  for (let round = 0; round < 2; round += 1) {
    await write(3);
    await own.servers.mysql.restart();
    await write(3);
    await everythingTold();
  }
  expect(await metric(worker, 'coupon_binlog_point_lost_total')).toBe(0);
  const beats = listener.beats().length;
  await soon(() => listener.beats().length > beats + 3);
});

it('keeps what it read while RabbitMQ is away, and moves its place only after the confirm', async () => {
  await start();
  await write(2);
  await everythingTold();
  await own.servers.rabbitmq.kill();
  await write(4);
  const [before] = await place();
  await write(4);
  const [after] = await place();
  expect(after).toEqual(before);
  await own.servers.rabbitmq.start();
  await everythingTold();
});

it('says that anything may have changed when its place in the binlog has been purged, and goes on at the end', async () => {
  await start();
  await write(1);
  await everythingTold();
  await stopAll(workers);
  await write(2);
  const skipped = written;
  await withMysql(async (mysql) => {
    await mysql.query('FLUSH BINARY LOGS');
    const [logs] = await mysql.query<RowDataPacket[]>('SHOW BINARY LOGS');
    await mysql.query(`PURGE BINARY LOGS TO '${String(logs.at(-1)?.['Log_name'])}'`);
  });
  listener.messages.length = 0;
  written = [];
  const worker = await start();
  const truncated = await soon(() => {
    const found = listener.messages.filter(({ type }) => type === 'TRUNCATE');
    expect(found).toHaveLength(4);
    return found;
  });
  expect(truncated.map(({ table }) => table).sort()).toEqual([
    'cache_heartbeats',
    'coupon_templates',
    'flash_sale_activities',
    'user_coupons',
  ]);
  expect(
    truncated.every(({ isDdl, data, sql }) => isDdl && data === null && sql.includes('is not there any more')),
  ).toBe(true);
  expect(await metric(worker, 'coupon_binlog_point_lost_total')).toBe(1);
  await write(2);
  await everythingTold();
  expect(listener.inserted('coupon_templates', 'name')).not.toEqual(expect.arrayContaining(skipped.slice(1)));
});

it('parks a change in a type nobody can tell, in the table of dead letters, and says that anything may have changed', async () => {
  await start();
  await write(1);
  await everythingTold();
  listener.messages.length = 0;
  await withMysql(async (mysql) => {
    await mysql.query('ALTER TABLE coupon_templates ADD COLUMN feature VECTOR(2) NULL');
    await mysql.query("UPDATE coupon_templates SET feature = TO_VECTOR('[1,2]') LIMIT 1");
  });
  try {
    await soon(() => {
      const told = listener.messages.filter(({ table }) => table === 'coupon_templates').map(({ type }) => type);
      expect(told).toEqual(expect.arrayContaining(['ALTER', 'TRUNCATE']));
      expect(told).not.toContain('UPDATE');
    });
    const [letters] = await withMysql((mysql) =>
      mysql.query<RowDataPacket[]>("SELECT reason FROM dead_letters WHERE reason_code = 'BINLOG_CHANGE_NOT_TOLD'"),
    );
    expect(letters.map((row) => String(row['reason'])).join()).toMatch(/feature|vector/i);
  } finally {
    await withMysql((mysql) => mysql.query('ALTER TABLE coupon_templates DROP COLUMN feature'));
  }
  await write(1);
  await soon(() => expect(listener.inserted('coupon_templates', 'name')).toContain(written.at(-1)));
});

it('tells how far the bus is behind: small while it runs, growing while nothing can be told', async () => {
  const worker = await start();
  await soon(() => listener.beats().length > 4);
  await soon(async () => (await metric(worker, 'coupon_binlog_lag_seconds')) < 1);
  await own.servers.rabbitmq.pause();
  try {
    await soon(async () => (await metric(worker, 'coupon_binlog_lag_seconds')) > 2);
  } finally {
    await own.servers.rabbitmq.resume();
  }
  await soon(async () => (await metric(worker, 'coupon_binlog_lag_seconds')) < 1);
});

function databaseUrl(): string {
  return `${own.endpoints.mysql.url}/coupon`;
}

/** A worker that reads the binlog. */
async function start(environment: Record<string, string> = {}): Promise<Worker> {
  const worker = await startWorker(
    { mysqlUrl: urls.workerUrl, redisUrl: redis.url, amqpUrl: own.endpoints.rabbitmq.url },
    { WORKER_ROLES: 'binlog', BINLOG_MYSQL_URL: urls.binlogUrl, BINLOG_LEASE_MS: '1000', ...environment },
  );
  workers.push(worker);
  await soon(async () => (await metric(worker, 'coupon_binlog_active')) === 1);
  return worker;
}

async function write(count: number): Promise<void> {
  await withMysql(async (mysql) => {
    for (let i = 0; i < count; i += 1) {
      const name = `n-${written.length + 1}-${Date.now()}`;
      await mysql.query(
        `INSERT INTO coupon_templates (name, type, discount_type, discount_value, total_count, valid_start_time, valid_end_time)
         VALUES (?, 1, 1, 5, 100, '2026-01-01', '2030-01-01')`,
        [name],
      );
      written.push(name);
    }
  });
}

async function everythingTold(): Promise<void> {
  await soon(() => {
    const told = listener.inserted('coupon_templates', 'name').filter((name) => written.includes(name));
    expect(told).toEqual(written);
  });
}

async function place(): Promise<RowDataPacket[]> {
  return withMysql(async (mysql) => {
    const [rows] = await mysql.query<RowDataPacket[]>('SELECT file, position FROM binlog_positions');
    return rows;
  });
}

async function withMysql<T>(work: (mysql: Connection) => Promise<T>, url = databaseUrl()): Promise<T> {
  const mysql = await createConnection({ uri: url, connectTimeout: 10_000 });
  try {
    return await work(mysql);
  } finally {
    await mysql.end();
  }
}
