import type { TemplateId } from '@coupon/domain';
import { inMs, newKey, useAdmin } from './fixture';
import type { Answer } from './fixture';

// The scheduler is kept from running by itself: what happens by the clock has a spec of its own.
const admin = useAdmin(() => ({ SCHEDULE_INTERVAL_MS: '60000' }));
const BASE = '/api/v1/flash-sales';
const TEMPLATES = '/api/v1/coupon-templates';

describe('start', () => {
  it('opens now: Redis is loaded, MySQL says running, both with the same window', async () => {
    const id = await admin.activity({ total_count: 7, per_user_limit: 2 }, { per_user_limit: 2 });
    const started = await admin.call('POST', `${BASE}/${id}/start`);
    expect(started).toMatchObject({ status: 200, body: { status: 2, status_name: 'running' } });
    expect(Math.abs(Date.parse(started.body.start_time) - Date.now())).toBeLessThan(5_000);
    expect(await admin.store.snapshot(id)).toMatchObject({
      state: 'open',
      total: 7,
      available: 7,
      perUserLimit: 2,
      startMs: Date.parse(started.body.start_time),
      endMs: Date.parse(started.body.end_time),
      templateId: started.body.coupon_id,
    });
    await admin.win(id, '1');
    expect((await admin.call('GET', `${BASE}/${id}`)).body.success_count).toBe(1);
  });

  it('keeps a start that lies in the past', async () => {
    const startTime = inMs(-60_000);
    const id = await admin.activity({ start_time: startTime });
    expect((await admin.call('POST', `${BASE}/${id}/start`)).body.start_time).toBe(startTime);
  });

  it('starts once when two people press at once', async () => {
    const id = await admin.activity();
    const answers = await Promise.all([1, 2, 3].map(() => admin.call('POST', `${BASE}/${id}/start`)));
    expect(answers.map((answer) => [answer.status, answer.body.status_name])).toEqual([
      [200, 'running'],
      [200, 'running'],
      [200, 'running'],
    ]);
    const rows = await admin.database.query('SELECT state FROM operations WHERE activity_id = ?', [id]);
    expect(rows).toEqual([{ state: 'done' }]);
    const audit = (await admin.call('GET', `/api/v1/audit?entity_id=${id}&action=flash_sale.start`)).body.items;
    expect(audit).toHaveLength(1);
    expect(audit[0]).toMatchObject({ before: { status_name: 'pending' }, after: { status_name: 'running' } });
  });

  it('answers a repeated key with the first result', async () => {
    const id = await admin.activity();
    const key = { 'idempotency-key': newKey() };
    const first = await admin.call('POST', `${BASE}/${id}/start`, {}, key);
    await admin.call('POST', `${BASE}/${id}/end`);
    const again = await admin.call('POST', `${BASE}/${id}/start`, {}, key);
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect((await admin.call('POST', `${BASE}/${id}/start`)).body.code).toBe('CONFLICT');
  });

  it('refuses when Redis holds something else under the id, and leaves the activity as it was', async () => {
    const id = await admin.activity({ total_count: 7 });
    const { body: before } = await admin.call('GET', `${BASE}/${id}`);
    await admin.store.prewarm({
      activityId: id,
      templateId: before.coupon_id as TemplateId,
      startMs: Date.parse(before.start_time),
      endMs: Date.parse(before.end_time),
      perUserLimit: 1,
      total: 8,
      epoch: 1,
      userRatePerSecond: 0,
    });
    const refused = await admin.call('POST', `${BASE}/${id}/start`);
    expect([refused.status, refused.body.code, refused.body.details.fields]).toEqual([409, 'CONFLICT', ['total']]);
    expect((await admin.call('GET', `${BASE}/${id}`)).body).toMatchObject({ status_name: 'pending', loaded_at: null });
    expect((await admin.store.snapshot(id))?.state).toBe('closed');
  });

  it('has a template that cannot be disabled: nothing would stop selling', async () => {
    const id = await admin.activity();
    const { coupon_id: couponId } = (await admin.call('GET', `${BASE}/${id}`)).body;
    const disable = (): Promise<Answer> => admin.call('POST', `${TEMPLATES}/${couponId}/disable`);
    for (const move of ['start', 'pause'] as const) {
      const { body } = await admin.call('POST', `${BASE}/${id}/${move}`);
      const refused = await disable();
      expect([refused.status, refused.body.code, refused.body.details]).toEqual([
        409,
        'CONFLICT',
        { activities: [{ id, status_name: body.status_name }] },
      ]);
    }
    expect((await admin.call('GET', `${TEMPLATES}/${couponId}`)).body.status_name).toBe('published');
    await admin.call('POST', `${BASE}/${id}/end`);
    expect((await disable()).body.status_name).toBe('disabled');
  });

  it('is never on sale with a disabled template, whoever is first', async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = await admin.activity();
      const { coupon_id: couponId } = (await admin.call('GET', `${BASE}/${id}`)).body;
      const answers = await Promise.all([
        admin.call('POST', `${BASE}/${id}/start`),
        admin.call('POST', `${TEMPLATES}/${couponId}/disable`),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    }
  });

  it('refuses while the template is disabled', async () => {
    const id = await admin.activity();
    const { coupon_id: couponId } = (await admin.call('GET', `${BASE}/${id}`)).body;
    await admin.call('POST', `${TEMPLATES}/${couponId}/disable`);
    expect((await admin.call('POST', `${BASE}/${id}/start`)).body.code).toBe('CONFLICT');
    expect((await admin.call('GET', `${BASE}/${id}`)).body.loaded_at).toBeNull();
  });

  it('does not find an activity that is not there', async () => {
    const answer = await admin.call('POST', `${BASE}/999999/start`);
    expect([answer.status, answer.body.code]).toEqual([404, 'ACTIVITY_NOT_FOUND']);
  });
});

describe('pause, resume, end', () => {
  it('walks through the states in MySQL and in Redis alike', async () => {
    const id = await admin.activity();
    const post = (verb: string) => admin.call('POST', `${BASE}/${id}/${verb}`);
    expect((await post('pause')).body.code).toBe('CONFLICT');
    await post('start');
    for (const [verb, name, state] of [
      ['pause', 'paused', 'paused'],
      ['pause', 'paused', 'paused'],
      ['resume', 'running', 'open'],
      ['pause', 'paused', 'paused'],
      ['end', 'ended', 'ended'],
      ['end', 'ended', 'ended'],
    ] as const) {
      expect((await post(verb)).body.status_name).toBe(name);
      expect((await admin.store.snapshot(id))?.state).toBe(state);
    }
    for (const verb of ['start', 'pause', 'resume']) expect((await post(verb)).body.code).toBe('CONFLICT');
  });

  it('gives the units of an activity that never ran back to the template, those of one that ran not', async () => {
    const pending = await admin.activity({ total_count: 30 });
    const { coupon_id: first } = (await admin.call('GET', `${BASE}/${pending}`)).body;
    await admin.call('POST', `${BASE}/${pending}/end`);
    expect(await admin.allocated(first)).toBe(0);
    const ran = await admin.activity({ total_count: 30 });
    const { coupon_id: second } = (await admin.call('GET', `${BASE}/${ran}`)).body;
    await admin.call('POST', `${BASE}/${ran}/start`);
    await admin.call('POST', `${BASE}/${ran}/end`);
    expect(await admin.allocated(second)).toBe(30);
  });

  it('refuses a body with fields', async () => {
    const id = await admin.activity();
    const refused = await admin.call('POST', `${BASE}/${id}/start`, { now: true });
    expect([refused.status, refused.body.details.field]).toEqual([400, 'now']);
  });
});

describe('stock', () => {
  const add = (id: string, units: unknown, headers?: Record<string, string>) =>
    admin.call('POST', `${BASE}/${id}/stock`, { add: units }, headers);

  it('adds to MySQL only while the activity is not loaded', async () => {
    const id = await admin.activity({ total_count: 10 });
    expect((await add(id, 5)).body.total_count).toBe(15);
    expect(await admin.store.snapshot(id)).toBeNull();
    await admin.call('POST', `${BASE}/${id}/start`);
    expect(await admin.store.snapshot(id)).toMatchObject({ total: 15, available: 15 });
  });

  it('adds to both once it is, also twenty times at once', async () => {
    const id = await admin.activity({ total_count: 10 });
    const { coupon_id: couponId } = (await admin.call('GET', `${BASE}/${id}`)).body;
    await admin.call('POST', `${BASE}/${id}/start`);
    await admin.win(id, '5');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => add(id, i + 1)));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect((await admin.call('GET', `${BASE}/${id}`)).body.total_count).toBe(220);
    expect(await admin.store.snapshot(id)).toMatchObject({ total: 220, available: 219, claimed: 1 });
    expect(await admin.allocated(couponId)).toBe(220);
  });

  it('adds once per key', async () => {
    const id = await admin.activity({ total_count: 10 });
    await admin.call('POST', `${BASE}/${id}/start`);
    const key = { 'idempotency-key': newKey() };
    await Promise.all([add(id, 5, key), add(id, 5, key), add(id, 5, key)]);
    expect(await admin.store.snapshot(id)).toMatchObject({ total: 15 });
  });

  it('takes no more than the template has, and nothing after the end', async () => {
    const id = await admin.activity({ total_count: 10 }, { total_count: 12 });
    const refused = await add(id, 3);
    expect([refused.status, refused.body.code, refused.body.details]).toEqual([
      409,
      'CONFLICT',
      { field: 'total_count', available: 2 },
    ]);
    await admin.call('POST', `${BASE}/${id}/end`);
    expect((await add(id, 1)).body.code).toBe('CONFLICT');
  });

  it.each([0, -1, 1.5, '5', null, 2 ** 53])('refuses to add %p', async (units) => {
    const refused = await add(await admin.activity(), units);
    expect([refused.status, refused.body.details.field]).toEqual([400, 'add']);
  });
});
