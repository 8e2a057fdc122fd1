import { anActivity } from '@coupon/testing';
import { inMs, useAdmin } from './fixture';

// The scheduler is kept from running by itself: what happens by the clock has a spec of its own.
const admin = useAdmin(() => ({ SCHEDULE_INTERVAL_MS: '60000' }));
const BASE = '/api/v1/flash-sales';

describe('create', () => {
  it('stores an activity and takes its units out of the template', async () => {
    const couponId = await admin.template({ total_count: 100, per_user_limit: 3 });
    const body = anActivity({
      coupon_id: couponId,
      total_count: 60,
      per_user_limit: 3,
      start_time: inMs(3_600_000),
      end_time: inMs(7_200_000),
    });
    const created = await admin.call('POST', BASE, body);
    expect(created).toMatchObject({
      status: 201,
      body: {
        ...body,
        hidden_path: false,
        status: 1,
        status_name: 'pending',
        success_count: 0,
        version: 1,
        epoch: 1,
        paused_at: null,
        loaded_at: null,
      },
    });
    expect(await admin.allocated(couponId)).toBe(60);
    expect((await admin.call('GET', `${BASE}/${created.body.id}`)).body).toEqual(created.body);
  });

  it('never gives the activities together more than the template has', async () => {
    const couponId = await admin.template({ total_count: 100 });
    const create = () =>
      admin.call(
        'POST',
        BASE,
        anActivity({ coupon_id: couponId, total_count: 30, start_time: inMs(3_600_000), end_time: inMs(7_200_000) }),
      );
    const answers = await Promise.all(Array.from({ length: 8 }, create));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(3);
    const refused = answers.find((answer) => answer.status !== 201);
    expect([refused?.status, refused?.body.code, refused?.body.details.field]).toEqual([
      409,
      'CONFLICT',
      'total_count',
    ]);
    expect(await admin.allocated(couponId)).toBe(90);
  });

  it.each<[number, string, string, Record<string, unknown>, Record<string, unknown>]>([
    [409, 'per_user_limit', 'a limit above the template’s', { per_user_limit: 2 }, {}],
    [409, 'coupon_id', 'a draft', {}, { status: 0 }],
    [400, 'end_time', 'an end before the start', { start_time: inMs(7_200_000) }, {}],
    [
      400,
      'end_time',
      'a window that is over',
      { start_time: '2026-01-01T00:00:00Z', end_time: '2026-01-02T00:00:00Z' },
      {},
    ],
    [400, 'total_count', 'no units', { total_count: 0 }, {}],
    [400, 'coupon_id', 'an id beyond 2^53 as a number', { coupon_id: 2 ** 53 }, {}],
    [400, 'hidden_path', 'a hidden path that is neither on nor off', { hidden_path: 'yes' }, {}],
    [400, 'status', 'a field that is not the caller’s', { status: 2 }, {}],
  ])('refuses %i %s: %s', async (status, field, _what, over, template) => {
    const couponId = await admin.template(template);
    const refused = await admin.call('POST', BASE, anActivity({ coupon_id: couponId, ...over }));
    expect([refused.status, refused.body.details.field]).toEqual([status, field]);
    expect(await admin.allocated(couponId)).toBe(0);
  });

  it('does not find a template that is not there', async () => {
    const refused = await admin.call('POST', BASE, anActivity({ coupon_id: '999999' }));
    expect([refused.status, refused.body.code]).toEqual([404, 'NOT_FOUND']);
  });
});

describe('update', () => {
  it('moves units between activity and template', async () => {
    const id = await admin.activity({ total_count: 50 }, { total_count: 80 });
    const { coupon_id: couponId } = (await admin.call('GET', `${BASE}/${id}`)).body;
    expect((await admin.call('PATCH', `${BASE}/${id}`, { version: 1, total_count: 80 })).body.version).toBe(2);
    expect(await admin.allocated(couponId)).toBe(80);
    expect((await admin.call('PATCH', `${BASE}/${id}`, { version: 2, total_count: 81 })).status).toBe(409);
    expect(
      (await admin.call('PATCH', `${BASE}/${id}`, { version: 2, total_count: 5, name: 'small' })).body,
    ).toMatchObject({
      total_count: 5,
      name: 'small',
    });
    expect(await admin.allocated(couponId)).toBe(5);
    expect((await admin.call('PATCH', `${BASE}/${id}`, { version: 1, name: 'stale' })).status).toBe(409);
  });

  it('leaves only the name once the activity has been loaded', async () => {
    const id = await admin.activity();
    const { body: started } = await admin.call('POST', `${BASE}/${id}/start`);
    const frozen = await admin.call('PATCH', `${BASE}/${id}`, { version: started.version, total_count: 5 });
    expect([frozen.status, frozen.body.details.field]).toEqual([409, 'total_count']);
    expect((await admin.call('PATCH', `${BASE}/${id}`, { version: started.version, name: 'noon' })).body.name).toBe(
      'noon',
    );
  });
});

describe('the hidden path', () => {
  it('is an option until the activity is loaded, and reaches Redis with it', async () => {
    const id = await admin.activity({ hidden_path: true });
    const path = `${BASE}/${id}`;
    expect((await admin.call('GET', path)).body.hidden_path).toBe(true);
    expect((await admin.call('PATCH', path, { version: 1, hidden_path: false })).body.hidden_path).toBe(false);
    expect((await admin.call('PATCH', path, { version: 2, hidden_path: true })).body.hidden_path).toBe(true);
    expect((await admin.call('PATCH', path, { version: 3, name: 'other' })).body.hidden_path).toBe(true);
    const { body: started } = await admin.call('POST', `${path}/start`);
    expect(started).toMatchObject({ status_name: 'running', hidden_path: true });
    expect(await admin.store.snapshot(id)).toMatchObject({ state: 'open', hiddenPath: true });
    const frozen = await admin.call('PATCH', path, { version: started.version, hidden_path: false });
    expect([frozen.status, frozen.body.details.field]).toEqual([409, 'hidden_path']);
    const plain = await admin.activity();
    await admin.call('POST', `${BASE}/${plain}/start`);
    expect(await admin.store.snapshot(plain)).toMatchObject({ hiddenPath: false });
  });
});

describe('lists', () => {
  it('filters activities by template and status, newest first', async () => {
    const couponId = await admin.template();
    const make = () =>
      admin.call(
        'POST',
        BASE,
        anActivity({ coupon_id: couponId, total_count: 1, start_time: inMs(3_600_000), end_time: inMs(7_200_000) }),
      );
    const ids = [(await make()).body.id, (await make()).body.id, (await make()).body.id].reverse();
    await admin.call('POST', `${BASE}/${ids[1]}/end`);
    const list = async (query: string): Promise<string[]> =>
      (await admin.call('GET', `${BASE}?coupon_id=${couponId}${query}`)).body.items.map((item) => item.id);
    expect(await list('')).toEqual(ids);
    expect(await list('&status=3')).toEqual([ids[1]]);
    expect(await list('&status=1')).toEqual([ids[0], ids[2]]);
  });
});
