import { createPublicKey, createSecretKey } from 'node:crypto';
import type { KeyObject, webcrypto } from 'node:crypto';
import type { JWK } from 'jose';
import { HmacSha256 } from './hmac-sha256';

interface Algorithm {
  readonly kty: 'oct' | 'RSA' | 'EC' | 'OKP';
  readonly crv?: string;
}

/** Every algorithm a token may name, and the kind of key it needs. */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['HS256', { kty: 'oct' }],
  ['RS256', { kty: 'RSA' }],
  ['RS384', { kty: 'RSA' }],
  ['RS512', { kty: 'RSA' }],
  ['PS256', { kty: 'RSA' }],
  ['PS384', { kty: 'RSA' }],
  ['PS512', { kty: 'RSA' }],
  ['ES256', { kty: 'EC', crv: 'P-256' }],
  ['ES384', { kty: 'EC', crv: 'P-384' }],
  ['ES512', { kty: 'EC', crv: 'P-521' }],
  ['EdDSA', { kty: 'OKP', crv: 'Ed25519' }],
  ['Ed25519', { kty: 'OKP', crv: 'Ed25519' }],
]);
const MIN_RSA_BITS = 2_048;

/** A key that tokens are verified with. Its material never changes; it ends by being retired. */
export interface VerificationKey {
  readonly keyObject: KeyObject;
  readonly jwk: JWK;
  /** Of a secret only. */
  readonly hmac?: HmacSha256;
  /** The same key for Web Cryptography, by algorithm, made when first used. */
  readonly cryptoKeys: Map<string, webcrypto.CryptoKey>;
  /** True as soon as the key set is known without it. */
  retired: boolean;
}

export function isKnownAlgorithm(alg: unknown): alg is string {
  return typeof alg === 'string' && ALGORITHMS.has(alg);
}

export function secretKey(secret: Uint8Array): VerificationKey {
  return {
    keyObject: createSecretKey(secret),
    jwk: { kty: 'oct', alg: 'HS256' },
    hmac: new HmacSha256(secret),
    cryptoKeys: new Map(),
    retired: false,
  };
}

/**
 * A public key out of a key set; null for one that no token can use: another kind, a short RSA key, a private key that should not be there.
 */
export function publicKey(jwk: JWK): VerificationKey | null {
  if (jwk.kty === 'oct' || jwk.d !== undefined) return null;
  try {
    const keyObject = createPublicKey({ key: jwk, format: 'jwk' });
    const bits = keyObject.asymmetricKeyDetails?.modulusLength;
    if (keyObject.asymmetricKeyType === 'rsa' && (bits === undefined || bits < MIN_RSA_BITS)) return null;
    return { keyObject, jwk, cryptoKeys: new Map(), retired: false };
  } catch {
    return null;
  }
}

/** The one key a token's header points at, by the rules of RFC 7517 (use, key_ops, alg, kid); undefined for none and for several. */
export function selectKey(
  keys: readonly VerificationKey[],
  header: { readonly alg: string; readonly kid?: unknown },
): VerificationKey | undefined {
  const algorithm = ALGORITHMS.get(header.alg);
  if (algorithm === undefined) return undefined;
  let found: VerificationKey | undefined;
  for (const key of keys) {
    if (!fits(key.jwk, algorithm, header)) continue;
    if (found !== undefined) return undefined;
    found = key;
  }
  return found;
}

function fits(jwk: JWK, algorithm: Algorithm, { alg, kid }: { alg: string; kid?: unknown }): boolean {
  return (
    jwk.kty === algorithm.kty &&
    (algorithm.crv === undefined || jwk.crv === algorithm.crv) &&
    // A secret is the only key there is; kid tells keys of a set apart.
    (kid === undefined || jwk.kty === 'oct' || kid === jwk.kid) &&
    (jwk.alg === undefined || jwk.alg === alg) &&
    (jwk.use === undefined || jwk.use === 'sig') &&
    (jwk.key_ops === undefined || (Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
  );
}
