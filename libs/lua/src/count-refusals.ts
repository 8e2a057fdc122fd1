import type { ActivityId, ErrorCode } from '@coupon/domain';
import { activityKeys } from './keys';
import { UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

/**
 * Adds refusals that were given without asking Redis to an activity's counters (`refused:<CODE>`). @returns false when it is not loaded:
 * then nothing is counted. Rejects with the error of Redis: see `meansNothingHappened` for whether they are counted.
 */
export async function countRefusals(
  redis: ClaimRedis,
  id: ActivityId,
  refused: ReadonlyMap<ErrorCode, number>,
): Promise<boolean> {
  const k = activityKeys(id);
  const reply = await runScript(redis, 'countRefusals', [k.activity, k.stats], [...refused].flat());
  if (reply !== 0 && reply !== 1) throw new UnexpectedReplyError('count-refusals', reply);
  return reply === 1;
}
