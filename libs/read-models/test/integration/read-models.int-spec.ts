import { randomUUID } from 'node:crypto';
import { L2Dropper } from '@coupon/cache-bus';
import type { ActivityId, TemplateId, UserId } from '@coupon/domain';
import { createClaimRedis } from '@coupon/lua';
import { EMBEDDED_MIGRATIONS, applyMigrations, createPrisma } from '@coupon/persistence';
import type { PrismaClient } from '@coupon/persistence';
import { TcpProxy, eventually, useMysqlDatabase, useRedisDatabase, useVhost } from '@coupon/testing';
import { Registry } from 'prom-client';
import { createReadModels, sharedCaches } from '../../src';
import type { ReadModels } from '../../src';
import { activityCounts, activityTerms, hottestActivities } from '../../src/activity.read-model';
import { hottestTemplates, templateCounts, templateTerms } from '../../src/template.read-model';
import { MOST_CACHED_COUPONS, userCoupons } from '../../src/user-coupons.read-model';
import { WarmUp } from '../../src/warm-up';
import { BinlogDouble, silentLogger } from '../support/binlog-double';

jest.setTimeout(30_000);

const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
const redisDatabase = useRedisDatabase();
const vhost = useVhost();
let prisma: PrismaClient;
beforeAll(() => {
  prisma = createPrisma(database.url, { poolSize: 5, poolIdle: 1 });
});
afterAll(() => prisma.$disconnect());

const insertedId = async (): Promise<string> => {
  const [row] = await database.query<{ id: string }>('SELECT LAST_INSERT_ID() AS id');
  return row?.id ?? '';
};
const aTemplate = async (over: Record<string, string | number | null> = {}): Promise<TemplateId> => {
  const row = {
    name: 'half "ä"',
    type: 1,
    discount_type: 1,
    discount_value: '12.30',
    min_amount: '100.00',
    total_count: 1000,
    per_user_limit: 2,
    valid_start_time: '2026-01-01 00:00:00.000',
    valid_end_time: '2036-01-01 00:00:00.123',
    status: 1,
    ...over,
  };
  const columns = Object.keys(row);
  await database.query(
    `INSERT INTO coupon_templates (${columns.join()}) VALUES (${columns.map(() => '?').join()})`,
    Object.values(row),
  );
  return (await insertedId()) as TemplateId;
};
const anActivity = async (
  template: TemplateId,
  start = '2026-01-01 00:00:00',
  { end = '2036-01-01 00:00:00', status = 2 } = {},
): Promise<ActivityId> => {
  await database.query(
    `INSERT INTO flash_sale_activities (coupon_id, name, total_count, start_time, end_time, per_user_limit, status)
     VALUES (?, 'sale', 100, ?, ?, 1, ?)`,
    [template, start, end, status],
  );
  return (await insertedId()) as ActivityId;
};
let serial = 0;
const aCoupon = async (template: TemplateId, user: string): Promise<string> => {
  serial += 1;
  await database.query(
    `INSERT INTO user_coupons (coupon_id, user_id, coupon_sn, valid_start_time, valid_end_time, source)
     VALUES (?, ?, ?, '2026-01-01 00:00:00', '2036-01-01 00:00:00', 'claim')`,
    [template, user, `SN${serial}`],
  );
  return insertedId();
};

describe('what is loaded', () => {
  test('a template is read as its row has it, and its codec gives it back exactly', async () => {
    const id = await aTemplate({
      applicable_goods: '["1",2]',
      excluded_categories: '[]',
      max_discount: '5.00',
      stack_group: 'g',
      rule_args: '{"tiers":[{"a":"1.5"}]}',
      valid_days_after_claim: 7,
    });
    const [terms, missing] = await templateTerms.loader(prisma)([id, '999999' as TemplateId]);
    expect(missing).toBeNull();
    expect(terms).toMatchObject({
      id,
      name: 'half "ä"',
      discountValueMinor: 1230n,
      minAmountMinor: 10_000n,
      maxDiscountMinor: 500n,
      applicableGoods: ['1', '2'],
      applicableCategories: null,
      excludedCategories: [],
      ruleArgs: { tiers: [{ a: '1.5' }] },
      validEndMs: Date.parse('2036-01-01T00:00:00.123Z'),
      validDaysAfterClaim: 7,
    });
    if (terms === null || terms === undefined) throw new Error('no terms');
    expect(templateTerms.codec.decode(templateTerms.codec.encode(terms))).toEqual(terms);
    const [counts] = await templateCounts.loader(prisma)([id]);
    expect(counts).toMatchObject({ usedCount: 0, allocatedCount: 0 });
  });

  test('an activity and a user coupon come back from their codecs exactly', async () => {
    const template = await aTemplate();
    const activity = await anActivity(template);
    await aCoupon(template, '77');
    const [terms] = await activityTerms.loader(prisma)([activity]);
    const [counts] = await activityCounts.loader(prisma)([activity]);
    const [held] = await userCoupons.loader(prisma)(['77' as UserId]);
    for (const [model, value] of [
      [activityTerms, terms],
      [activityCounts, counts],
      [userCoupons, held],
    ] as const) {
      expect(value).not.toBeNull();
      expect(model.codec.decode(model.codec.encode(value as never))).toEqual(value);
    }
    expect(held?.coupons[0]).toMatchObject({ userId: '77', couponId: template, source: 'claim', activityId: null });
  });

  test('loaders answer in the order of the keys', async () => {
    const [a, b] = [await aTemplate({ name: 'a' }), await aTemplate({ name: 'b' })];
    const names = async (keys: TemplateId[]): Promise<(string | undefined)[]> =>
      (await templateTerms.loader(prisma)(keys)).map((terms) => terms?.name);
    expect(await names([b, a, b])).toEqual(['b', 'a', 'b']);
  });

  test('a user has the newest coupons, and it is known whether those are all', async () => {
    const template = await aTemplate();
    for (let n = 0; n < MOST_CACHED_COUPONS; n += 1) await aCoupon(template, '42');
    const load = async (): Promise<{ ids: string[]; complete: boolean | undefined }> => {
      const [held] = await userCoupons.loader(prisma)(['42' as UserId]);
      return { ids: held?.coupons.map(({ id }) => id) ?? [], complete: held?.complete };
    };
    const all = await load();
    expect(all.complete).toBe(true);
    expect(all.ids).toEqual([...all.ids].sort((x, y) => Number(y) - Number(x)));
    const newest = await aCoupon(template, '42');
    const some = await load();
    expect(some).toMatchObject({ complete: false });
    expect(some.ids).toEqual([newest, ...all.ids.slice(0, MOST_CACHED_COUPONS - 1)]);
    expect(await userCoupons.loader(prisma)(['43' as UserId])).toEqual([{ coupons: [], complete: true }]);
  });

  test('the hottest templates: those of sales first, the earliest before the others, then the most used', async () => {
    await database.query('DELETE FROM user_coupons');
    await database.query('DELETE FROM flash_sale_activities');
    await database.query('DELETE FROM coupon_templates');
    const used = await aTemplate({ used_count: 9 });
    const later = await aTemplate();
    const sooner = await aTemplate();
    await aTemplate({ status: 2, used_count: 99 });
    const plain = await aTemplate();
    await anActivity(later, '2030-01-01 00:00:00');
    await anActivity(sooner, '2029-01-01 00:00:00');
    expect(await hottestTemplates(prisma, 10)).toEqual([sooner, later, used, plain]);
    expect(await hottestTemplates(prisma, 1)).toEqual([sooner]);
  });

  test('the hottest activities: those that are on, then those that come soonest, and none that is over', async () => {
    await database.query('DELETE FROM flash_sale_activities');
    const template = await aTemplate();
    const later = await anActivity(template, '2031-01-01 00:00:00', { status: 1 });
    const sooner = await anActivity(template, '2030-01-01 00:00:00', { status: 1 });
    const on = await anActivity(template, '2026-01-02 00:00:00');
    await anActivity(template, '2026-01-01 00:00:00', { end: '2026-01-02 00:00:00' });
    await anActivity(template, '2026-01-01 00:00:00', { status: 3 });
    expect(await hottestActivities(prisma, 10)).toEqual([on, sooner, later]);
    expect(await hottestActivities(prisma, 1)).toEqual([on]);
  });
});

describe('columns that a declaration ignores', () => {
  test.each([
    ['coupon_templates', templateTerms],
    ['flash_sale_activities', activityTerms],
  ] as const)('change nothing that the cache of %s holds', async (table, model) => {
    const template = await aTemplate();
    const id = table === 'coupon_templates' ? template : await anActivity(template);
    const load = async (): Promise<unknown> => (await model.loader(prisma)([id as never]))[0];
    const before = await load();
    const ignored = model.tables[0]?.ignores ?? [];
    expect(ignored.length).toBeGreaterThan(0);
    for (const column of ignored) {
      const value = column === 'updated_at' ? '2031-01-01 00:00:00.000' : 3;
      await database.query(`UPDATE ${table} SET ${column} = ? WHERE id = ?`, [value, id]);
      expect(await load()).toEqual(before);
    }
    const columns = await database.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?`,
      [database.name, table],
    );
    expect(columns.map(({ name }) => name)).toEqual(expect.arrayContaining([...ignored]));
  });
});

describe('the caches of a service', () => {
  let binlog: BinlogDouble;
  let models: ReadModels;
  let proxy: TcpProxy & { readonly url: string };
  const closing: (() => unknown)[] = [];

  beforeEach(async () => {
    binlog = new BinlogDouble(vhost.url);
    await binlog.start();
    closing.push(() => binlog.close());
    const redis = createClaimRedis(redisDatabase.url);
    await redis.connect();
    const dropper = new L2Dropper({
      url: vhost.url,
      name: 'test',
      caches: sharedCaches({ redis, newToken: randomUUID }),
      logger: silentLogger,
    });
    await dropper.start();
    closing.push(
      () => redis.disconnect(),
      async () => {
        dropper.stopIntake();
        await dropper.drain();
        await dropper.close();
      },
    );
    proxy = await TcpProxy.inFrontOf(database.url);
    const own = createPrisma(proxy.url, { poolSize: 3, poolIdle: 1, acquireTimeoutMs: 500 });
    models = createReadModels({
      prisma: own,
      settings: {
        amqpUrl: vhost.url,
        redisUrl: redisDatabase.url,
        l1WeightBytes: 2 ** 22,
        l1TtlMs: 600_000,
        l2TtlMs: 600_000,
        warmUpTemplates: 5,
      },
      name: 'test',
      newToken: randomUUID,
      logger: silentLogger,
    });
    for (const component of models.components) await component.start?.();
    closing.push(
      () => proxy.stop(),
      () => own.$disconnect(),
      async () => {
        for (const component of [...models.components].reverse()) await component.close?.();
      },
    );
    await eventually(() => models.stats()?.bus.fresh === true, { timeoutMs: 15_000 });
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const hitsOf = (name: string): number => models.stats()?.caches.find((cache) => cache.name === name)?.l1.hits ?? 0;
  const loadsOf = (name: string): number => models.stats()?.caches.find((cache) => cache.name === name)?.l3.loads ?? 0;

  test('answer from L1, and after a change what is in the table', async () => {
    const id = await aTemplate();
    expect((await models.templates.get(id))?.status).toBe(1);
    await eventually(async () => {
      const hits = hitsOf('template');
      await models.templates.get(id);
      return hitsOf('template') === hits + 1;
    });
    await database.query('UPDATE coupon_templates SET status = 2, version = 2 WHERE id = ?', [id]);
    await binlog.changed('coupon_templates', { id, status: '2', version: '2' }, { status: '1', version: '1' });
    await eventually(async () => (await models.templates.get(id))?.status === 2);
  });

  test('what is counted moves without dropping the terms', async () => {
    const template = await aTemplate();
    const id = await anActivity(template);
    await models.activities.get(id);
    expect((await models.activityCounts.get(id))?.successCount).toBe(0);
    await eventually(() => models.stats()?.warm_up.state === 'done');
    const loads = loadsOf('sale');
    await database.query('UPDATE flash_sale_activities SET success_count = 5 WHERE id = ?', [id]);
    await binlog.changed('flash_sale_activities', { id, success_count: '5' }, { success_count: '0', updated_at: 'x' });
    await eventually(async () => (await models.activityCounts.get(id))?.successCount === 5);
    expect((await models.activities.get(id))?.totalCount).toBe(100);
    expect(loadsOf('sale')).toBe(loads);
  });

  test("a coupon that is given to somebody else leaves the first user's list and comes into the second's", async () => {
    const template = await aTemplate();
    const [a, b] = ['901' as UserId, '902' as UserId];
    const id = await aCoupon(template, a);
    const idsOf = async (user: UserId): Promise<string[]> =>
      (await models.userCoupons.get(user))?.coupons.map((coupon) => coupon.id) ?? [];
    expect([await idsOf(a), await idsOf(b)]).toEqual([[id], []]);
    await database.query('UPDATE user_coupons SET user_id = ? WHERE id = ?', [b, id]);
    await binlog.changed('user_coupons', { id, user_id: b }, { user_id: a });
    await eventually(async () => expect([await idsOf(a), await idsOf(b)]).toEqual([[], [id]]));
  });

  test('a row that did not exist is found as soon as it was announced', async () => {
    const known = await aTemplate();
    const next = String(Number(known) + 1) as TemplateId;
    expect(await models.templates.get(next)).toBeNull();
    expect(await aTemplate()).toBe(next);
    await binlog.changed('coupon_templates', { id: next, status: '1' }, { status: null });
    await eventually(async () => (await models.templates.get(next)) !== null);
  });

  test('who has written something reads it at once', async () => {
    const id = await aTemplate();
    for (let status = 0; status < 6; status += 1) {
      await models.templates.get(id);
      await database.query('UPDATE coupon_templates SET status = ? WHERE id = ?', [status % 3, id]);
      models.templates.changed([id]);
      expect((await models.templates.get(id))?.status).toBe(status % 3);
    }
  });

  test('without the database they answer with what they had, and say so', async () => {
    const id = await aTemplate();
    await models.templates.get(id);
    let stale = 0;
    const onStale = (): void => {
      stale += 1;
    };
    expect((await models.templates.get(id, onStale))?.id).toBe(id);
    expect(stale).toBe(0);
    await binlog.close();
    await eventually(() => models.stats()?.bus.fresh === false);
    proxy.setMode('refuse');
    proxy.cut();
    expect((await models.templates.get(id, onStale))?.id).toBe(id);
    expect(stale).toBe(1);
    await expect(models.templates.get('123456789' as TemplateId, onStale)).rejects.toThrow();
  });

  test('the hottest templates and activities are there before anybody asks, and it is known when', async () => {
    const [templates, activities] = [await hottestTemplates(prisma, 5), await hottestActivities(prisma, 5)];
    expect(Math.min(templates.length, activities.length)).toBeGreaterThan(0);
    await eventually(() => models.stats()?.warm_up.state === 'done');
    const total = 2 * (templates.length + activities.length);
    expect(models.stats()?.warm_up).toMatchObject({ total, found: total, absent: 0, left: 0 });
    for (const reads of [models.templates, models.templateCounts]) await reads.getMany(templates);
    for (const reads of [models.activities, models.activityCounts]) await reads.getMany(activities);
    for (const cache of models.stats()?.caches ?? []) expect(cache.l1.misses).toBe(cache.l1.entries);
    expect(hitsOf('sale') + hitsOf('sale-counts')).toBe(2 * activities.length);
    const registry = new Registry();
    models.registerMetrics(registry);
    expect(await registry.metrics()).toContain(`coupon_cache_warm_up_values{state="found"} ${total}`);
  });

  test('a warm-up that fails is repeated until it works', async () => {
    proxy.setMode('refuse');
    proxy.cut();
    const own = createPrisma(proxy.url, { poolSize: 3, poolIdle: 1, acquireTimeoutMs: 500 });
    const warmUp = new WarmUp({
      hot: [{ keys: () => hottestTemplates(own, 5), caches: [] }],
      freshness: { isReady: () => true, lapses: 0 },
      logger: silentLogger,
      firstPauseMs: 50,
    });
    closing.push(
      () => own.$disconnect(),
      () => warmUp.close(),
    );
    warmUp.start();
    await eventually(() => warmUp.stats().attempts > 1);
    proxy.setMode('pass');
    await eventually(() => warmUp.stats().state === 'done');
  });
});

test('without settings every read is one of the database', async () => {
  const models = createReadModels({ prisma, settings: null, name: 'test', newToken: randomUUID, logger: silentLogger });
  const id = await aTemplate({ name: 'first' });
  expect((await models.templates.get(id))?.name).toBe('first');
  await database.query('UPDATE coupon_templates SET name = ? WHERE id = ?', ['second', id]);
  expect((await models.templates.getMany([id, '987654321' as TemplateId])).map((terms) => terms?.name)).toEqual([
    'second',
    undefined,
  ]);
  expect([models.stats(), models.components]).toEqual([null, []]);
});
