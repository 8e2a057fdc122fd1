import { createHmac } from 'node:crypto';
import { useInventory } from './inventory-fixture';
import type { Answer } from './inventory-fixture';

const PRODUCTS = '/api/v1/products';
const good = { name: 'Teapot', price: '12.30', category_id: '7', stock: 5 };
const fieldsOf = ({ body }: Answer): string[] => body.details.violations.map(({ field }) => field);

describe('the catalogue', () => {
  const inventory = useInventory();

  it('shows what was put into it: amounts and ids as text', async () => {
    const created = await inventory.call('POST', PRODUCTS, { ...good, price: 12.3, category_id: 7 });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ ...good, reserved: 0, version: 1 });
    expect(created.body.id).toMatch(/^\d+$/);
    expect((await inventory.call('GET', `${PRODUCTS}/${created.body.id}`)).body).toEqual(created.body);
    expect((await inventory.call('GET', `${PRODUCTS}/${created.body.id}/stock`)).body).toEqual({
      product_id: created.body.id,
      stock: 5,
      reserved: 0,
      version: 1,
    });
  });

  it('takes a product without category, without price and without stock', async () => {
    const created = await inventory.call('POST', PRODUCTS, { name: 'Gift', price: 0, stock: 0 });
    expect(created.body).toMatchObject({ price: '0.00', category_id: null, stock: 0 });
  });

  it.each<[string, Record<string, unknown>]>([
    ['name', { name: undefined }],
    ['name', { name: ' ' }],
    ['name', { name: 'x'.repeat(101) }],
    ['name', { name: 'a\nb' }],
    ['price', { price: undefined }],
    ['price', { price: -1 }],
    ['price', { price: '0.001' }],
    ['price', { price: 0.001 }],
    ['price', { price: '100000000.00' }],
    ['category_id', { category_id: 0 }],
    ['category_id', { category_id: 'x' }],
    ['stock', { stock: undefined }],
    ['stock', { stock: -1 }],
    ['stock', { stock: 1.5 }],
    ['stock', { stock: '5' }],
    ['stock', { stock: 1_000_000_001 }],
    ['reserved', { reserved: 3 }],
  ])('refuses a wrong %s (%j), naming it, and stores nothing', async (field, change) => {
    const before = await inventory.database.query('SELECT id FROM products');
    const answer = await inventory.call('POST', PRODUCTS, { ...good, ...change });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
    expect(fieldsOf(answer)).toEqual([field]);
    expect(await inventory.database.query('SELECT id FROM products')).toEqual(before);
  });

  it('creates one product per Idempotency-Key, however many ask at the same time', async () => {
    const create = (body: object): Promise<Answer> =>
      inventory.call('POST', PRODUCTS, body, { 'idempotency-key': 'teapot-1' });
    const answers = await Promise.all(Array.from({ length: 20 }, () => create(good)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    const other = await create({ ...good, stock: 6 });
    expect(other).toMatchObject({ status: 409, body: { code: 'CONFLICT', details: { field: 'Idempotency-Key' } } });
    const wrong = await inventory.call('POST', PRODUCTS, good, { 'idempotency-key': 'a b' });
    expect(fieldsOf(wrong)).toEqual(['Idempotency-Key']);
  });

  it('is listed page by page, newest first, without gaps or repetitions', async () => {
    for (let index = 0; index < 5; index += 1) await inventory.product(index);
    const all = await inventory.database.query<{ id: string }>('SELECT id FROM products ORDER BY id DESC');
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '?limit=2' : `?limit=2&cursor=${cursor}`;
      const page: Answer = await inventory.call('GET', `${PRODUCTS}${query}`);
      seen.push(...page.body.items.map(({ id }) => id));
      cursor = page.body.next_cursor;
    }
    expect(seen).toEqual(all.map(({ id }) => id));
    for (const [query, field] of [
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['cursor=x', 'cursor'],
      ['page=2', 'page'],
      ['limit=1&limit=2', 'limit'],
    ]) {
      expect(fieldsOf(await inventory.call('GET', `${PRODUCTS}?${query}`))).toEqual([field]);
    }
  });

  it('says which product it does not have', async () => {
    for (const path of ['/999999', '/999999/stock']) {
      expect(await inventory.call('GET', `${PRODUCTS}${path}`)).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      });
    }
    expect(fieldsOf(await inventory.call('GET', `${PRODUCTS}/x`))).toEqual(['id']);
  });
});

describe('the catalogue, to callers with tokens', () => {
  const secret = 'a secret of at least thirty-two characters';
  const inventory = useInventory(() => ({ AUTH_MODE: 'jwt', AUTH_HS256_SECRET: secret }));

  function token(role: string): Record<string, string> {
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const head = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: '1001', role, exp: Math.floor(Date.now() / 1000) + 600 })}`;
    return { authorization: `Bearer ${head}.${createHmac('sha256', secret).update(head).digest('base64url')}` };
  }

  it('is read by everybody who is known, and changed by operators', async () => {
    const created = await inventory.call('POST', PRODUCTS, good, token('operator'));
    expect(created.status).toBe(201);
    const path = `${PRODUCTS}/${created.body.id}`;
    expect((await inventory.call('GET', path, undefined, token('user'))).status).toBe(200);
    expect((await inventory.call('GET', path)).status).toBe(401);
    const writes: [string, object][] = [
      [PRODUCTS, good],
      [`${path}/stock/reserve`, { order_id: 'a', quantity: 1 }],
      [`${path}/stock/release`, { order_id: 'a' }],
    ];
    for (const [target, body] of writes) {
      expect((await inventory.call('POST', target, body, token('user'))).status).toBe(403);
      expect((await inventory.call('POST', target, body)).status).toBe(401);
    }
    expect(await inventory.stockOf(created.body.id)).toEqual({ stock: 5, reserved: 0, version: 1 });
    const reserved = await inventory.call(
      'POST',
      `${path}/stock/reserve`,
      { order_id: 'a', quantity: 1 },
      token('operator'),
    );
    expect(reserved.status).toBe(200);
  });
});
