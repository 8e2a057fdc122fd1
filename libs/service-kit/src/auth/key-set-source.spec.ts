import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { createAuthenticator } from './authenticator';
import type { Authenticator } from './authenticator';
import { KEY_SET_TIMES } from './key-set-source';

const START_MS = 1_795_000_000_000;
const MINUTE_MS = 60_000;

interface Signer {
  readonly jwk: JWK;
  readonly privateKey: CryptoKey;
}

async function signer(kid: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' }, privateKey };
}

async function bearer({ jwk, privateKey }: Signer, sub = '7', kid = jwk.kid ?? ''): Promise<string> {
  const token = await new SignJWT({ sub }).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
  return `Bearer ${token}`;
}

/** A key server and a clock of the test's own. */
class Rig {
  nowMs = START_MS;
  keys: readonly JWK[] = [];
  /** What the server does instead of answering with the keys. */
  broken: (() => Promise<Response>) | null = null;
  fetches = 0;
  readonly failures: unknown[] = [];
  readonly authenticator: Authenticator = createAuthenticator(
    { mode: 'jwt', jwksUrl: 'http://keys.test/jwks.json' },
    {
      clock: { nowMs: () => this.nowMs },
      onKeySetFailure: (error) => this.failures.push(error),
      fetch: () => {
        this.fetches += 1;
        return this.broken?.() ?? Promise.resolve(Response.json({ keys: this.keys }));
      },
    },
  );

  async ask(authorization: string): Promise<string> {
    try {
      return (await this.authenticator.authenticate({ authorization })).subject;
    } catch (error) {
      return (error as { code: string }).code;
    }
  }
}

const down = (): Promise<Response> => Promise.reject(new TypeError('connection refused'));
/** A fetch that nobody waits for has come to its end. */
async function fetchedTimes(rig: Rig, times: number): Promise<void> {
  for (let turn = 0; turn < 10_000; turn += 1) {
    if (rig.authenticator.statistics.read().key_fetches.succeeded === times) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`not fetched ${times} times`);
}

describe('the keys of a key set', () => {
  let [a, b]: Signer[] = [];
  let [byA, byB] = ['', ''];

  beforeAll(async () => {
    [a, b] = await Promise.all([signer('a'), signer('b')]);
    [byA, byB] = await Promise.all([bearer(a), bearer(b, '8')]);
  });

  const rigWith = (...signers: (Signer | undefined)[]): Rig => {
    const rig = new Rig();
    rig.keys = signers.map((one) => (one as Signer).jwk);
    return rig;
  };

  it('are fetched once for requests that come together, and then not again', async () => {
    const rig = rigWith(a);
    await expect(Promise.all([rig.ask(byA), rig.ask(byA), rig.ask(byB)])).resolves.toEqual([
      '7',
      '7',
      'UNAUTHENTICATED',
    ]);
    await rig.ask(byA);
    expect(rig.fetches).toBe(1);
  });

  it('are fetched again for a key that is not among them, at most once per cooldown', async () => {
    const rig = rigWith(a);
    await rig.ask(byA);
    rig.keys = [(a as Signer).jwk, (b as Signer).jwk];
    rig.nowMs += KEY_SET_TIMES.unknownKeyCooldownMs - 1;
    await expect(rig.ask(byB)).resolves.toBe('UNAUTHENTICATED');
    expect(rig.fetches).toBe(1);
    rig.nowMs += 1;
    await expect(Promise.all([rig.ask(byB), rig.ask(byB)])).resolves.toEqual(['8', '8']);
    for (let i = 0; i < 50; i += 1) {
      await expect(rig.ask(await bearer(a as Signer, '7', `invented-${i}`))).resolves.toBe('UNAUTHENTICATED');
    }
    expect(rig.fetches).toBe(2);
  });

  it("that leave the set take every token with them, cached or not, within the set's age", async () => {
    const rig = rigWith(a, b);
    await rig.ask(byA);
    await rig.ask(byB);
    rig.keys = [(b as Signer).jwk];
    rig.nowMs += KEY_SET_TIMES.maxAgeMs - 1;
    expect(rig.authenticator.cached(byA)?.subject).toBe('7');
    await fetchedTimes(rig, 2);
    expect(rig.authenticator.cached(byA)).toBeUndefined();
    await expect(rig.ask(byA)).resolves.toBe('UNAUTHENTICATED');
    expect(rig.authenticator.cached(byB)?.subject).toBe('8');
  });

  it('are waited for when nobody asked for so long that the set is too old', async () => {
    const rig = rigWith(a);
    await rig.ask(byA);
    rig.keys = [];
    rig.nowMs += KEY_SET_TIMES.maxAgeMs;
    expect(rig.authenticator.cached(byA)).toBeUndefined();
    expect(rig.authenticator.authenticateNow(byA)).toBeUndefined();
    await expect(rig.ask(byA)).resolves.toBe('UNAUTHENTICATED');
  });

  it('replaced under the same key id do not vouch for the old tokens', async () => {
    const rig = rigWith(a);
    await rig.ask(byA);
    const other = await signer('a');
    rig.keys = [other.jwk];
    rig.nowMs += KEY_SET_TIMES.maxAgeMs;
    await expect(rig.ask(await bearer(other, '9'))).resolves.toBe('9');
    expect(rig.authenticator.cached(byA)).toBeUndefined();
    await expect(rig.ask(byA)).resolves.toBe('UNAUTHENTICATED');
  });

  it('are used while the key server fails, without waiting for it, but not beyond the bound', async () => {
    const rig = rigWith(a);
    await rig.ask(byA);
    rig.broken = down;
    for (let minutes = 1; minutes < 60; minutes += 1) {
      rig.nowMs = START_MS + minutes * MINUTE_MS;
      await expect(rig.ask(await bearer(a as Signer, String(100 + minutes)))).resolves.toBe(String(100 + minutes));
    }
    rig.broken = () => new Promise(() => undefined);
    rig.nowMs = START_MS + 59.5 * MINUTE_MS;
    await expect(rig.ask(byA)).resolves.toBe('7');
    rig.nowMs = START_MS + KEY_SET_TIMES.maxStaleMs;
    expect(rig.authenticator.cached(byA)).toBeUndefined();
    expect(rig.failures.length).toBeGreaterThan(10);
    expect(rig.authenticator.statistics.read().key_fetches.failed).toBe(rig.failures.length);
  });

  it('are NOT_READY beyond that bound and when they were never there, until the server answers', async () => {
    const rig = rigWith(a);
    rig.broken = down;
    await expect(rig.ask(byA)).resolves.toBe('NOT_READY');
    await expect(rig.ask(byA)).resolves.toBe('NOT_READY');
    expect(rig.fetches).toBe(1);
    rig.nowMs += KEY_SET_TIMES.retryMs;
    rig.broken = null;
    await expect(rig.ask(byA)).resolves.toBe('7');
    await expect(rig.ask(byB)).resolves.toBe('UNAUTHENTICATED');
    rig.broken = down;
    rig.nowMs += KEY_SET_TIMES.maxStaleMs;
    await expect(rig.ask(byA)).resolves.toBe('NOT_READY');
  });

  it('are NOT_READY, not refused, for an unknown key id while the server fails', async () => {
    const rig = rigWith(a);
    await rig.ask(byA);
    rig.broken = down;
    rig.nowMs += KEY_SET_TIMES.unknownKeyCooldownMs;
    await expect(rig.ask(byB)).resolves.toBe('NOT_READY');
    await expect(rig.ask(byA)).resolves.toBe('7');
  });

  it.each<[string, () => Promise<Response>]>([
    ['another status', () => Promise.resolve(Response.json({ keys: [] }, { status: 500 }))],
    ['a redirect', () => Promise.resolve(new Response(null, { status: 302 }))],
    ['no JSON', () => Promise.resolve(new Response('oops'))],
    ['no key set', () => Promise.resolve(Response.json({ keys: 'none' }))],
    ['an endless answer', () => Promise.resolve(new Response(`{"keys":[],"x":"${'x'.repeat(2 * 1024 * 1024)}"}`))],
  ])('are not there when the server answers with %s', async (_what, broken) => {
    const rig = rigWith(a);
    rig.broken = broken;
    await expect(rig.ask(byA)).resolves.toBe('NOT_READY');
    expect(rig.failures).toHaveLength(1);
  });

  it('are skipped one by one when this service cannot use them', async () => {
    const rig = rigWith(a);
    rig.keys = [{ kty: 'oct', k: 'AAAA', kid: 'a' }, { kty: 'future' }, ...rig.keys];
    await expect(rig.ask(byA)).resolves.toBe('7');
  });
});
