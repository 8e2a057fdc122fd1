import { lockKey } from './keys';
import { UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

/** `forMs`: for how long the lock is held, by whoever has it; less than 1 when it ends this very moment. */
export type LockReply =
  { readonly kind: 'held'; readonly forMs: number } | { readonly kind: 'taken'; readonly forMs: number };

/**
 * Takes the lock `coupon:lock:<name>` for `holdMs` (1 to 600,000), one try. The token (8 to 64 letters, digits, `-`, `_`) must be new and
 * unguessable: with it the lock is given back. A holder that is slower than `holdMs` loses the lock without noticing: what it protects must
 * survive that. Rejects with the error of Redis; whether the lock is held then is unknown, unless `meansNothingHappened`.
 */
export async function acquireLock(redis: ClaimRedis, name: string, token: string, holdMs: number): Promise<LockReply> {
  const reply = await runScript(redis, 'acquireLock', [lockKey(name)], [token, holdMs]);
  const [status, forMs] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (typeof forMs !== 'number' || (status !== 0 && status !== 1))
    throw new UnexpectedReplyError('acquire-lock', reply);
  return { kind: status === 1 ? 'held' : 'taken', forMs };
}

/** @returns false when the lock had ended before, and may be somebody else's by now: theirs stays. Rejects with the error of Redis. */
export async function releaseLock(redis: ClaimRedis, name: string, token: string): Promise<boolean> {
  const reply = await runScript(redis, 'releaseLock', [lockKey(name)], [token]);
  if (reply !== 0 && reply !== 1) throw new UnexpectedReplyError('release-lock', reply);
  return reply === 1;
}
