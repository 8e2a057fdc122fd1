import { secretKey } from './verification-keys';
import { TokenVerifier } from './token-verifier';
import type { ClaimChecks } from './token-verifier';

/** Where the keys of tokens come from: a secret of the configuration, or a key set that changes. */
export interface KeySource {
  /** The verifier of now, without waiting; null when the keys have to be fetched first. */
  current(nowMs: number): TokenVerifier | null;
  /** The same, fetched if need be. @throws NOT_READY */
  ready(): Promise<TokenVerifier>;
  /** For a token whose key `seen` does not have: a newer verifier, or null when there is none. @throws NOT_READY */
  newerThan(seen: TokenVerifier): Promise<TokenVerifier | null>;
  readonly fetches: KeyFetches;
}

export interface KeyFetches {
  readonly succeeded: number;
  readonly failed: number;
}

const MIN_SECRET_BYTES = 32;

/** HS256. @throws Error for a secret of less than 32 bytes (RFC 7518, section 3.2) */
export function secretSource(secret: string, checks: ClaimChecks): KeySource {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new Error(`AUTH_HS256_SECRET must have at least ${MIN_SECRET_BYTES} bytes`);
  }
  const verifier = new TokenVerifier([secretKey(bytes)], checks);
  return {
    current: () => verifier,
    ready: () => Promise.resolve(verifier),
    newerThan: () => Promise.resolve(null),
    fetches: { succeeded: 0, failed: 0 },
  };
}
