import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Metadata } from '@grpc/grpc-js';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWK, JWTPayload } from 'jose';
import { callUnary } from '@coupon/service-kit';
import { useGateway } from './fixture';
import type { Answer } from './fixture';

const SECRET = 'a secret of at least thirty-two bytes';
const secret = new TextEncoder().encode(SECRET);
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

async function bearer(claims: JWTPayload, key: Uint8Array = secret): Promise<string> {
  return `Bearer ${await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(key)}`;
}

describe('with a secret', () => {
  const gateway = useGateway(() => ({ AUTH_MODE: 'jwt', AUTH_HS256_SECRET: SECRET }));
  const buy = (activityId: string, userId: string, authorization?: string): Promise<Answer> =>
    gateway.buy({ activity_id: activityId, user_id: userId }, authorization === undefined ? {} : { authorization });

  test('a buyer buys for itself, with a token that is new and with one that is known', async () => {
    const activityId = await gateway.open({ total: 5 });
    const mine = await bearer({ sub: '1', exp: inSeconds(60) });
    expect((await buy(activityId, '1', mine)).status).toBe(200);
    expect(await buy(activityId, '1', mine)).toMatchObject({ status: 200, body: { replayed: true } });
    expect(await buy(activityId, '2', mine)).toMatchObject({
      status: 403,
      body: { code: 'PERMISSION_DENIED', details: { field: 'user_id' } },
    });
    expect((await buy(activityId, '2', await bearer({ sub: '2' }))).status).toBe(200);
    const operator = await bearer({ sub: 'ops', role: 'operator' });
    expect((await buy(activityId, '3', operator)).status).toBe(403);
  });

  test('every refusal is the same, and the reasons are counted', async () => {
    const activityId = await gateway.open();
    const refused = [
      undefined,
      'Bearer x',
      await bearer({ sub: '1', exp: inSeconds(-60) }),
      await bearer({ sub: '1' }, new TextEncoder().encode(`${SECRET}!`)),
      await bearer({ sub: 'bob' }),
    ];
    const answers = await Promise.all(refused.map((header) => buy(activityId, '1', header)));
    const expected = { success: false, code: 'UNAUTHENTICATED', message: 'authentication failed' };
    expect(answers.map(({ status, body }) => ({ status, body }))).toEqual(
      refused.map(() => ({ status: 401, body: expected })),
    );
    const paths = [`/api/v1/seckill/stats/${activityId}`, `/api/v1/seckill/purchased/${activityId}/1`];
    for (const path of paths) expect(await gateway.get(path)).toMatchObject({ status: 401, body: expected });
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    for (const reason of ['malformed', 'expired', 'signature', 'subject']) {
      expect(metrics).toMatch(new RegExp(`auth_refused_total\\{reason="${reason}",.*\\} 1`));
    }
  });

  test('the numbers of the service are for operators', async () => {
    const stats = async (claims: JWTPayload): Promise<number> =>
      (await gateway.get('/api/v1/system/stats', { authorization: await bearer(claims) })).status;
    expect(await stats({ sub: '1' })).toBe(403);
    expect(await stats({ sub: 'ops', role: 'operator' })).toBe(200);
    expect(await stats({ sub: 'root', role: 'admin' })).toBe(200);
  });

  test('gRPC asks for the same', async () => {
    const activityId = await gateway.open({ total: 5 });
    const claim = (userId: string, authorization?: string): Promise<unknown> =>
      callUnary(
        gateway.client.flashSaleCoupon.bind(gateway.client),
        { activityId, userId, clientIp: '' },
        { deadlineMs: 5_000, ...(authorization === undefined ? {} : { authorization }) },
      );
    const mine = await bearer({ sub: '1' });
    await expect(claim('1')).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message: 'authentication failed' });
    await expect(claim('1', mine)).resolves.toMatchObject({ success: true });
    await expect(claim('2', mine)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    const open = async (authorization?: string): Promise<unknown> => {
      const metadata = new Metadata();
      if (authorization !== undefined) metadata.set('authorization', authorization);
      const stream = gateway.client.flashSaleCouponStream(metadata);
      return new Promise((resolve, reject) => {
        stream.on('data', resolve);
        stream.on('error', reject);
        stream.end({ activityId, userId: '1', clientIp: '', requestId: 'r' });
      });
    };
    await expect(open(mine)).resolves.toMatchObject({ success: true, replayed: true });
    await expect(open()).rejects.toMatchObject({ details: 'authentication failed' });
  });
});

describe('with a key set', () => {
  let keys: { jwk: JWK; privateKey: CryptoKey }[] = [];
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  });

  beforeAll(async () => {
    keys = [await signer('2026-1')];
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const gateway = useGateway(() => ({
    AUTH_MODE: 'jwt',
    AUTH_JWKS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
  }));

  async function signer(kid: string): Promise<{ jwk: JWK; privateKey: CryptoKey }> {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    return { jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }, privateKey };
  }

  test('buyers come with its tokens, the first of them before the keys are there', async () => {
    const activityId = await gateway.open({ total: 20 });
    const [key] = keys;
    if (key === undefined) throw new Error('no key');
    const headers = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const token = new SignJWT({ sub: String(index + 1) }).setProtectedHeader({ alg: 'RS256', kid: '2026-1' });
        return { authorization: `Bearer ${await token.sign(key.privateKey)}` };
      }),
    );
    const buyAll = (): Promise<Answer[]> =>
      Promise.all(headers.map((header, i) => gateway.buy({ activity_id: activityId, user_id: String(i + 1) }, header)));
    expect((await buyAll()).map(({ status, body }) => [status, body.replayed])).toEqual(
      headers.map(() => [200, false]),
    );
    expect((await buyAll()).map(({ status, body }) => [status, body.replayed])).toEqual(headers.map(() => [200, true]));
    const forged = await bearer({ sub: '1' });
    expect((await gateway.buy({ activity_id: activityId, user_id: '1' }, { authorization: forged })).status).toBe(401);
  });
});
