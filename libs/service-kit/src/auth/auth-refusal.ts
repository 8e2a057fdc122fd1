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

/** One error per reason, made once: forged tokens come in floods, and a stack costs more than checking one. */
const REFUSALS: ReadonlyMap<AuthRefusal, AppError> = new Map(
  AUTH_REFUSALS.map((reason) => [reason, refusalFor(reason)]),
);

/** The same answer whatever was wrong: telling a forger which check failed would help only the forger. The reason is the cause. */
export function unauthenticated(reason: AuthRefusal): AppError {
  return REFUSALS.get(reason) ?? refusalFor(reason);
}

function refusalFor(reason: AuthRefusal): AppError {
  return new AppError('UNAUTHENTICATED', 'authentication failed', { cause: new Error(`refused: ${reason}`) });
}

export function keysUnavailable(cause: unknown): AppError {
  return new AppError('NOT_READY', 'the keys for tokens cannot be read', {
    details: { retry_after_ms: 1_000 },
    cause,
  });
}
