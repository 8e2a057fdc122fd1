import fc from 'fast-check';
import { SignJWT, createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import type { CryptoKey, JWK, JWTHeaderParameters, JWTPayload, JWTVerifyOptions } from 'jose';
import { TokenVerifier } from './token-verifier';
import type { ClaimChecks } from './token-verifier';
import { publicKey, secretKey } from './verification-keys';

const NOW_MS = 1_795_000_000_500;
const NOW_S = Math.floor(NOW_MS / 1_000);
const SEED = 20_261_121;
const SECRET = new TextEncoder().encode('a-secret-of-thirty-two-bytes-or-more');
const CHECKS: ClaimChecks = { clockToleranceS: 5, issuer: 'shop', audience: 'coupons' };
const OPTIONS: JWTVerifyOptions = {
  clockTolerance: 5,
  currentDate: new Date(NOW_MS),
  issuer: 'shop',
  audience: 'coupons',
};
const COMMON = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

interface Rig {
  readonly verifier: TokenVerifier;
  readonly byJose: (token: string) => Promise<JWTPayload | null>;
  readonly sign: (header: JWTHeaderParameters, claims: JWTPayload) => Promise<string>;
  readonly header: JWTHeaderParameters;
}

function secretRig(): Rig {
  return {
    verifier: new TokenVerifier([secretKey(SECRET)], CHECKS),
    byJose: (token) => payloadOf(jwtVerify(token, SECRET, { ...OPTIONS, algorithms: ['HS256'] })),
    sign: signWith(SECRET),
    header: { alg: 'HS256', typ: 'JWT' },
  };
}

/** One key per algorithm in the set, so that a mutated header can also point at another key. */
async function keySetRig(alg: (typeof COMMON)[number], keys: Awaited<ReturnType<typeof keyPairs>>): Promise<Rig> {
  const jwks = keys.map(({ jwk }) => jwk);
  const local = createLocalJWKSet({ keys: jwks });
  const algorithms = [...COMMON, 'Ed25519'];
  const pair = keys.find((key) => key.jwk.alg === alg);
  if (pair === undefined) throw new Error(alg);
  return {
    verifier: new TokenVerifier(
      jwks.map(publicKey).filter((key) => key !== null),
      CHECKS,
    ),
    byJose: (token) => payloadOf(jwtVerify(token, local, { ...OPTIONS, algorithms })),
    sign: signWith(pair.privateKey),
    header: { alg, kid: `kid-${alg}` },
  };
}

function keyPairs(): Promise<{ jwk: JWK; privateKey: CryptoKey }[]> {
  return Promise.all(
    COMMON.map(async (alg) => {
      const pair = await generateKeyPair(alg, { extractable: true });
      return { jwk: { ...(await exportJWK(pair.publicKey)), kid: `kid-${alg}`, alg }, privateKey: pair.privateKey };
    }),
  );
}

const signWith =
  (key: Uint8Array | CryptoKey) =>
  (header: JWTHeaderParameters, claims: JWTPayload): Promise<string> =>
    new SignJWT(claims).setProtectedHeader(header).sign(key);

async function payloadOf(verified: Promise<{ payload: JWTPayload }>): Promise<JWTPayload | null> {
  try {
    return (await verified).payload;
  } catch {
    return null;
  }
}

/** RFC 4648, section 3.5, by the definition: decoding and encoding again gives the same text. */
function isCanonical(token: string): boolean {
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

const near = fc.integer({ min: NOW_S - 8, max: NOW_S + 8 });
const past = fc.oneof({ weight: 3, arbitrary: fc.constant(NOW_S - 3_600) }, near);
const future = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(NOW_S + 3_600, 1e300) }, near);
const strange = fc.constantFrom<unknown>('1795000000', null, true, [], {}, -1, 0.5);
const claims = fc.record(
  {
    sub: fc.oneof(fc.constantFrom('1001', 'ops@shop', 'ü'), fc.string({ maxLength: 5, unit: 'binary' })),
    iss: fc.oneof({ weight: 19, arbitrary: fc.constant('shop') }, { weight: 1, arbitrary: strange }),
    aud: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom<unknown>('coupons', ['x', 'coupons'], ['coupons', 7]) },
      { weight: 1, arbitrary: fc.oneof(strange, fc.constant(['x'])) },
    ),
    exp: fc.oneof({ weight: 19, arbitrary: future }, { weight: 1, arbitrary: strange }),
    nbf: fc.oneof({ weight: 19, arbitrary: past }, { weight: 1, arbitrary: strange }),
    iat: fc.oneof({ weight: 19, arbitrary: past }, { weight: 1, arbitrary: strange }),
    role: fc.constantFrom('user', 'operator'),
  },
  { requiredKeys: ['iss', 'aud'] },
) as fc.Arbitrary<JWTPayload>;
const extraHeader = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Record<string, unknown>>(
      { kid: 'another' },
      { kid: 7 },
      { typ: 'at+jwt' },
      { b64: false },
      { x5c: [], jwk: {} },
    ),
  },
);

type Mutation = (token: string) => string;

const CHARACTERS = [...'ABCDwxyz0189-_.=+/ ~\né'];
/** Small damage anywhere, parts moved, repeated, emptied, and headers that claim something else over the same signature. */
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Mutation>((token) => token) },
  fc.tuple(fc.nat(), fc.constantFrom(...CHARACTERS)).map<Mutation>(([at, char]) => (token) => {
    const index = at % token.length;
    return token.slice(0, index) + char + token.slice(index + 1);
  }),
  // The last characters carry the bits that decoding ignores.
  fc.tuple(fc.nat({ max: 2 }), fc.constantFrom(...CHARACTERS)).map<Mutation>(([part, char]) => (token) => {
    const parts = token.split('.');
    parts[part] = `${parts[part]?.slice(0, -1) ?? ''}${char}`;
    return parts.join('.');
  }),
  fc.tuple(fc.nat(), fc.nat({ max: 3 })).map<Mutation>(([at, count]) => (token) => {
    const index = at % token.length;
    return token.slice(0, index) + token.slice(index + count);
  }),
  fc.tuple(fc.nat(), fc.constantFrom(...CHARACTERS)).map<Mutation>(([at, char]) => (token) => {
    const index = at % (token.length + 1);
    return token.slice(0, index) + char + token.slice(index);
  }),
  fc.constantFrom<Mutation>(
    (token) => `${token}.`,
    (token) => token.split('.').slice(0, 2).join('.'),
    (token) => token.split('.').reverse().join('.'),
    (token) => `${token.split('.').slice(0, 2).join('.')}.`,
    (token) => token.replace(/^[^.]*/, ''),
    (token) => token.replace(/\.[^.]*\./, '..'),
    () => '',
  ),
  fc
    .constantFrom('none', 'HS256', 'hs256', 'RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519', '', 7, null)
    .map<Mutation>((alg) => (token) => token.replace(/^[^.]*/, encoded({ alg, kid: `kid-${String(alg)}` }))),
  fc
    .constantFrom<unknown>([], null, 'x', 1, { alg: 'HS256', crit: [] }, { alg: 'RS256' }, {})
    .map<Mutation>((header) => (token) => token.replace(/^[^.]*/, encoded(header))),
);

/** The claims of an accepted token. */
async function decide(verifier: TokenVerifier, token: string): Promise<JWTPayload | null> {
  const first = verifier.verify(token, NOW_MS);
  const verdict = first.kind === 'unsigned' ? await first.finish() : first;
  return verdict.kind === 'verified' ? verdict.claims : null;
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

async function sameVerdicts(rig: Rig, runs: number): Promise<{ accepted: number; refused: number }> {
  const count = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      claims,
      extraHeader,
      fc.array(mutation, { minLength: 1, maxLength: 2 }),
      async (given, extra, ms) => {
        const signed = await rig.sign({ ...rig.header, ...extra }, given);
        const token = ms.reduce((text, mutate) => mutate(text), signed);
        const expected = isCanonical(token) ? await rig.byJose(token) : null;
        expect(await decide(rig.verifier, token)).toEqual(expected);
        count[expected === null ? 'refused' : 'accepted'] += 1;
      },
    ),
    { seed: SEED, numRuns: runs },
  );
  return count;
}

describe('the verifier decides as jose does', () => {
  let keys: Awaited<ReturnType<typeof keyPairs>>;

  beforeAll(async () => {
    keys = await keyPairs();
  });

  it('HS256', async () => {
    const { accepted, refused } = await sameVerdicts(secretRig(), 4_000);
    expect(accepted).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(500);
  });

  it.each(COMMON)('%s, with a key of each kind in the set', async (alg) => {
    const { accepted, refused } = await sameVerdicts(await keySetRig(alg, keys), 800);
    expect(accepted).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(100);
  });

  it('whatever the set says or leaves out about its keys', async () => {
    const rsa = await generateKeyPair('RS256', { extractable: true });
    const [rsaJwk, ecJwk] = [await exportJWK(rsa.publicKey), keys.find(({ jwk }) => jwk.kty === 'EC')?.jwk ?? {}];
    const members: JWK[] = [{}, { kid: 'a' }, { alg: 'PS256' }, { use: 'enc' }, { use: 'sig' }, { key_ops: ['sign'] }];
    const given = { sub: '1', iss: 'shop', aud: 'coupons' };
    const tokens = await Promise.all(
      [{}, { kid: 'a' }].map((kid) => signWith(rsa.privateKey)({ alg: 'RS256', ...kid }, given)),
    );
    let accepted = 0;
    for (const first of members) {
      for (const second of [null, { ...ecJwk, kid: 'a' }, { ...rsaJwk, kid: 'b' }, { ...rsaJwk, kid: 'a' }]) {
        const jwks = [{ ...rsaJwk, ...first }, ...(second === null ? [] : [second])];
        const verifier = new TokenVerifier(
          jwks.map(publicKey).filter((key) => key !== null),
          CHECKS,
        );
        for (const token of tokens) {
          const expected = await payloadOf(jwtVerify(token, createLocalJWKSet({ keys: jwks }), OPTIONS));
          expect(await decide(verifier, token)).toEqual(expected);
          if (expected !== null) accepted += 1;
        }
      }
    }
    expect(accepted).toBeGreaterThan(10);
    expect(accepted).toBeLessThan(38);
  });

  it('payloads that are signed but no claims', async () => {
    const rig = secretRig();
    const { createHmac } = await import('node:crypto');
    const bytes = [
      '{"iss":"shop","aud":"coupons","sub":"1","sub":"2"}',
      '\ufeff{"iss":"shop","aud":"coupons"}',
      '{"iss":"shop","aud":"coupons","__proto__":{"sub":"1"}}',
      '{"iss":"shop","aud":"coupons","exp":1e999}',
      '["shop"]',
      'null',
      '"shop"',
      '{"iss":"shop","aud":"coupons"',
      ' {"iss":"shop","aud":"coupons"} ',
    ].map((text) => Buffer.from(text));
    bytes.push(Buffer.from([...Buffer.from('{"iss":"shop","aud":"coupons","sub":"'), 0xff, 0x22, 0x7d]));
    for (const payload of bytes) {
      const input = `${encoded({ alg: 'HS256' })}.${payload.toString('base64url')}`;
      const token = `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
      expect(await decide(rig.verifier, token)).toEqual(await rig.byJose(token));
    }
  });
});

describe('what the verifier leaves to others', () => {
  it('says which key an uncommon algorithm or a critical header parameter needs', async () => {
    const { publicKey: generated, privateKey } = await generateKeyPair('RS384', { extractable: true });
    const key = publicKey({ ...(await exportJWK(generated)), kid: 'k1' });
    if (key === null) throw new Error('no key');
    const verifier = new TokenVerifier([key], CHECKS);
    const sign = signWith(privateKey);
    const token = await sign({ alg: 'RS384', kid: 'k1' }, { sub: '1' });
    expect(verifier.verify(token, NOW_MS)).toEqual({ kind: 'uncommon', key });
    const critical = `${encoded({ alg: 'RS256', kid: 'k1', crit: ['b64'], b64: true })}.e30.AA`;
    expect(verifier.verify(critical, NOW_MS)).toEqual({ kind: 'uncommon', key });
  });

  it('tells a key that is not there from a signature that is wrong', async () => {
    const verifier = new TokenVerifier([], CHECKS);
    expect(verifier.verify(`${encoded({ alg: 'RS256', kid: 'k1' })}.e30.AA`, NOW_MS)).toEqual({ kind: 'unknown_key' });
    expect(verifier.verify(`${encoded({ alg: 'HS256' })}.e30.AA`, NOW_MS)).toMatchObject({ reason: 'algorithm' });
    const forged = `${encoded({ alg: 'HS256' })}.${encoded({ iss: 'shop', aud: 'coupons' })}.AA`;
    expect(secretRig().verifier.verify(forged, NOW_MS)).toMatchObject({ reason: 'signature' });
  });
});

describe('keys that no token can use', () => {
  it('are private, symmetric, short or broken', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    expect(publicKey(await exportJWK(privateKey))).toBeNull();
    expect(publicKey({ kty: 'oct', k: 'AAAA' })).toBeNull();
    expect(publicKey({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' })).toBeNull();
    const { generateKeyPairSync } = await import('node:crypto');
    const short = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' });
    expect(publicKey(short as JWK)).toBeNull();
  });
});
