import { AppError } from '@coupon/domain';

/** Why a caller was not believed: for counters and logs, never for the caller. */
export const AUTH_REFUSALS = [
  'missing',
  'malformed',
  'algorithm',
  'unknown_key',
  'signature',
  'expired',
  'not_yet_valid',
  'claims',
  'subject',
  'untrusted_peer',
] as const;

export type AuthRefusal = (typeof AUTH_REFUSALS)[number];

/** The same answer whatever was wrong: telling a forger which check failed would help only the forger. The reason is the cause. */
export function unauthenticated(reason: AuthRefusal, cause?: unknown): AppError {
  return new AppError('UNAUTHENTICATED', 'authentication failed', {
    cause: new Error(`refused: ${reason}`, cause === undefined ? undefined : { cause }),
  });
}

export function keysUnavailable(cause: unknown): AppError {
  return new AppError('NOT_READY', 'the keys for tokens cannot be read', {
    details: { retry_after_ms: 1_000 },
    cause,
  });
}
