import { Metadata } from '@grpc/grpc-js';
import { SignJWT } from 'jose';
import { request } from 'undici';
import type { ActivityId, UserId } from '@coupon/domain';
import type { FlashSaleResponse } from '@coupon/contracts';
import { PurchaseTokens } from '../../src/use-cases/purchase-token';
import { useGateway } from './fixture';
import type { Answer, GatewayFixture } from './fixture';

const SECRET = 'a secret of at least thirty-two bytes';
const KEY = 'a key for purchase tokens of thirty-two bytes';
const PREVIOUS = 'the purchase token key that was there before';
const HOUR_MS = 3_600_000;
const minted = (id: ActivityId, userId: string, key = KEY, nowMs = Date.now()): string =>
  new PurchaseTokens({ key, ttlMs: 60_000 }).mint(id, userId as UserId, nowMs).token;

async function authorization(sub: string): Promise<string> {
  const token = new SignJWT({ sub }).setProtectedHeader({ alg: 'HS256' });
  return `Bearer ${await token.sign(new TextEncoder().encode(SECRET))}`;
}

async function post(gateway: GatewayFixture, body: unknown, headers: Record<string, string>): Promise<Answer> {
  const response = await request(`${gateway.url}/api/v1/seckill/purchase/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: response.statusCode,
    headers: response.headers,
    body: (await response.body.json()) as Answer['body'],
  };
}

describe('a gateway with a key for purchase tokens', () => {
  const gateway = useGateway(() => ({
    AUTH_MODE: 'jwt',
    AUTH_HS256_SECRET: SECRET,
    PURCHASE_TOKEN_KEY: KEY,
    PURCHASE_TOKEN_PREVIOUS_KEY: PREVIOUS,
  }));
  const buy = async (id: ActivityId, user: string, token?: string, key?: string): Promise<Answer> =>
    gateway.buy(
      { activity_id: id, user_id: user },
      {
        authorization: await authorization(user),
        ...(token === undefined ? {} : { 'x-purchase-token': token }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
    );
  const ask = async (id: ActivityId, user: string, as = user): Promise<Answer & { body: Record<string, unknown> }> =>
    await post(gateway, { activity_id: id, user_id: user }, { authorization: await authorization(as) });

  test('gives a token to the buyer alone, and sells what is hidden for it', async () => {
    const id = await gateway.open({ hiddenPath: true, total: 5 });
    const given = await ask(id, '1');
    expect(given).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    const lifetimeMs = Date.parse(String(given.body['expires_at'])) - Date.now();
    expect(lifetimeMs).toBeGreaterThan(50_000);
    expect(lifetimeMs).toBeLessThanOrEqual(60_000);
    expect((await ask(id, '1', '2')).status).toBe(403);
    expect((await post(gateway, { activity_id: id, user_id: '1' }, {})).status).toBe(401);
    expect(await buy(id, '1', String(given.body['token']))).toMatchObject({ status: 200, body: { replayed: false } });
  });

  test('refuses everything else in the same words, whatever is wrong and whatever the state of the sale', async () => {
    const id = await gateway.open({ hiddenPath: true, total: 1, perUserLimit: 2 });
    const other = await gateway.open({ hiddenPath: true });
    const early = await gateway.open({
      hiddenPath: true,
      startMs: Date.now() + HOUR_MS,
      endMs: Date.now() + 2 * HOUR_MS,
    });
    const sold = await gateway.open({ hiddenPath: true, total: 1 });
    await buy(sold, '9', minted(sold, '9'));
    const refused = await Promise.all([
      buy(id, '1'),
      buy(id, '1', ''),
      buy(id, '1', 'x'),
      buy(id, '1', minted(other, '1')),
      buy(id, '1', minted(id, '2')),
      buy(id, '1', minted(id, '1', 'some other key of thirty-two bytes or so')),
      buy(id, '1', minted(id, '1', KEY, Date.now() - 61_000)),
      buy(early, '1'),
      buy(sold, '1'),
    ]);
    const expected = { success: false, code: 'PERMISSION_DENIED', message: 'not allowed' };
    expect(refused.map(({ status, body }) => ({ status, body }))).toEqual(
      refused.map(() => ({ status: 403, body: expected })),
    );
    expect((await buy(early, '1', minted(early, '1'))).body.code).toBe('NOT_STARTED');
    expect((await buy(sold, '1', minted(sold, '1'))).body.code).toBe('SOLD_OUT');
    const stats = await gateway.get(`/api/v1/seckill/stats/${id}`, { authorization: await authorization('1') });
    expect(stats.body['refused']).toEqual({ PERMISSION_DENIED: 7 });
  });

  test('takes a token under the previous key, and gives receipts without any', async () => {
    const id = await gateway.open({ hiddenPath: true, perUserLimit: 2 });
    const won = await buy(id, '1', minted(id, '1', PREVIOUS), 'k');
    expect(won.status).toBe(200);
    expect(await buy(id, '1', undefined, 'k')).toMatchObject({
      status: 200,
      body: { replayed: true, claim_id: won.body.claim_id },
    });
  });

  test('asks for none where nothing is hidden', async () => {
    const id = await gateway.open();
    expect((await buy(id, '1')).status).toBe(200);
    expect((await buy(id, '2', 'nonsense')).status).toBe(200);
    expect((await ask(id, '3')).status).toBe(200);
  });

  test('gives none long before the start, after the end, or for what it does not know', async () => {
    const times = (startMs: number): { startMs: number; endMs: number } => ({ startMs, endMs: startMs + HOUR_MS });
    const code = async (id: ActivityId): Promise<[number, string | undefined]> => {
      const { status, body } = await ask(id, '1');
      return [status, (body as { code?: string }).code];
    };
    expect(await code(await gateway.open(times(Date.now() + 10_000)))).toEqual([200, undefined]);
    expect(await code(await gateway.open(times(Date.now() + HOUR_MS)))).toEqual([409, 'NOT_STARTED']);
    expect(await code(await gateway.open(times(Date.now() - HOUR_MS - 1)))).toEqual([409, 'ENDED']);
    expect(await code('987654321' as ActivityId)).toEqual([503, 'NOT_READY']);
    const bad = await post(gateway, { activity_id: 'x', user_id: '1' }, { authorization: await authorization('1') });
    expect(bad).toMatchObject({ status: 400, body: { details: { field: 'activity_id' } } });
  });

  test('reads it from the metadata of gRPC, of a call and of a stream', async () => {
    const id = await gateway.open({ hiddenPath: true, perUserLimit: 3 });
    const metadata = async (token?: string): Promise<Metadata> => {
      const made = new Metadata();
      made.set('authorization', await authorization('1'));
      if (token !== undefined) made.set('x-purchase-token', token);
      return made;
    };
    const call = async (token?: string): Promise<FlashSaleResponse> => {
      const head = await metadata(token);
      return new Promise((resolve, reject) => {
        gateway.client.flashSaleCoupon({ activityId: id, userId: '1', clientIp: '' }, head, (error, answer) => {
          if (error === null) resolve(answer);
          else reject(error);
        });
      });
    };
    await expect(call()).rejects.toMatchObject({ code: 7, details: 'not allowed' });
    await expect(call(minted(id, '2'))).rejects.toMatchObject({ code: 7, details: 'not allowed' });
    await expect(call(minted(id, '1'))).resolves.toMatchObject({ success: true });
    const streamed = async (token?: string): Promise<FlashSaleResponse> => {
      const stream = gateway.client.flashSaleCouponStream(await metadata(token));
      return new Promise((resolve, reject) => {
        stream.on('data', resolve);
        stream.on('error', reject);
        stream.end({ activityId: id, userId: '1', clientIp: '', requestId: 'r' });
      });
    };
    await expect(streamed()).resolves.toMatchObject({ success: false, code: 'PERMISSION_DENIED' });
    await expect(streamed(minted(id, '1'))).resolves.toMatchObject({ success: true });
  });
});

describe('a gateway without a key', () => {
  const gateway = useGateway();

  test('gives no tokens and believes none', async () => {
    const id = await gateway.open({ hiddenPath: true });
    expect((await post(gateway, { activity_id: id, user_id: '1' }, {})).status).toBe(404);
    const refused = await gateway.buy({ activity_id: id, user_id: '1' }, { 'x-purchase-token': minted(id, '1') });
    expect(refused).toMatchObject({ status: 403, body: { code: 'PERMISSION_DENIED' } });
  });
});
