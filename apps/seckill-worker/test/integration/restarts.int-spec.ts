import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { createClaimRedis } from '@coupon/lua';
import { EMBEDDED_MIGRATIONS, applyMigrations } from '@coupon/persistence';
import { eventually, useOwnServers } from '@coupon/testing';
import type { Worker } from '../../src/create-worker';
import { BrokerProbe } from '../support/broker';
import { insertActivity, readTotals } from '../support/database';
import type { ActivityTotals } from '../support/database';
import { claims, messageOf } from '../support/events';
import type { Place } from '../support/events';
import { TestSale } from '../support/sale';
import { metric, startWorker, stopAll } from '../support/worker';

const own = useOwnServers(['mysql', 'redis', 'rabbitmq']);
const workers: Worker[] = [];
const probes: BrokerProbe[] = [];
const soon = <T>(check: () => T | Promise<T>): Promise<T> => eventually(check, { timeoutMs: 90_000, intervalMs: 100 });

jest.setTimeout(180_000);

const databaseUrl = (): string => `${own.endpoints.mysql.url}/coupon`;

beforeAll(async () => {
  await withMysql((mysql) => mysql.query('CREATE DATABASE coupon CHARACTER SET utf8mb4'), own.endpoints.mysql.url);
  await applyMigrations({ url: databaseUrl(), migrations: EMBEDDED_MIGRATIONS });
}, 900_000);
afterEach(async () => {
  await stopAll(workers);
  await Promise.all(probes.splice(0).map((probe) => probe.close()));
});

const start = async (environment: Record<string, string> = {}): Promise<Worker> => {
  const { redis, rabbitmq } = own.endpoints;
  const worker = await startWorker(
    { mysqlUrl: databaseUrl(), redisUrl: redis.url, amqpUrl: rabbitmq.url },
    { CONSUMER_BATCH_SIZE: '100', CONSUMER_PREFETCH: '300', ...environment },
  );
  workers.push(worker);
  return worker;
};

it('invariant 6: MySQL killed and started during a drain loses nothing and parks nothing', async () => {
  const { place, probe } = await backlog(6_000);
  await start({ WORKER_ROLES: 'consumer' });
  for (let round = 0; round < 2; round += 1) {
    await someMore(place, 500);
    await own.servers.mysql.restart();
  }
  await everythingStored(place, probe, 6_000);
});

it('invariant 6: RabbitMQ killed and started during a drain loses nothing and parks nothing', async () => {
  const { place, probe } = await backlog(6_000);
  await Promise.all([start({ WORKER_ROLES: 'consumer' }), start({ WORKER_ROLES: 'consumer' })]);
  await someMore(place, 500);
  await own.servers.rabbitmq.restart();
  await everythingStored(place, probe, 6_000);
});

it('invariant 1: RabbitMQ killed and started while the relay publishes loses no event', async () => {
  const place = await newPlace(20_000);
  const redis = createClaimRedis(own.endpoints.redis.url);
  await redis.connect();
  const sale = await new TestSale(redis, place).open({ total: 20_000 });
  await sale.claim(6_000);
  const probe = await newProbe();
  await start();
  await someMore(place, 300);
  await own.servers.rabbitmq.restart();
  await sale.claim(500, 100_000);
  await everythingStored(place, probe, 6_500);
  await soon(async () => expect(await sale.store.snapshot(sale.id)).toMatchObject({ persistedEvents: 6_500 }));
  redis.disconnect();
});

it('invariant 8: commits and acknowledges while Redis is away, and marks persisted once it is back', async () => {
  const place = await newPlace(10_000);
  const before = createClaimRedis(own.endpoints.redis.url);
  await before.connect();
  const sale = await new TestSale(before, place).open();
  await sale.claim(500);
  before.disconnect();
  const probe = await newProbe();
  const relay = await start({ WORKER_ROLES: 'relay' });
  await soon(async () => expect(await probe.ready()).toBe(500));
  await relay.lifecycle.stop('everything is in the queue');

  await own.servers.redis.kill();
  const worker = await start({ WORKER_ROLES: 'consumer' });
  await soon(async () => {
    expect(await totals(place)).toMatchObject({ events: 500, coupons: 500 });
    expect(await probe.ready()).toBe(0);
    expect(await metric(worker, 'coupon_persisted_marks_pending')).toBe(500);
  });
  await own.servers.redis.start();
  const redis = createClaimRedis(own.endpoints.redis.url);
  await soon(() => redis.connect().then(() => true));
  const store = new TestSale(redis, place).store;
  await soon(async () =>
    expect(await store.snapshot(sale.id)).toMatchObject({ persistedEvents: 500, persistedUnits: 500 }),
  );
  redis.disconnect();
});

it('invariant 8: the reconciliation marks what a consumer that is gone had not, and writes an ended activity off as drained', async () => {
  const place = await newPlace(10_000);
  const redis = createClaimRedis(own.endpoints.redis.url);
  await redis.connect();
  const sale = await new TestSale(redis, place).open();
  await sale.claim(300);
  const first = await start({ WORKER_ROLES: 'relay,consumer' });
  await soon(async () => expect(await totals(place)).toMatchObject({ events: 300 }));
  await soon(async () => expect(await sale.store.snapshot(sale.id)).toMatchObject({ persistedEvents: 300 }));
  await first.lifecycle.stop('its marks are taken away');
  await redis.del(`coupon:persisted:{${place.activityId}}`, `coupon:stats:{${place.activityId}}`);
  await start({ WORKER_ROLES: 'reconciliation' });
  await soon(async () =>
    expect(await sale.store.snapshot(sale.id)).toMatchObject({ persistedEvents: 300, persistedUnits: 300 }),
  );
  expect(await drainedAt(place)).toBeNull();
  await sale.store.setState(sale.id, { to: 'ended', epoch: 1 });
  await soon(async () => expect(await drainedAt(place)).toBeInstanceOf(Date));
  redis.disconnect();
});

async function backlog(count: number): Promise<{ place: Place; probe: BrokerProbe }> {
  const place = await newPlace(count);
  const probe = await newProbe();
  await probe.publish(claims(place, count).map(messageOf));
  return { place, probe };
}

/** Waits until at least so many more events are stored: the work is under way. */
async function someMore(place: Place, count: number): Promise<void> {
  const { events } = await totals(place);
  await soon(async () => expect((await totals(place)).events).toBeGreaterThanOrEqual(events + count));
}

async function everythingStored(place: Place, probe: BrokerProbe, count: number): Promise<void> {
  const all = { success_count: count, coupons: count, live: count, events: count };
  await soon(async () => expect(await totals(place)).toEqual(all));
  await soon(async () => expect(await probe.ready()).toBe(0));
  expect(await probe.deadLetters()).toEqual([]);
}

async function newProbe(): Promise<BrokerProbe> {
  const probe = new BrokerProbe(own.endpoints.rabbitmq.url);
  probes.push(probe);
  return probe.open();
}

async function newPlace(total: number): Promise<Place> {
  return withMysql((mysql) => insertActivity(queryOf(mysql), { total }));
}

async function totals(place: Place): Promise<ActivityTotals> {
  return withMysql((mysql) => readTotals(queryOf(mysql), place.activityId));
}

async function drainedAt(place: Place): Promise<Date | null> {
  const [row] = await withMysql((mysql) =>
    queryOf(mysql)<{ drained_at: Date | null }>('SELECT drained_at FROM flash_sale_activities WHERE id = ?', [
      place.activityId,
    ]),
  );
  return row?.drained_at ?? null;
}

/** A connection per use: the server is killed between two of them. */
async function withMysql<T>(use: (mysql: Connection) => Promise<T>, url = databaseUrl()): Promise<T> {
  const mysql = await createConnection({ uri: url, timezone: 'Z', supportBigNumbers: true, bigNumberStrings: true });
  try {
    return await use(mysql);
  } finally {
    await mysql.end();
  }
}

function queryOf(mysql: Connection) {
  return async <Row extends object>(sql: string, values: readonly (string | number | null)[] = []): Promise<Row[]> => {
    const [rows] = await mysql.query(sql, [...values]);
    return Array.isArray(rows) ? (rows as Row[]) : [];
  };
}
