import { randomUUID } from 'node:crypto';
import { L2Dropper } from '@coupon/cache-bus';
import { BINLOG_EXCHANGE, HEARTBEAT_TABLE } from '@coupon/contracts';
import { createClaimRedis } from '@coupon/lua';
import { AmqpConnection, RabbitMqPublisher, binlogTopology } from '@coupon/messaging';
import { sharedCaches } from '@coupon/read-models';
import { eventually, useRedisDatabase, useVhost } from '@coupon/testing';
import { useAdmin } from './fixture';

jest.setTimeout(60_000);

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const vhost = useVhost();
const cacheRedis = useRedisDatabase();
const admin = useAdmin(
  () => ({ AMQP_URL: vhost.url, CACHE_REDIS_URL: cacheRedis.url }),
  () => ({}),
  { proxied: true },
);

interface Stats {
  readonly cache: {
    readonly bus: { readonly fresh: boolean };
    readonly caches: readonly { readonly name: string; readonly l1: { readonly hits: number } }[];
  };
}

const stats = async (): Promise<Stats> => (await admin.call('GET', '/api/v1/system/stats')).body as unknown as Stats;
const hits = async (name: string): Promise<number> =>
  (await stats()).cache.caches.find((cache) => cache.name === name)?.l1.hits ?? 0;

/** What the worker does for the caches. Changes of rows are told by nobody here: what is seen of them was not learnt from the binlog. */
let heart: NodeJS.Timeout;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  const redis = createClaimRedis(cacheRedis.url);
  await redis.connect();
  const connection = new AmqpConnection({ url: vhost.url, name: 'heart', logger: silent });
  const publisher = new RabbitMqPublisher({
    connection,
    logger: silent,
    exchange: BINLOG_EXCHANGE,
    topology: binlogTopology(),
  });
  await publisher.start();
  const caches = sharedCaches({ redis, newToken: randomUUID });
  const dropper = new L2Dropper({ url: vhost.url, name: 'test', caches, logger: silent });
  await dropper.start();
  heart = setInterval(() => void publisher.publishBatch([beat()]), 50);
  closing.push(
    () => dropper.close(),
    () => publisher.close(),
    () => connection.close(),
    () => redis.disconnect(),
  );
  await eventually(async () => (await stats()).cache.bus.fresh, { timeoutMs: 20_000 });
});
afterAll(async () => {
  clearInterval(heart);
  for (const close of closing) await close();
});

function beat(): { id: string; type: string; body: string; timestampMs: number; mandatory: false } {
  const now = Date.now();
  const fields = { database: 'coupon', es: now, gtid: '', id: 1, isDdl: false, mysqlType: {}, old: [{}] };
  const data = [{ source: 'test', beat: String(now), acknowledged: String(now - 100) }];
  const rest = { pkNames: ['source'], sql: '', sqlType: {}, table: HEARTBEAT_TABLE, ts: now, type: 'UPDATE' };
  return {
    id: 'beat',
    type: '',
    body: JSON.stringify({ data, ...fields, ...rest }),
    timestampMs: now,
    mandatory: false,
  };
}

const template = async (id: string): Promise<{ version: number; name: string; status_name: string }> =>
  (await admin.call('GET', `/api/v1/coupon-templates/${id}`)).body;

describe('reads through caches', () => {
  it('are answered in process, and show at once what was written here', async () => {
    const id = await admin.template({ status: 0 });
    const before = await template(id);
    await eventually(async () => {
      const known = await hits('template');
      expect(await template(id)).toEqual(before);
      return (await hits('template')) > known;
    });
    for (const name of ['first', 'second', 'third']) {
      const { version } = await template(id);
      await admin.call('PATCH', `/api/v1/coupon-templates/${id}`, { version, name });
      expect((await template(id)).name).toBe(name);
    }
    await admin.call('POST', `/api/v1/coupon-templates/${id}/publish`, {});
    expect((await template(id)).status_name).toBe('published');
  });

  it('of activities show every command at once', async () => {
    const id = await admin.activity();
    const status = async (): Promise<string> => (await admin.call('GET', `/api/v1/flash-sales/${id}`)).body.status_name;
    const seen = [await status()];
    for (const move of ['start', 'pause', 'resume', 'end']) {
      await admin.call('POST', `/api/v1/flash-sales/${id}/${move}`, {});
      seen.push(await status());
    }
    expect(seen).toEqual(['pending', 'running', 'paused', 'running', 'ended']);
  });

  it("of a user's coupons are what the database would answer, page by page and by status", async () => {
    const [user, other] = ['4711', '4712'];
    const id = await admin.template({ per_user_limit: 9 });
    const list = async (who: string, query = ''): Promise<readonly { coupon_sn: string }[]> =>
      (await admin.call('GET', `/api/v1/users/${who}/coupons${query}`)).body.items;
    const count = async (who: string): Promise<number> =>
      (await admin.call('GET', `/api/v1/users/${who}/coupons/count`)).body.total;
    expect([await list(user), await count(user)]).toEqual([[], 0]);
    const sns: string[] = [];
    for (let n = 1; n <= 5; n += 1) {
      const { body } = await admin.call('POST', `/api/v1/coupon-templates/${id}/claim`, { user_id: user });
      sns.unshift(body.coupon_sn);
      expect([(await list(user)).map(({ coupon_sn: sn }) => sn), await count(user)]).toEqual([sns, n]);
    }
    expect(await count(other)).toBe(0);
    const first = (await admin.call('GET', `/api/v1/users/${user}/coupons?limit=3`)).body;
    const second = await list(user, `?limit=3&cursor=${first.next_cursor ?? ''}`);
    expect([...first.items, ...second].map(({ coupon_sn: sn }) => sn)).toEqual(sns);
    expect(await list(user, '?status=1')).toHaveLength(5);
    expect(await list(user, '?status=3')).toHaveLength(0);
    expect(await hits('user-coupons')).toBeGreaterThan(0);
  });

  it('are marked when they stand in for a database that is away', async () => {
    const id = await admin.template();
    await template(id);
    const fresh = await admin.call('GET', `/api/v1/coupon-templates/${id}`);
    expect(fresh.headers.get('warning')).toBeNull();
    clearInterval(heart);
    await eventually(async () => !(await stats()).cache.bus.fresh);
    admin.proxies.mysql.setMode('refuse');
    admin.proxies.mysql.cut();
    try {
      const stale = await admin.call('GET', `/api/v1/coupon-templates/${id}`);
      expect([stale.status, stale.body.id]).toEqual([200, id]);
      expect(stale.headers.get('warning')).toMatch(/^110 /);
      expect((await admin.call('GET', '/api/v1/coupon-templates/999999')).status).toBe(503);
    } finally {
      admin.proxies.mysql.setMode('pass');
    }
  });
});
