import { eventually } from '@coupon/testing';
import { CrashPlan } from './crash-plan';
import { newKey, useAdmin } from './fixture';
import type { Answer, Body } from './fixture';

const plan = new CrashPlan();
const admin = useAdmin(
  () => ({
    USER_RATE_PER_SECOND: '4',
    SCHEDULE_INTERVAL_MS: '60000',
    REDIS_COMMAND_TIMEOUT_MS: '300',
    OPERATION_LEASE_MS: '600',
    OPERATION_WAIT_MS: '700',
  }),
  () => plan.seams,
  { proxied: true },
);

const PATH = '/api/v1/flow-settings';
const KEY = 'coupon:flow:settings';

interface Settings {
  readonly version: number;
  readonly updated_by: string | null;
  readonly updated_at: string | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly changed: readonly string[];
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly problem: string | null;
}

const settingsIn = ({ body }: { readonly body: Body }): Settings => body as unknown as Settings;
const read = async (): Promise<Settings> => settingsIn(await admin.call('GET', PATH));
const patch = (body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> =>
  admin.call('PATCH', PATH, body, headers);
const audit = async (): Promise<Record<string, unknown>[]> =>
  (await admin.call('GET', '/api/v1/audit?entity=flow_settings&limit=100')).body.items as never;

beforeEach(async () => {
  await admin.redis.del(KEY);
});

it('shows the defaults while nobody has changed anything', async () => {
  const shown = await read();
  expect(shown).toMatchObject({ version: 0, updated_at: null, updated_by: null, changed: [], problem: null });
  expect(shown.settings).toEqual(shown.defaults);
  expect(shown.settings).toMatchObject({ per_user: 4, instance: 'off', max_concurrent: 1_000 });
});

it('changes what is named, shows what was changed, and goes back to the defaults', async () => {
  const first = settingsIn(await patch({ version: 0, per_user: 9, instance: { rate: 100, burst: 200 } }));
  expect(first).toMatchObject({ version: 1, updated_by: 'anonymous', changed: ['per_user', 'instance'] });
  expect(first.settings).toEqual({ ...first.defaults, per_user: 9, instance: { rate: 100, burst: 200 } });
  expect(await read()).toEqual(first);
  const second = settingsIn(await patch({ version: 1, per_user: null, instance: 'off', queue_size: 7 }));
  expect(second).toMatchObject({ version: 2, changed: ['instance', 'queue_size'] });
  expect(second.settings).toEqual({ ...second.defaults, queue_size: 7 });
  expect(JSON.parse((await admin.redis.hget(KEY, 'body')) ?? '')).toEqual({ instance: null, queue_size: 7 });
});

it('refuses a change made from another version, and says which one is current', async () => {
  await patch({ version: 0, per_user: 9 });
  const refused = await patch({ version: 0, per_user: 1 });
  expect([refused.status, refused.body.code, refused.body.details]).toEqual([
    409,
    'CONFLICT',
    { field: 'version', version: 1 },
  ]);
  expect((await read()).settings).toMatchObject({ per_user: 9 });
});

it('lets one of many changes from the same version through', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => patch({ version: 0, per_user: i + 10 })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
  expect((await read()).version).toBe(1);
});

it.each<[Record<string, unknown>, string[]]>([
  [{ per_user: 1 }, ['version']],
  [{ version: 0, per_user: -1, queue_size: 1.5 }, ['per_user', 'queue_size']],
  [{ version: 0, instance: { rate: 0, burst: 1 } }, ['instance.rate']],
  [{ version: 0, breaker: { failure_percent: 50 } }, ['breaker.min_batches']],
  [{ version: 0, per_usr: 1 }, ['per_usr']],
])('names what is wrong in %j, and stores nothing', async (body, fields) => {
  const refused = await patch(body);
  expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_ARGUMENT']);
  expect(refused.body.details.violations.map(({ field }) => field)).toEqual(fields);
  expect(await admin.redis.exists(KEY)).toBe(0);
});

it('writes who changed what into the audit log, once', async () => {
  const before = (await audit()).length;
  const key = { 'idempotency-key': newKey() };
  const first = await patch({ version: 0, per_activity: { rate: 5, burst: 6 } }, key);
  expect(await patch({ version: 0, per_activity: { rate: 5, burst: 6 } }, key)).toMatchObject({ body: first.body });
  await patch({ version: 1, per_activity: 'off', per_user: 3 });
  // Changes nothing, so it is no change.
  expect(settingsIn(await patch({ version: 2, per_user: 3 })).version).toBe(2);
  const entries = (await audit()).slice(0, -before || undefined);
  expect(entries).toHaveLength(2);
  expect(entries[0]).toMatchObject({
    actor: 'anonymous',
    action: 'flow_settings.change',
    entity_id: '2',
    before: { per_activity: { rate: 5, burst: 6 } },
    after: { per_activity: 'off', per_user: 3 },
  });
  expect(entries[1]).toMatchObject({ entity_id: '1', before: {}, after: { per_activity: { rate: 5, burst: 6 } } });
});

it('says that what is stored makes no sense, and lets it be replaced', async () => {
  await admin.redis.hset(KEY, { version: '7', body: '{"queue_size":-1}' });
  const broken = await read();
  expect(broken).toMatchObject({ version: 7, changed: [] });
  expect(broken.problem).toContain('queue_size');
  const mended = settingsIn(await patch({ version: 7, per_user: 2 }));
  expect(mended).toMatchObject({ version: 8, changed: ['per_user'], problem: null });
});

it('refuses at once without Redis, and has changed nothing', async () => {
  const before = (await audit()).length;
  admin.proxies.redis.setMode('refuse');
  admin.proxies.redis.cut();
  for (const answer of [await patch({ version: 0, per_user: 9 }), await admin.call('GET', PATH)]) {
    expect([answer.status, answer.body.code]).toEqual([503, 'NOT_READY']);
  }
  admin.proxies.redis.setMode('pass');
  await eventually(async () => {
    expect((await admin.call('GET', PATH)).status).toBe(200);
  });
  expect([(await read()).version, (await audit()).length]).toEqual([0, before]);
});

it('is stored and audited once wherever the process dies', async () => {
  let crashes = 0;
  for (let n = 1; n <= 10; n += 1) {
    await admin.redis.del(KEY);
    const before = (await audit()).length;
    const key = { 'idempotency-key': newKey() };
    plan.arm(n);
    const answer = await patch({ version: 0, per_user: 9 }, key);
    if (!plan.revive()) {
      expect(answer.status).toBe(200);
      break;
    }
    crashes += 1;
    expect(answer.status).toBeGreaterThanOrEqual(500);
    // Who repeats the key drives it on as soon as the lease of the dead driver is over.
    await eventually(async () => {
      expect(await patch({ version: 0, per_user: 9 }, key)).toMatchObject({ status: 200, body: { version: 1 } });
    });
    expect([await admin.redis.hget(KEY, 'version'), (await audit()).length - before]).toEqual(['1', 1]);
  }
  expect(crashes).toBeGreaterThanOrEqual(3);
  expect(crashes).toBeLessThan(10);
});
