import { aTemplate } from '@coupon/testing';
import { newKey, useAdmin } from './fixture';
import type { Answer } from './fixture';

const admin = useAdmin();
const BASE = '/api/v1/coupon-templates';

const BUY = { buy_quantity: 2, get_quantity: 1 };
const tiers = (...from: (number | string)[]) => ({
  tiers: from.map((min_amount, index) => ({ min_amount, discount_value: 10 * (index + 1) })),
});

it('stores tiers with their amounts written out, changes them in a draft, and keeps them once published', async () => {
  const body = aTemplate({ type: 4, discount_value: '0', min_amount: '0', rule_args: tiers(100, '200.5') });
  const created = await admin.call('POST', BASE, body);
  const written = {
    tiers: [
      { min_amount: '100.00', discount_value: '10.00' },
      { min_amount: '200.50', discount_value: '20.00' },
    ],
  };
  expect(created).toMatchObject({ status: 201, body: { type: 4, discount_value: '0.00', rule_args: written } });
  const path = `${BASE}/${created.body.id}`;
  const changed = await admin.call('PATCH', path, { version: 1, rule_args: tiers('50.00') });
  const one = { tiers: [{ min_amount: '50.00', discount_value: '10.00' }] };
  expect(changed.body).toMatchObject({ rule_args: one, version: 2 });
  expect((await admin.call('GET', path)).body).toMatchObject({ rule_args: one });
  expect((await admin.call('POST', `${path}/publish`)).status).toBe(200);
  const refused = await admin.call('PATCH', path, { version: 3, rule_args: tiers('40.00') });
  expect([refused.status, refused.body.code, refused.body.details.field]).toEqual([409, 'CONFLICT', 'rule_args']);
  // The same amount, written otherwise.
  expect((await admin.call('PATCH', path, { version: 3, rule_args: tiers(50) })).status).toBe(200);
  const [entry] = (await admin.call('GET', `/api/v1/audit?entity=coupon_template&entity_id=${created.body.id}`)).body
    .items;
  expect(entry).toMatchObject({ after: { rule_args: one } });
});

it('takes the parameters away with the type that had them', async () => {
  const body = aTemplate({ type: 5, discount_value: '0', rule_args: BUY });
  const created = await admin.call('POST', BASE, body);
  expect(created).toMatchObject({ status: 201, body: { type: 5, rule_args: BUY } });
  const path = `${BASE}/${created.body.id}`;
  const half = await admin.call('PATCH', path, { version: 1, type: 1, discount_value: '5.00' });
  expect([half.status, half.body.details.field]).toEqual([400, 'rule_args']);
  const whole = await admin.call('PATCH', path, { version: 1, type: 1, discount_value: '5.00', rule_args: null });
  expect(whole).toMatchObject({ status: 200, body: { type: 1, rule_args: null } });
  const rows = await admin.database.query('SELECT rule_args IS NULL AS gone FROM coupon_templates WHERE id = ?', [
    created.body.id,
  ]);
  expect(rows.map((row) => Object.values(row).map(Number))).toEqual([[1]]);
  expect((await admin.call('GET', `${BASE}?type=5`)).status).toBe(200);
});

it('stores a template and shows it under its column names', async () => {
  const body = aTemplate({
    name: `O'Reilly"; DROP TABLE coupon_templates; -- \\ %_ \${jndi} 🎉`,
    min_amount: 50,
    applicable_goods: ['9007199254740993', 7],
    excluded_categories: [],
    priority: -3,
    stack_group: 'summer',
    stackable: false,
    valid_days_after_claim: 7,
    time_zone: 'Asia/Shanghai',
  });
  const created = await admin.call('POST', BASE, body);
  expect(created.status).toBe(201);
  const expected = {
    ...body,
    id: expect.stringMatching(/^\d+$/) as string,
    min_amount: '50.00',
    applicable_goods: ['9007199254740993', '7'],
    applicable_categories: null,
    excluded_goods: null,
    max_discount: null,
    rule_args: null,
    status: 0,
    status_name: 'draft',
    used_count: 0,
    allocated_count: 0,
    version: 1,
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    updated_at: expect.any(String) as string,
  };
  expect(created.body).toEqual(expected);
  expect((await admin.call('GET', `${BASE}/${created.body.id}`)).body).toEqual(created.body);
  const [row] = await admin.database.query<{ name: string }>('SELECT name FROM coupon_templates WHERE id = ?', [
    created.body.id,
  ]);
  expect(row?.name).toBe(body.name);
});

it.each<[string, string, Record<string, unknown>]>([
  ['name', 'a blank name', { name: '  ' }],
  ['name', 'a name that is too long', { name: 'x'.repeat(101) }],
  ['name', 'a name with a NUL', { name: 'a\u0000b' }],
  ['name', 'a name that is a number', { name: 5 }],
  ['type', 'an unknown type', { type: 6 }],
  ['rule_args.tiers', 'tiers without any', { type: 4, discount_value: 0, rule_args: { tiers: [] } }],
  [
    'rule_args.tiers[1].min_amount',
    'tiers that fall',
    { type: 4, discount_value: 0, min_amount: 0, rule_args: tiers(200, 100) },
  ],
  ['rule_args.tiers[0].min_amount', 'a tier of text', { type: 4, discount_value: 0, rule_args: tiers('x') }],
  ['discount_value', 'tiers and a value', { type: 4, discount_value: 1, min_amount: 0, rule_args: tiers(100) }],
  ['rule_args', 'buy X get Y without either', { type: 5, discount_value: 0 }],
  [
    'rule_args.buy_quantity',
    'half a unit to buy',
    { type: 5, discount_value: 0, rule_args: { buy_quantity: 0.5, get_quantity: 1 } },
  ],
  ['rule_args.off', 'a parameter nobody knows', { type: 5, discount_value: 0, rule_args: { ...BUY, off: 1 } }],
  ['rule_args', 'parameters of a rule that has none', { rule_args: BUY }],
  ['rule_args', 'a list', { type: 5, discount_value: 0, rule_args: [BUY] }],
  ['rule_args', 'text', { type: 5, discount_value: 0, rule_args: JSON.stringify(BUY) }],
  ['type', 'a type as text', { type: '1' }],
  ['discount_type', 'a discount type that does not fit', { discount_type: 2 }],
  ['discount_value', 'a negative amount', { discount_value: '-1.00' }],
  ['discount_value', 'three decimals', { discount_value: 1.005 }],
  ['discount_value', 'nothing off', { discount_value: 0 }],
  ['discount_value', 'a ratio over 100', { type: 2, discount_type: 2, discount_value: 100.01 }],
  ['discount_value', 'a ratio of 0', { type: 2, discount_type: 2, discount_value: '0.00' }],
  ['max_discount', 'a cap on an amount', { max_discount: '5.00' }],
  ['min_amount', 'an amount no column holds', { min_amount: '100000000.00' }],
  ['total_count', 'no units', { total_count: 0 }],
  ['total_count', 'half a unit', { total_count: 1.5 }],
  ['total_count', 'units as text', { total_count: '10' }],
  ['total_count', 'units beyond 2^53', { total_count: 2 ** 53 }],
  ['per_user_limit', 'a limit over 999', { per_user_limit: 1000 }],
  ['per_user_limit', 'a limit of 0', { per_user_limit: 0 }],
  ['valid_end_time', 'an end before the start', { valid_end_time: '2020-01-01T00:00:00Z' }],
  ['valid_start_time', 'a day that is none', { valid_start_time: '2026-02-30T00:00:00Z' }],
  ['valid_start_time', 'a time without zone', { valid_start_time: '2026-02-03T00:00:00' }],
  ['valid_start_time', 'a number', { valid_start_time: 1700000000000 }],
  ['valid_end_time', 'a time no TIMESTAMP holds', { valid_end_time: '2038-01-19T03:14:08Z' }],
  ['applicable_goods[1]', 'an id beyond 2^53 as a number', { applicable_goods: [1, 2 ** 53] }],
  ['applicable_goods', 'goods that are no list', { applicable_goods: '1,2' }],
  ['time_zone', 'a zone nobody knows', { time_zone: 'Mars/Olympus' }],
  ['status', 'a template born disabled', { status: 2 }],
  ['stackable', 'a word for a boolean', { stackable: 'yes' }],
  ['colour', 'a field nobody knows', { colour: 'red' }],
  ['allocated_count', 'a field that is not the caller’s', { allocated_count: 0 }],
])('refuses %s: %s', async (field, _what, over) => {
  const refused = await admin.call('POST', BASE, aTemplate(over));
  expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_ARGUMENT']);
  expect(refused.body.details.violations.map((one) => one.field)).toContain(field);
  expect(JSON.stringify(refused.body)).not.toMatch(/\bat .*\.ts|node_modules/);
});

it('names every wrong field at once', async () => {
  const refused = await admin.call('POST', BASE, { name: '', type: 9, total_count: -1 });
  expect(refused.body.details.violations.map((one) => one.field).sort()).toEqual([
    'discount_type',
    'discount_value',
    'name',
    'total_count',
    'type',
    'valid_end_time',
    'valid_start_time',
  ]);
});

it.each([
  ['malformed JSON', '{"name":'],
  ['a list', '[]'],
  ['a number', '7'],
  ['null', 'null'],
])('refuses %s as a body', async (_name, text) => {
  const refused = await admin.send('POST', BASE, text);
  expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_ARGUMENT']);
  expect(refused.body.details.field).toBe('body');
});

it('refuses a body of a megabyte', async () => {
  const refused = await admin.call('POST', BASE, aTemplate({ name: 'x'.repeat(1_000_000) }));
  expect(refused.status).toBe(413);
});

it('changes a draft, counts the version up, and refuses a version that is not current', async () => {
  const { body: draft } = await admin.call('POST', BASE, aTemplate());
  const changed = await admin.call('PATCH', `${BASE}/${draft.id}`, { version: 1, discount_value: '3.00', name: 'new' });
  expect(changed.body).toMatchObject({ version: 2, discount_value: '3.00', name: 'new', min_amount: '50.00' });
  const stale = await admin.call('PATCH', `${BASE}/${draft.id}`, { version: 1, name: 'other' });
  expect([stale.status, stale.body.code, stale.body.details]).toEqual([
    409,
    'CONFLICT',
    { field: 'version', version: 2 },
  ]);
  const missing = await admin.call('PATCH', `${BASE}/${draft.id}`, { name: 'other' });
  expect([missing.status, missing.body.details.field]).toEqual([400, 'version']);
});

it('checks a change together with what is stored', async () => {
  const { body: draft } = await admin.call('POST', BASE, aTemplate());
  const refused = await admin.call('PATCH', `${BASE}/${draft.id}`, { version: 1, type: 2 });
  expect([refused.status, refused.body.details.field]).toEqual([400, 'discount_type']);
});

it('moves draft -> published -> disabled -> published and never back to draft', async () => {
  const { body: draft } = await admin.call('POST', BASE, aTemplate());
  const post = (verb: string, body?: unknown) => admin.call('POST', `${BASE}/${draft.id}/${verb}`, body);
  expect((await post('disable')).body.code).toBe('CONFLICT');
  expect((await post('publish')).body).toMatchObject({ status: 1, status_name: 'published', version: 2 });
  expect((await post('publish')).body).toMatchObject({ status: 1, version: 2 });
  expect((await post('disable', { version: 1 })).body.code).toBe('CONFLICT');
  expect((await post('disable', { version: 2 })).body).toMatchObject({
    status: 2,
    status_name: 'disabled',
    version: 3,
  });
  expect((await post('publish')).body).toMatchObject({ status: 1, version: 4 });
});

it('freezes the money of a published template and nothing else', async () => {
  const id = await admin.template();
  const patch = (change: object) => admin.call('PATCH', `${BASE}/${id}`, { version: 1, ...change });
  for (const [field, value] of Object.entries({ discount_value: '11.00', min_amount: '1.00', type: 3 })) {
    const refused = await patch({ [field]: value });
    expect([refused.status, refused.body.code, refused.body.details.field]).toEqual([409, 'CONFLICT', field]);
  }
  expect((await patch({ discount_value: '10.00', name: 'renamed' })).status).toBe(200);
});

it('does not lower the total below what is given out, nor the limit below that of an activity', async () => {
  const activityId = await admin.activity({ total_count: 60, per_user_limit: 3 }, { per_user_limit: 5 });
  const { coupon_id: id } = (await admin.call('GET', `/api/v1/flash-sales/${activityId}`)).body;
  const lower = await admin.call('PATCH', `${BASE}/${id}`, { version: 1, total_count: 59 });
  expect([lower.status, lower.body.details]).toEqual([409, { field: 'total_count', allocated_count: 60 }]);
  const limit = await admin.call('PATCH', `${BASE}/${id}`, { version: 1, per_user_limit: 2 });
  expect([limit.status, limit.body.details.field]).toEqual([409, 'per_user_limit']);
  expect((await admin.call('PATCH', `${BASE}/${id}`, { version: 1, total_count: 60, per_user_limit: 3 })).status).toBe(
    200,
  );
});

it('lists newest first, page by page, without losing one that comes in between', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 5; i += 1) ids.unshift(await admin.template({ type: 3, discount_value: '0' }));
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Answer = await admin.call(
      'GET',
      `${BASE}?type=3&status=1&limit=2${cursor === null ? '' : `&cursor=${cursor}`}`,
    );
    seen.push(...page.body.items.map((item) => item.id));
    cursor = page.body.next_cursor;
    if (seen.length === 2) await admin.template({ type: 3, discount_value: '0' });
  } while (cursor !== null);
  expect(seen).toEqual(ids);
});

it.each([
  ['limit', 'limit=0'],
  ['limit', 'limit=101'],
  ['limit', 'limit=1&limit=2'],
  ['status', 'status=7'],
  ['cursor', 'cursor=abc'],
])('refuses a list with a wrong %s (%s)', async (field, query) => {
  const refused = await admin.call('GET', `${BASE}?${query}`);
  expect([refused.status, refused.body.details.field]).toEqual([400, field]);
});

it.each(['0', '-1', '1.5', 'abc', '9223372036854775808', "1' OR '1'='1"])('refuses %s as an id', async (id) => {
  const refused = await admin.call('GET', `${BASE}/${encodeURIComponent(id)}`);
  expect([refused.status, refused.body.details.field]).toEqual([400, 'id']);
});

it('does not find what is not there', async () => {
  const answer = await admin.call('GET', `${BASE}/9223372036854775807`);
  expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND']);
});

describe('Idempotency-Key', () => {
  it('gives the first answer again, to the byte, and writes once', async () => {
    const key = { 'idempotency-key': newKey() };
    const body = aTemplate({ name: 'once' });
    const [first, second] = await Promise.all([
      admin.call('POST', BASE, body, key),
      admin.call('POST', BASE, body, key),
    ]);
    const third = await admin.call('POST', BASE, body, key);
    expect([first.status, second.status, third.status]).toEqual([201, 201, 201]);
    expect(JSON.stringify(second.body)).toBe(JSON.stringify(first.body));
    expect(JSON.stringify(third.body)).toBe(JSON.stringify(first.body));
    const [row] = await admin.database.query<{ n: string }>(
      "SELECT COUNT(*) AS n FROM coupon_templates WHERE name = 'once'",
    );
    expect(Number(row?.n)).toBe(1);
  });

  it('refuses the same key for another request, also for another path', async () => {
    const key = { 'idempotency-key': newKey() };
    const first = await admin.call('POST', BASE, aTemplate(), key);
    const other = await admin.call('POST', BASE, aTemplate({ name: 'else' }), key);
    expect([other.status, other.body.code, other.body.details.field]).toEqual([409, 'CONFLICT', 'Idempotency-Key']);
    const publish = { 'idempotency-key': newKey() };
    await admin.call('POST', `${BASE}/${first.body.id}/publish`, {}, publish);
    const second = await admin.template();
    expect((await admin.call('POST', `${BASE}/${second}/publish`, {}, publish)).status).toBe(409);
  });

  it('does not remember a refusal', async () => {
    const key = { 'idempotency-key': newKey() };
    const { body: draft } = await admin.call('POST', BASE, aTemplate());
    expect((await admin.call('POST', `${BASE}/${draft.id}/disable`, {}, key)).status).toBe(409);
    await admin.call('POST', `${BASE}/${draft.id}/publish`);
    expect((await admin.call('POST', `${BASE}/${draft.id}/disable`, {}, key)).status).toBe(200);
  });

  it('refuses a key that is too long', async () => {
    const refused = await admin.call('POST', BASE, aTemplate(), { 'idempotency-key': 'k'.repeat(65) });
    expect([refused.status, refused.body.details.field]).toEqual([400, 'Idempotency-Key']);
  });
});

it('keeps who changed what, before and after', async () => {
  const id = await admin.template({ name: 'audited' });
  await admin.call('PATCH', `${BASE}/${id}`, { version: 1, name: 'renamed' }, { 'x-request-id': 'r-1' });
  const { body } = await admin.call('GET', `/api/v1/audit?entity=coupon_template&entity_id=${id}`);
  expect(body.items).toMatchObject([
    {
      action: 'template.update',
      actor: 'anonymous',
      role: 'admin',
      request_id: 'r-1',
      before: { name: 'audited', version: 1 },
      after: { name: 'renamed', version: 2 },
    },
    { action: 'template.create', before: null, after: { name: 'audited' } },
  ]);
  const page = await admin.call('GET', `/api/v1/audit?entity=coupon_template&entity_id=${id}&limit=1`);
  const next = await admin.call(
    'GET',
    `/api/v1/audit?entity=coupon_template&entity_id=${id}&limit=1&cursor=${page.body.next_cursor}`,
  );
  expect([page.body.items[0]?.action, next.body.items[0]?.action, next.body.next_cursor]).toEqual([
    'template.update',
    'template.create',
    null,
  ]);
});
