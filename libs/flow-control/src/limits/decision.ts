/** Which limit a claim has run into; the name clients are told. */
export type LimitName = 'user' | 'address' | 'activity' | 'instance';

/** The one answer of every limit. `retryAfterMs` is at least 1; Infinity when the limit can never hold what was asked for. */
export type LimitDecision =
  { readonly allowed: true } | { readonly allowed: false; readonly limit: LimitName; readonly retryAfterMs: number };

export const ALLOWED: LimitDecision = Object.freeze({ allowed: true });

/** Limiters answer with the milliseconds to wait, 0 = granted: a number costs nothing, the object is made for refusals only. */
export function toDecision(limit: LimitName, waitMs: number): LimitDecision {
  return waitMs === 0 ? ALLOWED : { allowed: false, limit, retryAfterMs: waitMs };
}

/** Whole milliseconds for a wait in microseconds, rounded up: after them the same call is granted if nobody else takes any. */
export function waitMsOf(waitUs: number): number {
  return Math.ceil(waitUs / 1_000);
}
