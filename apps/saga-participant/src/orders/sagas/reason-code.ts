const FALLBACK = 'SAGA_FAILED';

/**
 * The code with which a branch refused, out of DTM's reason for the rollback: the body of the answer over HTTP, the status' text over gRPC.
 * For people and reports; nothing is decided by it.
 */
export function reasonCodeOf(reason: string): string {
  const overHttp = /\\?"code\\?":\\?"([A-Z][A-Z0-9_]{0,63})\\?"/.exec(reason)?.[1];
  const overGrpc = /(?:return failed: |desc = )([A-Z][A-Z0-9_]{1,63})(?![A-Za-z0-9_])/.exec(reason)?.[1];
  return overHttp ?? overGrpc ?? FALLBACK;
}
