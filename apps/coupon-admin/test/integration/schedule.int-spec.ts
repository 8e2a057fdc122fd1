import { eventually } from '@coupon/testing';
import { inMs, useAdmin } from './fixture';

const admin = useAdmin(() => ({ SCHEDULE_INTERVAL_MS: '50', PREWARM_AHEAD_MS: '4000' }));
const BASE = '/api/v1/flash-sales';
const statusOf = async (id: string): Promise<string> => (await admin.call('GET', `${BASE}/${id}`)).body.status_name;

beforeAll(async () => {
  // Two instances share the work.
  await admin.another({ SCHEDULE_INTERVAL_MS: '50', PREWARM_AHEAD_MS: '4000' });
});

it('loads ahead of the start, opens at the start and ends at the end, all by itself and once', async () => {
  const startMs = Date.now() + 2_000;
  const id = await admin.activity({
    start_time: new Date(startMs).toISOString(),
    end_time: new Date(startMs + 1_500).toISOString(),
  });
  await eventually(async () => {
    expect((await admin.store.snapshot(id))?.state).toBe('open');
  });
  // Loaded and open in Redis, but its start lies ahead: nobody gets in, and MySQL says pending.
  expect(Date.now()).toBeLessThan(startMs);
  expect(await statusOf(id)).toBe('pending');
  await expect(admin.win(id, '1')).rejects.toThrow('NOT_STARTED');
  await eventually(async () => {
    expect(await statusOf(id)).toBe('running');
  });
  expect(Date.now()).toBeGreaterThanOrEqual(startMs - 5);
  await admin.win(id, '1');
  await eventually(async () => {
    expect((await admin.store.snapshot(id))?.state).toBe('ended');
    const [row] = await admin.database.query<{ status: number }>(
      'SELECT status FROM flash_sale_activities WHERE id = ?',
      [id],
    );
    expect(row?.status).toBe(3);
  });
  const operations = await admin.database.query(
    'SELECT kind, state FROM operations WHERE activity_id = ? ORDER BY id',
    [id],
  );
  expect(operations).toEqual([
    { kind: 'prewarm', state: 'done' },
    { kind: 'start', state: 'done' },
    { kind: 'end', state: 'done' },
  ]);
  const { body } = await admin.call('GET', `/api/v1/audit?entity_id=${id}&actor=scheduler`);
  expect(body.items.map((item) => item.action)).toEqual(['flash_sale.end', 'flash_sale.start']);
});

it('lets a hand open early what the scheduler has loaded already', async () => {
  const id = await admin.activity({ start_time: inMs(3_500), end_time: inMs(60_000) });
  await eventually(async () => {
    expect((await admin.store.snapshot(id))?.state).toBe('open');
  });
  expect((await admin.call('POST', `${BASE}/${id}/start`)).body.status_name).toBe('running');
  await admin.win(id, '1');
});

it('gives the units of an activity that never opened back when its time is over', async () => {
  const id = await admin.activity({ start_time: inMs(600), end_time: inMs(900), total_count: 30 });
  const { coupon_id: couponId } = (await admin.call('GET', `${BASE}/${id}`)).body;
  // A disabled template opens nothing.
  await admin.call('POST', `/api/v1/coupon-templates/${couponId}/disable`);
  await eventually(async () => {
    const [row] = await admin.database.query<{ status: number }>(
      'SELECT status FROM flash_sale_activities WHERE id = ?',
      [id],
    );
    expect(row?.status).toBe(3);
  });
  expect(await admin.allocated(couponId)).toBe(0);
});

it('leaves an activity alone for a while after Redis refused it', async () => {
  const startMs = Date.now() + 6_000;
  const id = await admin.activity({
    start_time: new Date(startMs).toISOString(),
    end_time: inMs(60_000),
    total_count: 5,
  });
  const { body } = await admin.call('GET', `${BASE}/${id}`);
  await admin.store.prewarm({
    activityId: id,
    templateId: body.coupon_id as never,
    startMs,
    endMs: Date.parse(body.end_time),
    perUserLimit: 1,
    total: 6,
    epoch: 1,
    userRatePerSecond: 0,
  });
  const failed = (): Promise<{ n: string }[]> =>
    admin.database.query<{ n: string }>(
      "SELECT COUNT(*) AS n FROM operations WHERE activity_id = ? AND state = 'failed'",
      [id],
    );
  await eventually(async () => {
    expect(Number((await failed())[0]?.n)).toBeGreaterThanOrEqual(1);
  });
  // Two instances, twenty rounds a second each: a retry would show at once.
  const later = Date.now() + 500;
  await eventually(async () => {
    expect(Date.now()).toBeGreaterThan(later);
  });
  expect(Number((await failed())[0]?.n)).toBeLessThanOrEqual(2);
});

it('leaves the operations of workers alone', async () => {
  await admin.database.query(
    "INSERT INTO operations (operation_id, kind, activity_id, active_key, state, payload) VALUES ('restore-7-2', 'restore', 7, 'restore:7', 'started', '{}')",
  );
  const id = await admin.activity({ start_time: inMs(100), end_time: inMs(60_000) });
  await eventually(async () => {
    expect(await statusOf(id)).toBe('running');
  });
  const [row] = await admin.database.query(
    "SELECT state, attempts, lease_owner FROM operations WHERE kind = 'restore'",
  );
  expect(row).toEqual({ state: 'started', attempts: 0, lease_owner: null });
});
