import { flowLimitKey } from './keys';
import { UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis, ScriptName } from './run-script';

/** What a shared limiter answered, by the clock of Redis. */
export interface SharedTake {
  /** 0 = refused. */
  readonly granted: number;
  readonly nowUs: number;
  /** Until it could be granted if nobody else takes any; 0 when granted, Infinity when the limit can never hold it. */
  readonly waitUs: number;
}

/**
 * One to `permits` permits of a token bucket, as many as there are but not fewer than `least` (default: all or none).
 * One round trip. Rejects with the error of Redis: see `meansNothingHappened`.
 */
export async function takeTokenBucket(
  redis: ClaimRedis,
  name: string,
  limit: { readonly rate: number; readonly burst: number },
  permits: number,
  least: number = permits,
): Promise<SharedTake> {
  return take(redis, 'takeTokenBucket', flowLimitKey('bucket', name), [limit.rate, limit.burst, permits, least]);
}

/** All of `permits` or none, from a sliding window. */
export async function takeSlidingWindow(
  redis: ClaimRedis,
  name: string,
  limit: { readonly limit: number; readonly windowMs: number },
  permits: number,
): Promise<SharedTake> {
  return take(redis, 'takeSlidingWindow', flowLimitKey('sliding', name), [limit.limit, limit.windowMs, permits]);
}

/** All of `permits` or none, from a fixed window. */
export async function takeFixedWindow(
  redis: ClaimRedis,
  name: string,
  limit: { readonly limit: number; readonly windowMs: number },
  permits: number,
): Promise<SharedTake> {
  return take(redis, 'takeFixedWindow', flowLimitKey('fixed', name), [limit.limit, limit.windowMs, permits]);
}

async function take(redis: ClaimRedis, script: ScriptName, key: string, args: readonly number[]): Promise<SharedTake> {
  const [granted, nowUs, waitUs] = numbers(script, await runScript(redis, script, [key], args), 3);
  return { granted: granted ?? 0, nowUs: nowUs ?? 0, waitUs: waitUs === -1 ? Infinity : (waitUs ?? 0) };
}

/** One call of a holder, cumulative since it began, so that it may be repeated. */
export interface LeaseCall {
  readonly rate: number;
  readonly burst: number;
  /** Letters, digits, `-` and `_`; at most 64. */
  readonly holder: string;
  readonly used: number;
  /** Unused permits to hold from now on; fewer than are held gives the rest back. */
  readonly want: number;
  readonly holdMs: number;
  /** Rises with every call of the holder. */
  readonly call: number;
}

export interface LeaseReply {
  /** Permits granted since the holder began. */
  readonly granted: number;
  readonly nowUs: number;
  /** Until one more permit could be leased, if nobody else takes any. */
  readonly waitUs: number;
  /** Holders of a lease, this one included. */
  readonly holders: number;
}

/** Reports what was used of a lease and renews it, in one round trip. Rejects with the error of Redis. */
export async function leaseTokens(redis: ClaimRedis, name: string, lease: LeaseCall): Promise<LeaseReply> {
  const args = [lease.rate, lease.burst, lease.holder, lease.used, lease.want, lease.holdMs, lease.call];
  const reply = numbers('leaseTokens', await runScript(redis, 'leaseTokens', [flowLimitKey('lease', name)], args), 4);
  const [granted = 0, nowUs = 0, waitUs = 0, holders = 0] = reply;
  return { granted, nowUs, waitUs, holders };
}

function numbers(script: string, reply: unknown, count: number): readonly number[] {
  if (Array.isArray(reply) && reply.length === count && reply.every((value) => typeof value === 'number')) return reply;
  throw new UnexpectedReplyError(script, reply);
}
