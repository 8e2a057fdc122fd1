import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { JWTPayload } from 'jose';
import { Registry } from 'prom-client';
import { errorBodyText, toErrorReply } from '../http/error-reply';
import { registerAuthMetrics } from './auth-statistics';
import { createAuthenticator } from './authenticator';
import type { Authenticator } from './authenticator';

const SECRET = 'a-secret-of-thirty-two-bytes-or-more';
const key = new TextEncoder().encode(SECRET);

const sign = (payload: JWTPayload): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(key);
const bearer = async (payload: JWTPayload): Promise<string> => `Bearer ${await sign(payload)}`;

describe('the way of a hot route', () => {
  const START_MS = 1_795_000_000_000;
  const seconds = START_MS / 1_000;
  let nowMs = START_MS;
  const make = (): Authenticator =>
    createAuthenticator({ mode: 'jwt', hs256Secret: SECRET }, { clock: { nowMs: () => nowMs } });

  beforeEach(() => {
    nowMs = START_MS;
  });

  it('knows a token it has verified, without a promise', async () => {
    const authenticator = make();
    const header = await bearer({ sub: '7' });
    expect(authenticator.cached(header)).toBeUndefined();
    expect(authenticator.authenticateNow(header)).toMatchObject({ userId: '7' });
    expect(authenticator.cached(header)).toMatchObject({ userId: '7' });
    expect(authenticator.authenticateNow(header)).toBe(authenticator.cached(header));
    expect(authenticator.statistics.read()).toMatchObject({ verified: 1, hits: 3, cache: { entries: 1 } });
  });

  it('answers from memory never past exp, and after it only within the tolerance of the clocks', async () => {
    const authenticator = make();
    const header = await bearer({ sub: '7', exp: seconds + 60 });
    authenticator.authenticateNow(header);
    nowMs = START_MS + 59_999;
    expect(authenticator.cached(header)).toBeDefined();
    nowMs = START_MS + 60_000;
    expect(authenticator.cached(header)).toBeUndefined();
    expect(authenticator.authenticateNow(header)).toMatchObject({ userId: '7' });
    expect(authenticator.cached(header)).toBeUndefined();
    nowMs = START_MS + 65_000;
    expect(authenticator.authenticateNow(header)).toBe('expired');
  });

  it('honours nbf also when the clock is set back', async () => {
    const authenticator = make();
    const header = await bearer({ sub: '7', nbf: seconds });
    expect(authenticator.authenticateNow(header)).toMatchObject({ userId: '7' });
    nowMs = START_MS - 5_000;
    expect(authenticator.cached(header)).toBeDefined();
    nowMs = START_MS - 5_001;
    expect(authenticator.cached(header)).toBeUndefined();
    expect(authenticator.authenticateNow(header)).toBe('not_yet_valid');
  });

  it('verifies a token without exp again after five minutes', async () => {
    const authenticator = make();
    const header = await bearer({ sub: '7' });
    authenticator.authenticateNow(header);
    nowMs = START_MS + 299_999;
    expect(authenticator.cached(header)).toBeDefined();
    nowMs = START_MS + 300_000;
    expect(authenticator.cached(header)).toBeUndefined();
  });

  it('remembers one spelling per token, and nothing that was refused', async () => {
    const authenticator = make();
    const token = await sign({ sub: '7' });
    for (const header of [`bearer ${token}`, `BEARER ${token}`, `Bearer  ${token}`]) {
      expect(authenticator.authenticateNow(header)).toMatchObject({ userId: '7' });
    }
    for (const header of [`Bearer ${token}x`, await bearer({ sub: 'bob' }), 'Bearer a.b.c']) {
      expect(typeof authenticator.authenticateNow(header)).toBe('string');
    }
    expect(authenticator.statistics.read().cache.entries).toBe(0);
  });

  it('agrees with itself at any time and for any lifetime, remembered or not', async () => {
    const warm = make();
    const offset = fc.integer({ min: -400, max: 400 });
    const lifetimes = fc.record({
      nbf: fc.option(offset, { nil: undefined }),
      exp: fc.option(offset, { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(lifetimes, fc.array(offset, { minLength: 1, maxLength: 6 }), async ({ nbf, exp }, moments) => {
        const header = await bearer({
          sub: '7',
          ...(nbf === undefined ? {} : { nbf: seconds + nbf }),
          ...(exp === undefined ? {} : { exp: seconds + exp }),
        });
        for (const moment of moments) {
          nowMs = START_MS + moment * 1_000 + 500;
          expect(warm.authenticateNow(header)).toEqual(make().authenticateNow(header));
        }
      }),
      { seed: 20_261_121, numRuns: 500 },
    );
  });

  it('says why it refuses, for the counters', async () => {
    const authenticator = make();
    const cases: [string | undefined, string][] = [
      [undefined, 'missing'],
      ['Basic dTpw', 'malformed'],
      ['Bearer x.y.z', 'malformed'],
      [await bearer({ sub: '1', exp: seconds - 60 }), 'expired'],
      [await bearer({ sub: '1', nbf: seconds + 60 }), 'not_yet_valid'],
      [await bearer({ sub: '1', iat: 'x' } as never), 'claims'],
      [await bearer({ sub: 'bob' }), 'subject'],
      [await bearer({ sub: 7 } as never), 'subject'],
      [`${(await bearer({ sub: '1' })).slice(0, -4)}AAAA`, 'signature'],
      [`Bearer ${await new SignJWT({ sub: '1' }).setProtectedHeader({ alg: 'HS512' }).sign(key)}`, 'algorithm'],
    ];
    for (const [header, reason] of cases) expect(authenticator.authenticateNow(header)).toBe(reason);
    const expected: Record<string, number> = {};
    for (const [, reason] of cases) expected[reason] = (expected[reason] ?? 0) + 1;
    expect(authenticator.statistics.read().refused).toMatchObject(expected);
    const registry = new Registry();
    registerAuthMetrics(registry, authenticator.statistics);
    await expect(registry.metrics()).resolves.toContain('auth_refused_total{reason="subject"} 2');
  });

  it('tells the caller nothing of that: one body for every refusal', async () => {
    const authenticator = make();
    const edge = createAuthenticator({ mode: 'edge', trustedProxies: ['10.0.0.1'] });
    const expired = await bearer({ sub: '1', exp: seconds - 60 });
    const refusals = [
      ...[undefined, 'Bearer x', expired, await bearer({ sub: 'bob' })].map((authorization) =>
        authenticator.authenticate({ authorization }),
      ),
      edge.authenticate({ peerAddress: '11.0.0.1' }),
    ];
    const bodies = await Promise.all(
      refusals.map((refusal) => refusal.then(String, (error: unknown) => errorBodyText(toErrorReply(error).body))),
    );
    expect(new Set(bodies)).toEqual(
      new Set(['{"success":false,"code":"UNAUTHENTICATED","message":"authentication failed"}']),
    );
    await expect(authenticator.authenticate({ authorization: expired })).rejects.toMatchObject({
      cause: { message: 'refused: expired' },
    });
  });

  it('leaves a header with critical parameters to jose', async () => {
    const header = Buffer.from('{"alg":"HS256","crit":["b64"],"b64":true}').toString('base64url');
    const input = `${header}.${Buffer.from('{"sub":"7"}').toString('base64url')}`;
    const authorization = `Bearer ${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    expect(make().authenticateNow(authorization)).toBeUndefined();
    await expect(make().authenticate({ authorization })).resolves.toMatchObject({ userId: '7' });
    await expect(make().authenticate({ authorization: `${authorization.slice(0, -4)}AAAA` })).rejects.toMatchObject({
      cause: { message: 'refused: signature' },
    });
  });

  it('leaves the uncommon algorithm to jose, on the same clock', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES384', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1' };
    nowMs = 1_000_000_000_000;
    const authenticator = createAuthenticator(
      { mode: 'jwt', jwksUrl: 'http://keys.test' },
      { clock: { nowMs: () => nowMs }, fetch: () => Promise.resolve(Response.json({ keys: [jwk] })) },
    );
    const claims = { sub: '7', exp: 1_000_000_060 };
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES384', kid: 'k1' }).sign(privateKey);
    const authorization = `Bearer ${token}`;
    await expect(authenticator.authenticate({ authorization })).resolves.toMatchObject({ userId: '7' });
    expect(authenticator.cached(authorization)).toMatchObject({ userId: '7' });
    nowMs += 66_000;
    await expect(authenticator.authenticate({ authorization })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('checks a bounded number of signatures at once, and refuses the rest as overload', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1' };
    const authenticator = createAuthenticator(
      { mode: 'jwt', jwksUrl: 'http://keys.test' },
      { fetch: () => Promise.resolve(Response.json({ keys: [jwk] })) },
    );
    const token = await new SignJWT({ sub: '7' }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey);
    const ask = (signature?: string): Promise<string> =>
      authenticator
        .authenticate({
          authorization: `Bearer ${signature === undefined ? token : token.replace(/[^.]*$/, signature)}`,
        })
        .then(
          ({ subject }) => subject,
          (error: { code: string }) => error.code,
        );
    const forged = Buffer.alloc(64, 1).toString('base64url');
    await expect(ask()).resolves.toBe('7');
    const answers = await Promise.all(Array.from({ length: 1_050 }, () => ask(forged)));
    expect(answers.filter((answer) => answer === 'UNAUTHENTICATED')).toHaveLength(1_000);
    expect(answers.filter((answer) => answer === 'OVERLOADED')).toHaveLength(50);
    await expect(ask(forged)).resolves.toBe('UNAUTHENTICATED');
    await expect(ask()).resolves.toBe('7');
  });
});
