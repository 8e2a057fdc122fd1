import { systemClock } from '../clock';
import type { Clock } from '../clock';
import type { AuthRefusal } from './auth-refusal';
import { AuthStatistics } from './auth-statistics';
import { edgeAuthenticator } from './edge-authenticator';
import type { EdgeOptions } from './edge-authenticator';
import { ANYBODY } from './identity';
import type { Identity } from './identity';
import { JwtAuthenticator } from './jwt-authenticator';
import { secretSource } from './key-source';
import type { KeySource } from './key-source';
import { KeySetSource } from './key-set-source';
import type { KeySetDependencies } from './key-set-source';
import { DEFAULT_TOKEN_CACHE, TokenCache } from './token-cache';
import type { TokenCacheLimits } from './token-cache';
import type { ClaimChecks } from './token-verifier';

/** What a request offers to prove who it is from. */
export interface Credentials {
  /** The value of the Authorization header or metadata. */
  readonly authorization?: string | undefined;
  /** Address of the connection's other end; mode edge only. */
  readonly peerAddress?: string | undefined;
  /** Reads another header, name in lower case; mode edge only. */
  readonly header?: (name: string) => string | undefined;
}

export interface Authenticator {
  /** @throws UNAUTHENTICATED; NOT_READY when the key server cannot be reached; OVERLOADED by signatures to check. */
  authenticate(credentials: Credentials): Promise<Identity>;
  /** The caller if the header is already known; costs a look into a map. undefined says nothing about the header. */
  cached(authorization: string | undefined): Identity | undefined;
  /**
   * For hot routes: the caller, known or verified at once (HS256), or why it is refused (answer with `unauthenticated(reason)`); undefined when
   * only `authenticate` can tell: a new token of a key set, mode edge. Never throws for what the header holds.
   */
  authenticateNow(authorization: string | undefined): Identity | AuthRefusal | undefined;
  readonly statistics: Pick<AuthStatistics, 'read'>;
}

export interface JwtOptions {
  readonly mode: 'jwt';
  /** HS256 secret of at least 32 bytes, or … */
  readonly hs256Secret?: string | undefined;
  /** … the URL of a key set for RS, PS, ES and EdDSA tokens. Exactly one of the two. */
  readonly jwksUrl?: string | undefined;
  readonly issuer?: string;
  readonly audience?: string;
  /** @default DEFAULT_TOKEN_CACHE */
  readonly cache?: TokenCacheLimits;
}

export type AuthOptions = JwtOptions | { readonly mode: 'none'; readonly nodeEnv: string | undefined } | EdgeOptions;

export interface AuthDependencies {
  readonly clock?: Pick<Clock, 'nowMs'>;
  /** Hears of every failed fetch of the key set, also of those no request waits for. */
  readonly onKeySetFailure?: (error: unknown) => void;
  readonly keySetTimes?: KeySetDependencies['times'];
  readonly fetch?: KeySetDependencies['fetch'];
}

const CLOCK_TOLERANCE_S = 5;

/** @throws Error when the options cannot be used, for instance mode none in production. */
export function createAuthenticator(options: AuthOptions, deps: AuthDependencies = {}): Authenticator {
  switch (options.mode) {
    case 'jwt':
      return jwtAuthenticator(options, deps);
    case 'none':
      if (options.nodeEnv === 'production') throw new Error('AUTH_MODE none is refused when NODE_ENV is production');
      return {
        authenticate: () => Promise.resolve(ANYBODY),
        cached: () => ANYBODY,
        authenticateNow: () => ANYBODY,
        statistics: new AuthStatistics(),
      };
    case 'edge':
      return edgeAuthenticator(options);
  }
}

function jwtAuthenticator(options: JwtOptions, deps: AuthDependencies): Authenticator {
  const { issuer, audience, cache: limits = DEFAULT_TOKEN_CACHE } = options;
  const clock = deps.clock ?? systemClock;
  const checks: ClaimChecks = { clockToleranceS: CLOCK_TOLERANCE_S, issuer, audience };
  const keys = keySource(options, checks, clock, deps);
  const cache = new TokenCache(limits);
  const statistics = new AuthStatistics(
    () => cache.size,
    () => keys.fetches,
  );
  return new JwtAuthenticator(keys, checks, clock, cache, statistics);
}

function keySource(
  { hs256Secret, jwksUrl }: JwtOptions,
  checks: ClaimChecks,
  clock: Pick<Clock, 'nowMs'>,
  { onKeySetFailure = () => undefined, keySetTimes, fetch }: AuthDependencies,
): KeySource {
  if (hs256Secret !== undefined && jwksUrl === undefined) return secretSource(hs256Secret, checks);
  if (jwksUrl === undefined || hs256Secret !== undefined) {
    throw new Error('AUTH_MODE jwt needs exactly one of AUTH_HS256_SECRET and AUTH_JWKS_URL');
  }
  return new KeySetSource(jwksUrl, {
    clock,
    checks,
    onFailure: onKeySetFailure,
    ...(keySetTimes === undefined ? {} : { times: keySetTimes }),
    ...(fetch === undefined ? {} : { fetch }),
  });
}
