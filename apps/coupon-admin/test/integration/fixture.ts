import { randomBytes } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { CouponAdminClient } from '@coupon/contracts';
import type { ActivityId, ClaimId, UserId } from '@coupon/domain';
import { encodeClaimId } from '@coupon/domain';
import { ActivityStore, claimKeys, claimUnits, createClaimRedis } from '@coupon/lua';
import { EMBEDDED_MIGRATIONS, applyGrants, applyMigrations } from '@coupon/persistence';
import { TcpProxy, aTemplate, anActivity, eventually, useMysqlDatabase, useRedisDatabase } from '@coupon/testing';
import type { MysqlDatabase } from '@coupon/testing';
import { loadAdminConfig } from '../../src/config';
import { createAdmin } from '../../src/create-admin';
import type { Admin, AdminSeams } from '../../src/create-admin';

/** Any answer: the fields the specs look at, present or not. */
export interface Body {
  readonly id: string;
  readonly coupon_id: string;
  readonly code: string;
  readonly details: {
    readonly field: string;
    readonly fields: readonly string[];
    readonly violations: readonly { readonly field: string }[];
  };
  readonly items: readonly Body[];
  readonly next_cursor: string | null;
  readonly name: string;
  readonly action: string;
  readonly version: number;
  readonly hidden_path: boolean;
  readonly status_name: string;
  readonly start_time: string;
  readonly end_time: string;
  readonly obtain_time: string;
  readonly valid_start_time: string;
  readonly valid_end_time: string;
  readonly loaded_at: string | null;
  readonly total_count: number;
  readonly success_count: number;
  readonly allocated_count: number;
  readonly coupon_sn: string;
  readonly coupon_sns: readonly string[];
  readonly granted: number;
  readonly total: number;
  readonly verdict: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

interface OpenApiOperation {
  readonly requestBody: {
    readonly content: Readonly<Record<string, { readonly schema: { readonly required: string[] } }>>;
  };
  readonly responses: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface AdminFixture {
  readonly admin: Admin;
  readonly database: MysqlDatabase;
  readonly redis: ReturnType<typeof createClaimRedis>;
  readonly store: ActivityStore;
  /** Between the service and its servers, with the option `proxied`; the fixture's own connections go past them. */
  readonly proxies: { readonly redis: TcpProxy; readonly mysql: TcpProxy };
  readonly client: CouponAdminClient;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Exactly these bytes as the body. */
  send(method: string, path: string, body: string, headers?: Record<string, string>): Promise<Answer>;
  /** Another instance on the same servers, stopped at the end. */
  another(environment?: Record<string, string>, seams?: AdminSeams): Promise<Admin>;
  template(over?: Record<string, unknown>): Promise<string>;
  /** Units of a template that its activities have, or that were issued outside of a sale. */
  allocated(templateId: string): Promise<number>;
  /** A published template and an activity of it that starts in an hour. */
  activity(over?: Record<string, unknown>, template?: Record<string, unknown>): Promise<ActivityId>;
  /** A claim in Redis and, as the worker would store it, in MySQL. */
  win(id: ActivityId, userId: string, quantity?: number): Promise<ClaimId>;
}

const HOUR_MS = 3_600_000;

/** A service in this process on a database and a logical Redis database of its own, reached through its ports. */
export function useAdmin(
  environment: () => Record<string, string> = () => ({}),
  seams: () => AdminSeams = () => ({}),
  options: { readonly proxied?: boolean } = {},
): AdminFixture {
  const others: Admin[] = [];
  let current: { admin: Admin; redis: ReturnType<typeof createClaimRedis>; client: CouponAdminClient } | undefined;
  const user = `t_admin_${randomBytes(4).toString('hex')}`;
  let mysqlUrl = '';
  let proxies: { redis: TcpProxy; mysql: TcpProxy } | undefined;
  // Before the databases' own hooks: Jest runs these in the order in which they are registered.
  afterAll(async () => {
    current?.client.close();
    await Promise.all(
      [...others, ...(current ? [current.admin] : [])].map((one) => one.lifecycle.stop('end of the specs')),
    );
    current?.redis.disconnect();
    await Promise.all([proxies?.redis.stop(), proxies?.mysql.stop()]);
    await database.query(`DROP USER IF EXISTS '${user}'@'%'`);
  });
  const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
  const redisDatabase = useRedisDatabase();
  const start = async (extra: Record<string, string>, through: AdminSeams): Promise<Admin> => {
    const config = loadAdminConfig({
      NODE_ENV: 'test',
      AUTH_MODE: 'none',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      MYSQL_URL: mysqlUrl,
      MYSQL_POOL_SIZE: '20',
      MYSQL_POOL_IDLE: '1',
      CLAIM_REDIS_URL: redisDatabase.url,
      USER_RATE_PER_SECOND: '0',
      ...extra,
    });
    const admin = createAdmin(config, pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' }), through);
    await admin.lifecycle.start();
    return admin;
  };
  beforeAll(async () => {
    const through: Record<string, string> = {};
    mysqlUrl = await leastPrivilegedUrl(database, user);
    if (options.proxied === true) {
      const [redis, mysql] = [await TcpProxy.inFrontOf(redisDatabase.url), await TcpProxy.inFrontOf(mysqlUrl)];
      Object.assign(through, { CLAIM_REDIS_URL: redis.url, MYSQL_URL: mysql.url });
      proxies = { redis, mysql };
    }
    const admin = await start({ ...through, ...environment() }, seams());
    const redis = createClaimRedis(redisDatabase.url);
    await redis.connect();
    const client = new CouponAdminClient(`127.0.0.1:${admin.grpc.port}`, credentials.createInsecure());
    current = { admin, redis, client };
    await eventually(async () => {
      expect((await fixture.call('GET', '/health/ready')).status).toBe(200);
    });
  });
  const need = (): NonNullable<typeof current> => {
    if (current === undefined) throw new Error('used before beforeAll');
    return current;
  };
  const fixture: AdminFixture = {
    get admin() {
      return need().admin;
    },
    get client() {
      return need().client;
    },
    get redis() {
      return need().redis;
    },
    get proxies() {
      if (proxies === undefined) throw new Error('not proxied');
      return proxies;
    },
    get store() {
      return new ActivityStore(need().redis);
    },
    database,
    call: (method, path, body, headers = {}) =>
      fixture.send(method, path, body === undefined ? '' : JSON.stringify(body), headers),
    send: async (method, path, body, headers = {}) => {
      const response = await fetch(`http://127.0.0.1:${need().admin.http.port}${path}`, {
        method,
        headers: { ...(body === '' ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === '' ? {} : { body }),
      });
      return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) as Body };
    },
    another: async (extra = {}, through = {}) => {
      const admin = await start(extra, through);
      others.push(admin);
      return admin;
    },
    template: async (over = {}) => {
      const created = await fixture.call('POST', '/api/v1/coupon-templates', aTemplate({ status: 1, ...over }));
      if (created.status !== 201) throw new Error(JSON.stringify(created.body));
      return created.body.id;
    },
    allocated: async (templateId) =>
      (await fixture.call('GET', `/api/v1/coupon-templates/${templateId}`)).body.allocated_count,
    activity: async (over = {}, template = {}) => {
      const couponId = await fixture.template(template);
      const body = anActivity({
        coupon_id: couponId,
        start_time: new Date(Date.now() + HOUR_MS).toISOString(),
        end_time: new Date(Date.now() + 2 * HOUR_MS).toISOString(),
        ...over,
      });
      const created = await fixture.call('POST', '/api/v1/flash-sales', body);
      if (created.status !== 201) throw new Error(JSON.stringify(created.body));
      return created.body.id as ActivityId;
    },
    win: async (id, userId, quantity = 1) => {
      const claimId = encodeClaimId(Date.now(), randomBytes(10));
      const snapshot = await fixture.store.snapshot(id);
      const reply = await claimUnits(need().redis, claimKeys(id), snapshot?.runId ?? '', [
        { userId: userId as UserId, claimId, quantity, idempotencyKey: '' },
      ]);
      const outcome = reply.kind === 'decided' ? reply.outcomes[0] : undefined;
      if (outcome?.kind !== 'won') throw new Error(`no claim: ${JSON.stringify(reply)}`);
      await storeClaim(database, id, userId, outcome.claimId, outcome.couponSns);
      return outcome.claimId;
    },
  };
  return fixture;
}

/** The service may do what its own MySQL user may do, and nothing else. */
async function leastPrivilegedUrl(database: MysqlDatabase, user: string): Promise<string> {
  const password = randomBytes(12).toString('hex');
  await applyGrants(database.serverUrl, {
    database: database.name,
    passwords: { admin: password },
    users: { admin: user },
  });
  const url = new URL(database.url);
  url.username = user;
  url.password = password;
  return url.toString();
}

/** What the worker's consumer writes for a claim. */
async function storeClaim(
  database: MysqlDatabase,
  id: ActivityId,
  userId: string,
  claimId: ClaimId,
  couponSns: readonly string[],
): Promise<void> {
  const [{ seq } = { seq: '0' }] = await database.query<{ seq: string }>(
    'SELECT COALESCE(MAX(event_seq), 0) + 1 AS seq FROM claim_events WHERE activity_id = ?',
    [id],
  );
  await database.query(
    `INSERT INTO claim_events (activity_id, event_seq, claim_id, user_id, quantity, kind, epoch, at)
     VALUES (?, ?, ?, ?, ?, 1, 1, UTC_TIMESTAMP(3))`,
    [id, seq, claimId, userId, couponSns.length],
  );
  for (const [index, sn] of couponSns.entries()) {
    await database.query(
      `INSERT INTO user_coupons (coupon_id, user_id, coupon_sn, activity_id, claim_id, slot, source, valid_start_time, valid_end_time)
       SELECT coupon_id, ?, ?, id, ?, ?, 'flash_sale', '2026-01-01', '2037-01-01' FROM flash_sale_activities WHERE id = ?`,
      [userId, sn, claimId, index + 1, id],
    );
  }
  await database.query('UPDATE flash_sale_activities SET success_count = success_count + ? WHERE id = ?', [
    couponSns.length,
    id,
  ]);
}

export const newKey = (): string => randomBytes(8).toString('hex');
export const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
