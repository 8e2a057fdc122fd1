import { errors, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import type { Clock } from '../clock';
import { AppError } from '@coupon/domain';
import { unauthenticated } from './auth-refusal';
import type { AuthRefusal } from './auth-refusal';
import type { AuthStatistics } from './auth-statistics';
import type { Authenticator, Credentials } from './authenticator';
import { makeIdentity } from './identity';
import type { Identity } from './identity';
import type { KeySource } from './key-source';
import type { TokenCache } from './token-cache';
import type { ClaimChecks, TokenVerifier, Verdict } from './token-verifier';
import type { VerificationKey } from './verification-keys';

/** A token is verified again at least this often, whatever its own lifetime. */
const MAX_CACHED_MS = 300_000;
const CANONICAL = 'Bearer ';
/** Signatures being checked at once; with 30 to 150 us each, the last one waits for a few hundredths of a second. */
const MAX_PENDING = 1_000;

type SignaturePending = Extract<Verdict, { kind: 'unsigned' | 'uncommon' }>;

/** Mode jwt. The common token is verified without jose and remembered; jose decides about the rest. */
export class JwtAuthenticator implements Authenticator {
  private pending = 0;

  constructor(
    private readonly keys: KeySource,
    private readonly checks: ClaimChecks,
    private readonly clock: Pick<Clock, 'nowMs'>,
    private readonly cache: TokenCache,
    readonly statistics: AuthStatistics,
  ) {}

  cached(authorization: string | undefined): Identity | undefined {
    if (authorization === undefined) return undefined;
    const nowMs = this.clock.nowMs();
    // Looked at first: a set that is too old must not be answered for by what it once verified.
    if (this.keys.current(nowMs) === null) return undefined;
    const identity = this.cache.get(authorization, nowMs);
    if (identity !== undefined) this.statistics.hits += 1;
    return identity;
  }

  authenticateNow(authorization: string | undefined): Identity | AuthRefusal | undefined {
    const known = this.cached(authorization);
    if (known !== undefined) return known;
    const token = bearerToken(authorization);
    if (token === undefined) return this.statistics.refused(authorization === undefined ? 'missing' : 'malformed');
    const nowMs = this.clock.nowMs();
    const verifier = this.keys.current(nowMs);
    if (verifier === null || !verifier.immediate) return undefined;
    const verdict = verifier.verify(token, nowMs);
    return verdict.kind === 'uncommon' ? undefined : this.conclude(authorization, verdict);
  }

  async authenticate({ authorization }: Credentials): Promise<Identity> {
    const now = this.authenticateNow(authorization);
    const outcome = now ?? (await this.verifyPatiently(authorization));
    if (typeof outcome === 'string') throw unauthenticated(outcome);
    return outcome;
  }

  /** With keys fetched first, or by jose. */
  private async verifyPatiently(authorization: string | undefined): Promise<Identity | AuthRefusal> {
    const token = bearerToken(authorization) ?? '';
    let verifier: TokenVerifier | null = await this.keys.ready();
    let verdict = verifier.verify(token, this.clock.nowMs());
    if (verdict.kind === 'unknown_key') {
      verifier = await this.keys.newerThan(verifier);
      if (verifier !== null) verdict = verifier.verify(token, this.clock.nowMs());
    }
    if (verdict.kind === 'unsigned' || verdict.kind === 'uncommon') verdict = await this.checkSignature(token, verdict);
    return this.conclude(authorization, verdict);
  }

  private async checkSignature(token: string, verdict: SignaturePending): Promise<Verdict> {
    // The threads' queues have no end of their own, and a forged signature costs as much as a good one.
    if (this.pending >= MAX_PENDING) {
      throw new AppError('OVERLOADED', 'too many signatures to check', { details: { retry_after_ms: 1_000 } });
    }
    this.pending += 1;
    try {
      return verdict.kind === 'unsigned' ? await verdict.finish() : await this.verifyByJose(token, verdict.key);
    } finally {
      this.pending -= 1;
    }
  }

  private async verifyByJose(token: string, key: VerificationKey): Promise<Verdict> {
    const { issuer, audience, clockToleranceS } = this.checks;
    try {
      const { payload } = await jwtVerify(token, key.keyObject, {
        clockTolerance: clockToleranceS,
        currentDate: new Date(this.clock.nowMs()),
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      return { kind: 'verified', claims: payload, key };
    } catch (error) {
      if (error instanceof errors.JOSEError) return { kind: 'refused', reason: refusalOf(error) };
      throw error;
    }
  }

  private conclude(authorization: string | undefined, verdict: Verdict): Identity | AuthRefusal {
    if (verdict.kind !== 'verified') {
      return this.statistics.refused(verdict.kind === 'refused' ? verdict.reason : 'unknown_key');
    }
    const identity = identityOf(verdict.claims);
    if (identity === undefined) return this.statistics.refused('subject');
    this.statistics.verified += 1;
    this.remember(authorization, verdict.claims, verdict.key, identity);
    return identity;
  }

  private remember(header: string | undefined, claims: JWTPayload, key: VerificationKey, identity: Identity): void {
    // Other spellings of the scheme are verified every time: one token could fill the cache with them.
    if (header === undefined || !header.startsWith(CANONICAL) || header.charCodeAt(CANONICAL.length) === 32) return;
    const nowMs = this.clock.nowMs();
    const untilMs = Math.min(claims.exp === undefined ? Infinity : claims.exp * 1_000, nowMs + MAX_CACHED_MS);
    if (untilMs <= nowMs) return;
    const fromMs = claims.nbf === undefined ? -Infinity : (claims.nbf - this.checks.clockToleranceS) * 1_000;
    this.cache.set(header, { identity, key, fromMs, untilMs });
  }
}

function bearerToken(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : /^Bearer +([\w.-]+)$/i.exec(authorization)?.[1];
}

function identityOf({ sub, role, exp }: JWTPayload): Identity | undefined {
  const identity = makeIdentity(typeof sub === 'string' ? sub : undefined, typeof role === 'string' ? role : undefined);
  return identity === undefined || exp === undefined ? identity : { ...identity, expiresMs: exp * 1_000 };
}

function refusalOf(error: errors.JOSEError): AuthRefusal {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return error.claim === 'nbf' ? 'not_yet_valid' : 'claims';
  return error instanceof errors.JWSSignatureVerificationFailed ? 'signature' : 'malformed';
}
