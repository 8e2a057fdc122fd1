import { callInventory } from './call-inventory';
import { useInventory } from './inventory-fixture';
import type { Answer } from './inventory-fixture';

const inventory = useInventory(() => ({ BRANCH_SECRET: 'known to the coordinator' }));
const SECRET = { 'x-branch-secret': 'known to the coordinator' };
const stockPath = (productId: string, verb: string): string => `/api/v1/products/${productId}/stock/${verb}`;
const fieldsOf = ({ body }: Answer): string[] => body.details.violations.map(({ field }) => field);
const release = (productId: string, orderSn: string): Promise<Answer> =>
  inventory.call('POST', stockPath(productId, 'release'), { order_id: orderSn });
const branch = (path: string, gid: string, request: unknown, op = 'action', headers = SECRET): Promise<Answer> =>
  inventory.call('POST', `/dtm/inventory/${path}?gid=${gid}&trans_type=saga&branch_id=01&op=${op}`, request, headers);

describe('a reservation over REST', () => {
  it('is answered with what is left, and once more with what is left then', async () => {
    const productId = await inventory.product(10);
    expect(await inventory.reserve(productId, 'a', 3)).toEqual({
      status: 200,
      body: { order_id: 'a', quantity: 3, remaining_stock: 7 },
    });
    expect((await inventory.reserve(productId, 'b', 2)).body.remaining_stock).toBe(5);
    expect((await inventory.reserve(productId, 'a', 3)).body).toEqual({
      order_id: 'a',
      quantity: 3,
      remaining_stock: 5,
    });
    expect(await inventory.stockOf(productId)).toEqual({ stock: 5, reserved: 5, version: 3 });
    expect(await inventory.events(productId)).toEqual([
      expect.objectContaining({ order_id: 'a', quantity: 3, remaining_stock: 7, product_id: productId }),
      expect.objectContaining({ order_id: 'b', quantity: 2, remaining_stock: 5 }),
    ]);
  });

  it.each(['optimistic', 'pessimistic'])(
    'is refused when stock is short, and says what is left (%s)',
    async (strategy) => {
      const productId = await inventory.product(2);
      expect(await inventory.reserve(productId, `s-${strategy}`, 3, strategy)).toMatchObject({
        status: 409,
        body: { code: 'SOLD_OUT', details: { product_id: productId, available: 2 } },
      });
      expect(await inventory.stockOf(productId)).toEqual({ stock: 2, reserved: 0, version: 1 });
      expect(await inventory.reservations(productId)).toEqual([]);
      // A refusal is not remembered.
      expect((await inventory.reserve(productId, `s-${strategy}`, 2, strategy)).status).toBe(200);
    },
  );

  it('of the same order for another quantity is a conflict', async () => {
    const productId = await inventory.product(10);
    await inventory.reserve(productId, 'q', 3);
    expect(await inventory.reserve(productId, 'q', 4)).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT', details: { field: 'order_id' } },
    });
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 7, reserved: 3 });
  });

  it('can be made for several products of one order, one by one', async () => {
    const [first, second] = [await inventory.product(5), await inventory.product(5)];
    await inventory.reserve(first, 'two');
    expect((await inventory.reserve(second, 'two', 2)).body.remaining_stock).toBe(3);
    await release(first, 'two');
    expect(await inventory.stockOf(first)).toMatchObject({ stock: 5, reserved: 0 });
    expect(await inventory.stockOf(second)).toMatchObject({ stock: 3, reserved: 2 });
  });

  it('is given back once, and is over then', async () => {
    const productId = await inventory.product(10);
    await inventory.reserve(productId, 'r', 4);
    const released = { status: 200, body: { order_id: 'r', quantity: 4, state: 'RELEASED' } };
    expect(await release(productId, 'r')).toEqual(released);
    expect(await release(productId, 'r')).toEqual(released);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 10, reserved: 0 });
    expect(await inventory.reserve(productId, 'r', 4)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect(await release(productId, 'never')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  it('is given back once, whoever asks at the same time', async () => {
    const productId = await inventory.product(10);
    await inventory.reserve(productId, 'many', 4);
    const answers = await Promise.all(Array.from({ length: 20 }, () => release(productId, 'many')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 10, reserved: 0 });
  });

  it.each<[string, Record<string, unknown>]>([
    ['quantity', { quantity: 0 }],
    ['quantity', { quantity: -1 }],
    ['quantity', { quantity: 1.5 }],
    ['quantity', { quantity: '1' }],
    ['quantity', { quantity: undefined }],
    ['quantity', { quantity: 1_000_000_001 }],
    ['order_id', { order_id: undefined }],
    ['order_id', { order_id: '' }],
    ['order_id', { order_id: 'x'.repeat(65) }],
    ['order_id', { order_id: 'x'.repeat(300) }],
    ['order_id', { order_id: 'a b' }],
    ['order_id', { order_id: 'my-Failure' }],
    ['order_id', { order_id: 'ongoing1' }],
    ['price', { price: 1 }],
  ])('with a wrong %s (%j) is refused, naming it', async (field, change) => {
    const productId = await inventory.product(1);
    const answer = await inventory.call('POST', stockPath(productId, 'reserve'), {
      quantity: 1,
      order_id: 'v',
      ...change,
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
    expect(fieldsOf(answer)).toEqual([field]);
    expect(await inventory.stockOf(productId)).toEqual({ stock: 1, reserved: 0, version: 1 });
  });

  it('of what does not exist, or in a way that does not exist, is refused', async () => {
    for (const strategy of ['optimistic', 'pessimistic']) {
      expect(await inventory.reserve('999999', 'n', 1, strategy)).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      });
    }
    const productId = await inventory.product(1);
    expect(fieldsOf(await inventory.reserve(productId, 'n', 1, 'hope'))).toEqual(['strategy']);
    const without = await inventory.reserve(productId, 'n', 1, 'lock');
    expect(without).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT', details: { field: 'strategy' } } });
    expect(without.body.message).toContain('CACHE_REDIS_URL');
  });
});

describe('branches of the inventory', () => {
  it('take all products of an order or none; lines of one product are one', async () => {
    const [first, second] = [await inventory.product(5), await inventory.product(1)];
    const items = [
      { product_id: second, quantity: 1 },
      { product_id: first, quantity: 2 },
      { product_id: first, quantity: 3 },
    ];
    const short = [...items, { product_id: second, quantity: 1 }];
    expect(await branch('reserve', 'checkout-none', { order_sn: 'none', items: short })).toMatchObject({
      status: 409,
      body: { dtm_result: 'FAILURE', code: 'SOLD_OUT' },
    });
    expect(await inventory.stockOf(first)).toEqual({ stock: 5, reserved: 0, version: 1 });
    expect(await inventory.events(first)).toEqual([]);
    expect((await branch('reserve', 'checkout-all', { order_sn: 'all', items })).status).toBe(200);
    expect(await inventory.stockOf(first)).toEqual({ stock: 0, reserved: 5, version: 2 });
    expect(await inventory.stockOf(second)).toEqual({ stock: 0, reserved: 1, version: 2 });
  });

  it('do not reserve after their compensation, and not twice', async () => {
    const productId = await inventory.product(5);
    const request = { order_sn: 'late', items: [{ product_id: productId, quantity: 1 }] };
    expect((await branch('release/compensate', 'checkout-late', request, 'compensate')).status).toBe(200);
    expect(await branch('reserve', 'checkout-late', request)).toMatchObject({ status: 409 });
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 5, reserved: 0 });
    const again = { ...request, order_sn: 'twice' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => branch('reserve', 'checkout-twice', again)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 4, reserved: 1 });
  });

  it('of a later saga may reserve what an earlier one has given back; the compensation of the earlier one cannot take it', async () => {
    const productId = await inventory.product(5);
    const request = { order_sn: 'back', items: [{ product_id: productId, quantity: 2 }] };
    await branch('reserve', 'checkout-back', request);
    await branch('release', 'cancel-back', request);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 5, reserved: 0 });
    expect((await branch('reserve', 'reacquire-back', request)).status).toBe(200);
    // A repetition of the first saga's calls, late: both were done.
    expect((await branch('reserve', 'checkout-back', request)).status).toBe(200);
    expect((await branch('release', 'cancel-back', request)).status).toBe(200);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 3, reserved: 2 });
    expect((await inventory.events(productId)).map((event) => event['event_id'])).toEqual([
      `stock-reserved-${productId}-2`,
      `stock-reserved-${productId}-4`,
    ]);
    expect((await branch('commit', 'settle-back', request)).status).toBe(200);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 3, reserved: 0 });
    expect((await branch('release/compensate', 'reacquire-back', request, 'compensate')).status).toBe(200);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 3, reserved: 0 });
    expect((await branch('release', 'refund-back', request)).status).toBe(200);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 5, reserved: 0 });
    expect((await inventory.reservations(productId)).map(({ state }) => state)).toEqual(['RETURNED']);
  });

  it('release what was never reserved, and do not sell it', async () => {
    expect((await branch('release', 'cancel-x', { order_sn: 'x-never' })).status).toBe(200);
    expect(await branch('commit', 'settle-x', { order_sn: 'x-never' })).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT' },
    });
  });

  it('refuse a request that is none, and leave nothing behind', async () => {
    const wrong: object[] = [
      { order_sn: 'w', items: [] },
      { order_sn: 'w FAILURE', items: [{ product_id: '1', quantity: 1 }] },
      { order_sn: 'w', items: [{ product_id: '1', quantity: 0 }] },
      { order_sn: 'w', items: [{ product_id: 'x', quantity: 1 }] },
      {},
    ];
    for (const [index, request] of wrong.entries()) {
      const gid = `checkout-w${index}`;
      expect(await branch('reserve', gid, request)).toMatchObject({ status: 409, body: { code: 'INVALID_ARGUMENT' } });
      expect(await inventory.database.query('SELECT 1 FROM barrier WHERE gid = ?', [gid])).toEqual([]);
      // DTM calls the compensation of the refused step, too.
      expect((await branch('release/compensate', gid, request, 'compensate')).status).toBe(200);
    }
    const unknown = { order_sn: 'w', items: [{ product_id: '999999', quantity: 1 }] };
    expect(await branch('reserve', 'checkout-unknown', unknown)).toMatchObject({ body: { code: 'NOT_FOUND' } });
  });

  it('do nothing, yet, for callers who do not know the secret', async () => {
    const productId = await inventory.product(1);
    const request = { order_sn: 'secret', items: [{ product_id: productId, quantity: 1 }] };
    expect(
      (await branch('reserve', 'checkout-secret', request, 'action', { 'x-branch-secret': 'guessed' })).status,
    ).toBe(425);
    const { code } = await inventory.grpcBranch('reserveStock', 'checkout-secret', {
      orderSn: 'secret',
      items: [{ productId, quantity: 1 }],
    });
    expect(code).toBe(9);
    expect(await inventory.stockOf(productId)).toMatchObject({ stock: 1 });
  });
});

describe('plain calls', () => {
  it('are idempotent by the order: all of it, or a conflict', async () => {
    const [first, second] = [await inventory.product(5), await inventory.product(5)];
    const line = (productId: string, quantity: number): { productId: string; quantity: number } => ({
      productId,
      quantity,
    });
    const reserve = (...items: ReturnType<typeof line>[]): Promise<string> =>
      callInventory(inventory, { way: 'plain', orderSn: 'plain', gid: '', items }).reserve();
    expect(await reserve(line(first, 1), line(second, 2))).toBe('ok');
    expect(await reserve(line(second, 1), line(first, 1), line(second, 1))).toBe('ok');
    expect(await reserve(line(first, 1))).toBe('CONFLICT');
    expect(await reserve(line(first, 1), line(second, 3))).toBe('CONFLICT');
    expect(await inventory.stockOf(first)).toMatchObject({ stock: 4, reserved: 1 });
    expect(await inventory.stockOf(second)).toMatchObject({ stock: 3, reserved: 2 });
  });

  it('name what is wrong', async () => {
    const call = callInventory(inventory, { way: 'plain', orderSn: 'a b', gid: '', items: [] });
    expect([await call.reserve(), await call.release(), await call.commit()]).toEqual(
      Array(3).fill('INVALID_ARGUMENT'),
    );
  });
});
