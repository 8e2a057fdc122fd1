import type { ActivityId } from '@coupon/domain';
import { REGISTRY_KEY, activityKeys } from './keys';
import { REPLY, UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

export type ArchiveResult =
  | { readonly kind: 'removed'; readonly keys: number }
  | { readonly kind: 'absent' }
  /** It can still be claimed from. */
  | { readonly kind: 'not_over'; readonly state: string }
  | { readonly kind: 'outbox_not_empty'; readonly length: number; readonly pending: number }
  /** Redis has numbered more events than the caller knows of, or fewer. */
  | { readonly kind: 'other_sequence'; readonly eventSeq: number };

/** Removes all keys of an activity whose last event is `lastSeq`, in one step, or none of them. The registry is in another slot: see below. */
export async function archiveActivity(redis: ClaimRedis, id: ActivityId, lastSeq: number): Promise<ArchiveResult> {
  const k = activityKeys(id);
  const reply = await runScript(
    redis,
    'archiveActivity',
    [
      k.activity,
      k.stock,
      k.user,
      k.outbox,
      k.persisted,
      k.rateEven,
      k.rateOdd,
      k.log,
      k.stats,
      k.queue,
      k.tickets,
      k.finishedTickets,
    ],
    [lastSeq],
  );
  if (!Array.isArray(reply)) throw new UnexpectedReplyError('archive-activity', reply);
  switch (reply[0]) {
    case 1:
      return { kind: 'removed', keys: Number(reply[1]) };
    case 2:
      return { kind: 'absent' };
    case REPLY.REFUSED_BY_STATE:
      return { kind: 'not_over', state: String(reply[1]) };
    case REPLY.OUTBOX_NOT_EMPTY:
      return { kind: 'outbox_not_empty', length: Number(reply[1]), pending: Number(reply[2]) };
    case REPLY.OTHER_SEQUENCE:
      return { kind: 'other_sequence', eventSeq: Number(reply[1]) };
    default:
      throw new UnexpectedReplyError('archive-activity', reply);
  }
}

/** Puts an activity into the registry. An entry without keys is harmless; keys without an entry are found by nobody. */
export async function registerActivity(redis: ClaimRedis, id: ActivityId): Promise<void> {
  await redis.sadd(REGISTRY_KEY, id);
}

/** Takes an activity out of the registry, after its keys are gone. */
export async function unregisterActivity(redis: ClaimRedis, id: ActivityId): Promise<void> {
  await redis.srem(REGISTRY_KEY, id);
}
