import type { ActivityId } from '@coupon/domain';
import { activityKeys } from './keys';
import { REPLY, UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

export type AdvanceEpochResult = {
  readonly kind:
    | 'moved'
    | 'already'
    | 'not_loaded'
    | 'half_loaded'
    | 'other_run'
    | 'closed'
    | 'wrong_epoch'
    /** Redis knows fewer events than MySQL. */
    | 'behind';
};

const KINDS: ReadonlyMap<unknown, AdvanceEpochResult['kind']> = new Map([
  [1, 'moved'],
  [2, 'already'],
  [REPLY.NOT_LOADED, 'not_loaded'],
  [REPLY.HALF_LOADED, 'half_loaded'],
  [REPLY.WRONG_RUN, 'other_run'],
  [REPLY.REFUSED_BY_STATE, 'closed'],
  [REPLY.WRONG_EPOCH, 'wrong_epoch'],
  [REPLY.OTHER_SEQUENCE, 'behind'],
]);

/** Moves an activity that is whole and in use on the run `runId` to MySQL's epoch, if it knows every event up to `eventSeq`. */
export async function advanceEpoch(
  redis: ClaimRedis,
  id: ActivityId,
  to: { readonly runId: string; readonly epoch: number; readonly eventSeq: number },
): Promise<AdvanceEpochResult> {
  const k = activityKeys(id);
  const keys = [k.activity, k.stock, k.user, k.outbox];
  const reply = await runScript(redis, 'advanceEpoch', keys, [to.runId, to.epoch, to.eventSeq]);
  const kind = Array.isArray(reply) ? KINDS.get(reply[0]) : undefined;
  if (kind === undefined) throw new UnexpectedReplyError('advance-epoch', reply);
  return { kind };
}
