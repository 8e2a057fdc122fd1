/**
 * Redis replies that are given before a script's first write: the claim did not happen, repeating it is safe (invariant 4). A right
 * that a script lacks may show after its first write.
 */
const BEFORE_ANY_EFFECT =
  /^(NOSCRIPT|LOADING|BUSY|READONLY|MASTERDOWN|OOM|MISCONF|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOAUTH|NOPERM(?! ACL failure in script)|WRONGPASS)\b/;

/** Errors the client raises before a byte was written. */
const NOT_SENT = /enableOfflineQueue|ECONNREFUSED|EHOSTUNREACH|ENOTFOUND|ECONNREFUSED/;

/**
 * True only when the failed command certainly had no effect. Everything else after the bytes left (timeout, closed connection, an error in the
 * middle of a script) has an unknown outcome and must be reported as such.
 */
export function meansNothingHappened(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (BEFORE_ANY_EFFECT.test(error.message)) return true;
  const code = (error as { code?: unknown }).code;
  return NOT_SENT.test(error.message) || code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENOTFOUND';
}
