import { webcrypto } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { AuthRefusal } from './auth-refusal';
import { SignatureThread } from './signature-thread';
import { isKnownAlgorithm, selectKey } from './verification-keys';
import type { VerificationKey } from './verification-keys';

/** Beyond what jose demands of every token. */
export interface ClaimChecks {
  /** Seconds by which clocks may differ. */
  readonly clockToleranceS: number;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

export type Verdict =
  | { readonly kind: 'verified'; readonly claims: JWTPayload; readonly key: VerificationKey }
  | { readonly kind: 'refused'; readonly reason: AuthRefusal }
  /** The keys at hand cannot decide. */
  | { readonly kind: 'unknown_key' }
  /** Everything but the signature is right. */
  | { readonly kind: 'unsigned'; readonly finish: () => Promise<Verdict> }
  /** For jose: an algorithm or a header parameter this verifier does not do. */
  | { readonly kind: 'uncommon'; readonly key: VerificationKey };

interface TokenHeader {
  readonly alg: Common;
  readonly key: VerificationKey;
}

type Common = 'HS256' | 'RS256' | 'PS256' | 'ES256' | 'EdDSA' | 'Ed25519';

const { subtle } = webcrypto;
const COMMON: ReadonlySet<string> = new Set<Common>(['HS256', 'RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']);
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const MAX_KNOWN_HEADERS = 64;
/** Parameters of Web Cryptography, for importing a key and for verifying with it. */
const SIGNATURES = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
  Ed25519: { name: 'Ed25519' },
} as const;
const UNKNOWN_KEY: Verdict = { kind: 'unknown_key' };
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Verifies the common compact JWS (RFC 7515, 7519) with one fixed set of keys: HS256 at once, asymmetric signatures in other
 * threads, where they do not hold up the event loop. jose decides what is right: a differential test holds both to the same verdicts
 * and claims. Stricter in one point: base64url must be canonical (RFC 4648, section 3.5), so that one token has one text.
 */
export class TokenVerifier {
  /** Whether `verify` decides about every common token by itself. */
  readonly immediate: boolean;
  /** Parsed headers by their text. Only those of verified tokens: nobody else can fill it. */
  private readonly knownHeaders = new Map<string, TokenHeader>();

  constructor(
    private readonly keys: readonly VerificationKey[],
    private readonly checks: ClaimChecks,
    /** Not started before the first signature comes. */
    private readonly thread = new SignatureThread(),
  ) {
    this.immediate = keys[0]?.jwk.kty === 'oct';
  }

  verify(token: string, nowMs: number): Verdict {
    if (!TOKEN.test(token)) return refused('malformed');
    const headerEnd = token.indexOf('.');
    const payloadEnd = token.lastIndexOf('.');
    if (!isCanonical(token, headerEnd + 1, payloadEnd) || !isCanonical(token, payloadEnd + 1, token.length)) {
      return refused('malformed');
    }
    const headerText = token.slice(0, headerEnd);
    const header = this.knownHeaders.get(headerText) ?? this.readHeader(headerText);
    if ('kind' in header) return header;
    const claims = parseObject(token.slice(headerEnd + 1, payloadEnd));
    if (claims === undefined) return refused('malformed');
    const reason = refusalOf(claims, this.checks, Math.floor(nowMs / 1_000));
    if (reason !== undefined) return refused(reason);
    if (header.key.hmac !== undefined) {
      if (!header.key.hmac.verify(token.slice(0, payloadEnd), token.slice(payloadEnd + 1))) return refused('signature');
      this.remember(headerText, header);
      return { kind: 'verified', claims, key: header.key };
    }
    return {
      kind: 'unsigned',
      finish: async () => {
        if (!(await this.isSignature(header, token))) return refused('signature');
        this.remember(headerText, header);
        return { kind: 'verified', claims, key: header.key };
      },
    };
  }

  /** In another thread. RS256, by far the most used, in one that takes many at a time; the rest in the pool. */
  private isSignature(header: TokenHeader, token: string): Promise<boolean> {
    return header.alg === 'RS256' ? this.thread.isValid(token, header.key.keyObject) : isSignature(header, token);
  }

  private remember(headerText: string, header: TokenHeader): void {
    if (this.knownHeaders.size < MAX_KNOWN_HEADERS) this.knownHeaders.set(headerText, header);
  }

  private readHeader(text: string): TokenHeader | Verdict {
    const header = isCanonical(text, 0, text.length) ? parseObject(text) : undefined;
    if (header === undefined) return refused('malformed');
    const { alg, kid, crit } = header;
    if (!isKnownAlgorithm(alg)) return refused('algorithm');
    // A secret never verifies an asymmetric token, nor the other way round: the kinds of keys differ.
    if (this.immediate !== (alg === 'HS256')) return refused('algorithm');
    const key = selectKey(this.keys, { alg, kid });
    if (key === undefined) return UNKNOWN_KEY;
    return COMMON.has(alg) && crit === undefined ? { alg: alg as Common, key } : { kind: 'uncommon', key };
  }
}

function refused(reason: AuthRefusal): Verdict {
  return { kind: 'refused', reason };
}

/** In the thread pool. What crypto.verify would do there costs the event loop several times as much for PS256 and ES256. */
function isSignature({ alg, key }: TokenHeader, token: string): Promise<boolean> {
  if (alg === 'HS256') return Promise.resolve(false);
  const end = token.lastIndexOf('.');
  const bytes = Buffer.from(token.slice(end + 1), 'base64url');
  return subtle.verify(SIGNATURES[alg], cryptoKey(key, alg), bytes, Buffer.from(token.slice(0, end), 'latin1'));
}

function cryptoKey(key: VerificationKey, alg: Exclude<Common, 'HS256'>): webcrypto.CryptoKey {
  const known = key.cryptoKeys.get(alg);
  if (known !== undefined) return known;
  const made = key.keyObject.toCryptoKey(SIGNATURES[alg], false, ['verify']);
  key.cryptoKeys.set(alg, made);
  return made;
}

/** Of a part whose alphabet is checked: its length is possible and the bits that carry nothing are zero. */
function isCanonical(text: string, from: number, to: number): boolean {
  switch ((to - from) % 4) {
    case 0:
      return true;
    case 2:
      return 'AQgw'.includes(text.charAt(to - 1));
    case 3:
      return 'AEIMQUYcgkosw048'.includes(text.charAt(to - 1));
    default:
      return false;
  }
}

function parseObject(base64url: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(Buffer.from(base64url, 'base64url')));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function refusalOf(claims: JWTPayload, checks: ClaimChecks, nowS: number): AuthRefusal | undefined {
  const { iss, aud, iat, nbf, exp }: Record<string, unknown> = claims;
  if (checks.issuer !== undefined && iss !== checks.issuer) return 'claims';
  if (checks.audience !== undefined && aud !== checks.audience) {
    if (!Array.isArray(aud) || !aud.includes(checks.audience)) return 'claims';
  }
  if (iat !== undefined && typeof iat !== 'number') return 'claims';
  if (nbf !== undefined) {
    if (typeof nbf !== 'number') return 'claims';
    if (nbf > nowS + checks.clockToleranceS) return 'not_yet_valid';
  }
  if (exp !== undefined) {
    if (typeof exp !== 'number') return 'claims';
    if (exp <= nowS - checks.clockToleranceS) return 'expired';
  }
  return undefined;
}
