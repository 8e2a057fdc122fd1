import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { JWTPayload } from 'jose';
import type { UserId } from '@coupon/domain';
import { createAuthenticator } from './authenticator';
import { requireActsFor, requireMayRead, requireRole } from './identity';
import type { Identity } from './identity';

const SECRET = 'a-secret-of-thirty-two-bytes-or-more';
const key = new TextEncoder().encode(SECRET);

const sign = (payload: JWTPayload, secret = key): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(secret);
const bearer = async (payload: JWTPayload): Promise<string> => `Bearer ${await sign(payload)}`;
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

describe('mode jwt with a secret', () => {
  const authenticator = createAuthenticator({ mode: 'jwt', hs256Secret: SECRET });

  it('takes sub as the user and role as the role', async () => {
    await expect(authenticator.authenticate({ authorization: await bearer({ sub: '1001' }) })).resolves.toEqual({
      userId: '1001',
      role: 'user',
      subject: '1001',
      anyUser: false,
    });
    const operator = await authenticator.authenticate({
      authorization: await bearer({ sub: 'ops@shop', role: 'operator' }),
    });
    expect(operator).toMatchObject({ userId: null, role: 'operator', subject: 'ops@shop' });
  });

  it.each([
    ['a missing header', () => Promise.resolve(undefined)],
    ['another scheme', () => Promise.resolve('Basic dTpw')],
    ['garbage', () => Promise.resolve('Bearer x.y.z')],
    ['an expired token', () => bearer({ sub: '1', exp: inSeconds(-60) })],
    ['a token of the future', () => bearer({ sub: '1', nbf: inSeconds(60) })],
    ['another secret', async () => `Bearer ${await sign({ sub: '1' }, new TextEncoder().encode(`${SECRET}x`))}`],
    [
      'another algorithm with the right secret',
      async () => `Bearer ${await new SignJWT({ sub: '1' }).setProtectedHeader({ alg: 'HS512' }).sign(key)}`,
    ],
    ['no subject', () => bearer({})],
    ['a user whose subject is no id', () => bearer({ sub: 'bob' })],
    ['a role nobody knows, without a user id', () => bearer({ sub: 'bob', role: 'root' })],
    [
      'an unsigned token',
      () =>
        Promise.resolve(
          `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"1"}').toString('base64url')}.`,
        ),
    ],
  ])('refuses %s with UNAUTHENTICATED', async (_what, header) => {
    await expect(authenticator.authenticate({ authorization: await header() })).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  it('refuses to start with a short secret, with none, or with both kinds of key', () => {
    expect(() => createAuthenticator({ mode: 'jwt', hs256Secret: 'short' })).toThrow('at least 32 bytes');
    expect(() => createAuthenticator({ mode: 'jwt' })).toThrow('exactly one');
    expect(() => createAuthenticator({ mode: 'jwt', hs256Secret: SECRET, jwksUrl: 'http://x' })).toThrow('exactly one');
  });
});

describe('mode jwt with a key set', () => {
  let server: Server | undefined;

  async function serveKeys(body: () => string, status = 200): Promise<string> {
    server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body());
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  }

  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  it('accepts a token signed with a key of the set and refuses one signed with the set as HMAC secret', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
    const jwksUrl = await serveKeys(() => JSON.stringify({ keys: [jwk] }));
    const authenticator = createAuthenticator({ mode: 'jwt', jwksUrl });
    const token = await new SignJWT({ sub: '7' }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey);
    await expect(authenticator.authenticate({ authorization: `Bearer ${token}` })).resolves.toMatchObject({
      userId: '7',
    });
    await expect(authenticator.authenticate({ authorization: await bearer({ sub: '7' }) })).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  it.each(['RS256', 'RS384', 'PS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'])(
    'accepts %s tokens of its issuer for its audience, and no others',
    async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const jwksUrl = await serveKeys(() => JSON.stringify({ keys: [published] }));
      const published = { ...(await exportJWK(publicKey)), kid: 'k1', alg };
      const authenticator = createAuthenticator({ mode: 'jwt', jwksUrl, issuer: 'shop', audience: 'coupons' });
      const ask = async (claims: JWTPayload, damage = ''): Promise<string> => {
        const token = await new SignJWT(claims).setProtectedHeader({ alg, kid: 'k1' }).sign(privateKey);
        const damaged = damage === '' ? token : token.replace(/\.[\w-]{4}/, `.${damage}`);
        const identity = authenticator.authenticate({ authorization: `Bearer ${damaged}` });
        return identity.then(
          ({ subject }) => subject,
          (error: { cause: Error }) => error.cause.message,
        );
      };
      const good = { sub: '7', iss: 'shop', aud: 'coupons' };
      await expect(ask(good)).resolves.toBe('7');
      await expect(ask(good)).resolves.toBe('7');
      await expect(ask(good, 'eyJ7')).resolves.toBe('refused: signature');
      await expect(ask({ ...good, iss: 'other' })).resolves.toBe('refused: claims');
      await expect(ask({ ...good, aud: 'other' })).resolves.toBe('refused: claims');
      await expect(ask({ ...good, exp: inSeconds(-60) })).resolves.toBe('refused: expired');
      await expect(ask({ ...good, nbf: inSeconds(60) })).resolves.toBe('refused: not_yet_valid');
    },
  );

  it('answers NOT_READY, not UNAUTHENTICATED, when the key server is broken', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const token = await new SignJWT({ sub: '7' }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey);
    const jwksUrl = await serveKeys(() => 'oops', 500);
    for (const url of [jwksUrl, 'http://127.0.0.1:1/jwks.json']) {
      const authenticator = createAuthenticator({ mode: 'jwt', jwksUrl: url });
      await expect(authenticator.authenticate({ authorization: `Bearer ${token}` })).rejects.toMatchObject({
        code: 'NOT_READY',
      });
    }
  });
});

describe('mode none', () => {
  it('takes everybody for an admin who may act for any user', async () => {
    const authenticator = createAuthenticator({ mode: 'none', nodeEnv: 'development' });
    const identity = await authenticator.authenticate({});
    expect(identity).toMatchObject({ role: 'admin', anyUser: true });
    requireActsFor(identity, '7' as UserId);
  });

  it('is refused in production', () => {
    expect(() => createAuthenticator({ mode: 'none', nodeEnv: 'production' })).toThrow('refused');
  });
});

describe('mode edge', () => {
  const authenticator = createAuthenticator({ mode: 'edge', trustedProxies: ['10.0.0.0/8', '::1'] });
  const header = (name: string): string | undefined => ({ 'x-user-id': '7', 'x-user-role': 'operator' })[name];

  it.each(['10.1.2.3', '::ffff:10.1.2.3', '::1'])('believes the headers of the proxy %s', async (peerAddress) => {
    await expect(authenticator.authenticate({ peerAddress, header })).resolves.toMatchObject({
      userId: '7',
      role: 'operator',
    });
  });

  it.each(['11.0.0.1', '::ffff:11.0.0.1', '::2', undefined, 'unix:'])(
    'refuses the same headers from %s',
    async (peerAddress) => {
      await expect(authenticator.authenticate({ peerAddress, header })).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
      });
    },
  );

  it('refuses to start without a proxy', () => {
    expect(() => createAuthenticator({ mode: 'edge', trustedProxies: [] })).toThrow('proxies');
    expect(() => createAuthenticator({ mode: 'edge', trustedProxies: ['proxy.local'] })).toThrow('not an address');
  });
});

describe('what an identity may do', () => {
  const buyer: Identity = { userId: '7' as UserId, role: 'user', subject: '7', anyUser: false };
  const operator: Identity = { userId: null, role: 'operator', subject: 'ops', anyUser: false };
  const other = '8' as UserId;

  it('a user acts for and reads only itself', () => {
    requireActsFor(buyer, '7' as UserId);
    requireMayRead(buyer, '7' as UserId);
    expect(() => {
      requireActsFor(buyer, other);
    }).toThrow('not the caller');
    expect(() => {
      requireMayRead(buyer, other);
    }).toThrow('another user');
    expect(() => {
      requireRole(buyer, 'operator');
    }).toThrow('needs the role operator');
  });

  it('an operator reads everything but buys for nobody, and is no admin', () => {
    requireMayRead(operator, other);
    requireRole(operator, 'user');
    expect(() => {
      requireActsFor(operator, other);
    }).toThrow('not the caller');
    expect(() => {
      requireRole(operator, 'admin');
    }).toThrow('needs the role admin');
  });
});
