import { newKey, useAdmin } from './fixture';
import type { Answer } from './fixture';

const admin = useAdmin();
const BASE = '/api/v1/coupon-templates';

const claim = (id: string, body: unknown, headers?: Record<string, string>): Promise<Answer> =>
  admin.call('POST', `${BASE}/${id}/claim`, body, headers);
const tally = (answers: readonly Answer[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const name = status === 200 ? 'ok' : body.code;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};
async function rowsOf(id: string): Promise<{ user_id: string; source: string; coupon_sn: string; claim_id: null }[]> {
  return admin.database.query('SELECT user_id, source, coupon_sn, claim_id FROM user_coupons WHERE coupon_id = ?', [
    id,
  ]);
}

it('gives a coupon to a user who takes it', async () => {
  const id = await admin.template({ total_count: 10, per_user_limit: 2 });
  const answer = await claim(id, { user_id: '9007199254740993' });
  expect(answer).toMatchObject({
    status: 200,
    body: { coupon_id: id, user_id: '9007199254740993', remaining_count: 9, coupon_sns: [expect.any(String)] },
  });
  expect(answer.body.coupon_sn).toBe(answer.body.coupon_sns[0]);
  expect(await rowsOf(id)).toEqual([
    { user_id: '9007199254740993', source: 'claim', coupon_sn: answer.body.coupon_sn, claim_id: null },
  ]);
});

it('sells exactly 10 units to 100 users who come at once', async () => {
  const id = await admin.template({ total_count: 10 });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => claim(id, { user_id: 1000 + i })));
  expect(tally(answers)).toEqual({ ok: 10, SOLD_OUT: 90 });
  expect(await rowsOf(id)).toHaveLength(10);
  const template = await admin.call('GET', `${BASE}/${id}`);
  expect(template.body.allocated_count).toBe(10);
});

it('holds the limit of a user who clicks 30 times at once', async () => {
  const id = await admin.template({ total_count: 100, per_user_limit: 3 });
  const answers = await Promise.all(Array.from({ length: 30 }, () => claim(id, { user_id: 7 })));
  expect(tally(answers)).toEqual({ ok: 3, LIMIT_REACHED: 27 });
  expect(await rowsOf(id)).toHaveLength(3);
  expect(await admin.allocated(id)).toBe(3);
});

it('gives one coupon to a user who repeats a request with one key', async () => {
  const id = await admin.template({ total_count: 100, per_user_limit: 9 });
  const key = { 'idempotency-key': newKey() };
  const answers = await Promise.all(Array.from({ length: 10 }, () => claim(id, { user_id: 7 }, key)));
  expect(new Set(answers.map((answer) => answer.body.coupon_sn)).size).toBe(1);
  expect(await rowsOf(id)).toHaveLength(1);
  expect((await claim(id, { user_id: 7, quantity: 2 }, key)).body.code).toBe('CONFLICT');
});

it('gives several at once or none', async () => {
  const id = await admin.template({ total_count: 5, per_user_limit: 4 });
  expect((await claim(id, { user_id: 1, quantity: 4 })).body.coupon_sns).toHaveLength(4);
  const refused = await claim(id, { user_id: 2, quantity: 2 });
  expect([refused.status, refused.body.code, refused.body.details]).toEqual([409, 'SOLD_OUT', { available: 1 }]);
  expect((await claim(id, { user_id: 1, quantity: 1 })).body.code).toBe('LIMIT_REACHED');
});

it('counts void coupons neither for the limit nor twice', async () => {
  const id = await admin.template({ total_count: 5 });
  await claim(id, { user_id: 1 });
  await admin.database.query('UPDATE user_coupons SET status = 5 WHERE coupon_id = ?', [id]);
  expect((await claim(id, { user_id: 1 })).status).toBe(200);
});

it.each([
  ['a draft', { status: 0 }, 'CONFLICT'],
  [
    'a template whose coupons have expired',
    { valid_start_time: '2020-01-01T00:00:00Z', valid_end_time: '2021-01-01T00:00:00Z' },
    'ENDED',
  ],
])('refuses %s', async (_name, over, code) => {
  const refused = await claim(await admin.template(over), { user_id: 1 });
  expect([refused.status, refused.body.code]).toEqual([409, code]);
});

it.each([
  ['user_id', {}],
  ['user_id', { user_id: 2 ** 53 }],
  ['user_id', { user_id: -1 }],
  ['quantity', { user_id: 1, quantity: 0 }],
  ['quantity', { user_id: 1, quantity: 1.5 }],
  ['extra', { user_id: 1, extra: 1 }],
])('refuses a claim with a wrong %s', async (field, body) => {
  const refused = await claim(await admin.template(), body);
  expect([refused.status, refused.body.details.field]).toEqual([400, field]);
});

it('starts the validity with the day of the claim where the template says so', async () => {
  const id = await admin.template({ valid_days_after_claim: 7 });
  await claim(id, { user_id: 44 });
  const [coupon] = (await admin.call('GET', '/api/v1/users/44/coupons')).body.items;
  expect(coupon?.valid_start_time).toBe(coupon?.obtain_time);
  expect(Date.parse(coupon?.valid_end_time ?? '') - Date.parse(coupon?.obtain_time ?? '')).toBe(7 * 86_400_000);
});

describe('grant', () => {
  const grant = (id: string, body: unknown, headers?: Record<string, string>): Promise<Answer> =>
    admin.call('POST', `${BASE}/${id}/grant`, body, headers);

  it('says per user who got coupons and why not', async () => {
    const id = await admin.template({ total_count: 5, per_user_limit: 2 });
    await claim(id, { user_id: 2 });
    const answer = await grant(id, { user_ids: ['1', 2, '3', '4'], quantity: 2 });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      granted: 2,
      refused: 2,
      remaining_count: 0,
      results: [
        { user_id: '1', granted: true, code: null },
        { user_id: '2', granted: false, coupon_sns: [], code: 'LIMIT_REACHED' },
        { user_id: '3', granted: true },
        { user_id: '4', granted: false, code: 'SOLD_OUT' },
      ],
    });
    expect((await rowsOf(id)).filter((row) => row.source === 'grant')).toHaveLength(4);
  });

  it('grants to a thousand users in one transaction, once per key', async () => {
    const id = await admin.template({ total_count: 1000 });
    const body = { user_ids: Array.from({ length: 1000 }, (_, i) => String(50_000 + i)) };
    const key = { 'idempotency-key': newKey() };
    expect((await grant(id, body, key)).body.granted).toBe(1000);
    expect((await grant(id, body, key)).body.granted).toBe(1000);
    expect(await rowsOf(id)).toHaveLength(1000);
  });

  it('never gives out more than there is, whatever runs at once', async () => {
    const id = await admin.template({ total_count: 20, per_user_limit: 1 });
    const grants = Array.from({ length: 6 }, (_, g) =>
      grant(id, { user_ids: Array.from({ length: 5 }, (_, i) => String(1 + g * 5 + i)) }),
    );
    const claims = Array.from({ length: 30 }, (_, i) => claim(id, { user_id: 1 + i }));
    await Promise.all([...grants, ...claims]);
    const rows = await rowsOf(id);
    expect(rows).toHaveLength(20);
    expect(new Set(rows.map((row) => row.user_id)).size).toBe(20);
  });

  it.each([
    ['user_ids', {}],
    ['user_ids', { user_ids: [] }],
    ['user_ids', { user_ids: 5 }],
    ['user_ids[1]', { user_ids: ['1', 'x'] }],
    ['user_ids[1]', { user_ids: ['1', 1] }],
  ])('refuses a wrong %s', async (field, body) => {
    const refused = await grant(await admin.template(), body);
    expect([refused.status, refused.body.details.field]).toEqual([400, field]);
  });
});

describe('a user’s coupons', () => {
  it('come newest first, by status as it is today, and are counted', async () => {
    const id = await admin.template({ total_count: 100, per_user_limit: 10 });
    await claim(id, { user_id: 600, quantity: 7 });
    const rows = await admin.database.query<{ id: string }>(
      'SELECT id FROM user_coupons WHERE user_id = 600 ORDER BY id',
    );
    const set = (index: number, sql: string): Promise<unknown> =>
      admin.database.query(`UPDATE user_coupons SET ${sql} WHERE id = ?`, [rows[index]?.id ?? '']);
    await set(0, 'status = 2');
    await set(1, "status = 3, used_time = '2026-01-02', order_sn = 'o-1'");
    await set(2, 'status = 4');
    await set(3, 'status = 5');
    await set(4, "valid_end_time = '2026-01-02'");
    const all = (await admin.call('GET', '/api/v1/users/600/coupons')).body.items;
    expect(all.map((coupon) => coupon.status_name)).toEqual([
      'unused',
      'unused',
      'expired',
      'void',
      'expired',
      'used',
      'locked',
    ]);
    const expired = (await admin.call('GET', '/api/v1/users/600/coupons?status=4')).body.items;
    expect(expired.map((coupon) => coupon.id)).toEqual([rows[4]?.id, rows[2]?.id]);
    const unused = (await admin.call('GET', '/api/v1/users/600/coupons?status=1&limit=1')).body;
    expect([unused.items.length, typeof unused.next_cursor]).toEqual([1, 'string']);
    const last = (await admin.call('GET', `/api/v1/users/600/coupons?status=1&limit=1&cursor=${unused.next_cursor}`))
      .body;
    expect([last.items.length, last.next_cursor]).toEqual([1, null]);
    expect((await admin.call('GET', '/api/v1/users/600/coupons/count')).body).toEqual({
      user_id: '600',
      total: 7,
      unused: 2,
      locked: 1,
      used: 1,
      expired: 2,
      void: 1,
    });
  });

  it('are an empty list for a user nobody knows', async () => {
    expect((await admin.call('GET', '/api/v1/users/987654321/coupons')).body).toEqual({ items: [], next_cursor: null });
    expect((await admin.call('GET', '/api/v1/users/987654321/coupons/count')).body.total).toBe(0);
  });

  it('have a history each, oldest change first, for nobody but their user', async () => {
    const template = await admin.template({ total_count: 10, per_user_limit: 10 });
    await claim(template, { user_id: 610, quantity: 2 });
    const rows = await admin.database.query<{ id: string; coupon_sn: string }>(
      'SELECT id, coupon_sn FROM user_coupons WHERE user_id = 610 ORDER BY id',
    );
    const [one, other] = rows;
    await admin.database.query(
      `INSERT INTO user_coupon_transitions (user_coupon_id, from_status, to_status, order_sn, reason, at) VALUES
       (?, 1, 2, 'o-1', 'lock', '2026-11-01 10:00:00.001'), (?, 1, 2, 'o-2', 'lock', '2026-11-01 10:00:00.002'),
       (?, 2, 3, 'o-1', 'use', '2026-11-01 10:00:00.003')`,
      [one?.id ?? '', other?.id ?? '', one?.id ?? ''],
    );
    const history = (userId: number, sn: string | undefined) =>
      admin.call('GET', `/api/v1/users/${userId}/coupons/${encodeURIComponent(sn ?? '')}/history`);
    const change = { from_status_name: 'unused', to_status_name: 'locked', order_sn: 'o-1', reason: 'lock' };
    expect(await history(610, one?.coupon_sn)).toMatchObject({
      status: 200,
      body: {
        coupon: { id: one?.id, status_name: 'unused' },
        transitions: [
          { ...change, from_status: 1, to_status: 2, at: '2026-11-01T10:00:00.001Z' },
          { from_status_name: 'locked', to_status_name: 'used', reason: 'use', at: '2026-11-01T10:00:00.003Z' },
        ],
      },
    });
    for (const [userId, sn] of [
      [611, one?.coupon_sn],
      [610, 'no-such'],
      [610, 'ü'],
      [610, 'x'.repeat(33)],
    ] as const) {
      expect(await history(userId, sn)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
  });
});
