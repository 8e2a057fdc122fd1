import type { Redis } from 'ioredis';
import type { ActivityId } from '@coupon/domain';
import { activityKeys } from '@coupon/lua';

/** User id -> when Redis decided each of the user's wins, in milliseconds of its clock, in order. */
export async function decisionTimes(redis: Redis, activityId: ActivityId): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>();
  for (const [, fields] of await redis.xrange(activityKeys(activityId).outbox, '-', '+')) {
    const body = JSON.parse(fields[fields.indexOf('body') + 1] ?? '') as { user_id: string; claimed_at: string };
    const known = times.get(body.user_id) ?? [];
    known.push(Date.parse(body.claimed_at));
    times.set(body.user_id, known);
  }
  return times;
}

/**
 * The limit per user by its definition (libs/flow-control/README.md): what was granted in this second of the clock, plus what was granted in
 * the last one weighted by how much of it lies in the sliding second. Full when that has reached the rate.
 */
export function isFull(grantedMs: readonly number[], atMs: number, rate: number): boolean {
  const second = Math.floor(atMs / 1_000);
  const inSecond = (wanted: number): number =>
    grantedMs.filter((granted) => Math.floor(granted / 1_000) === wanted).length;
  return 1_000 * inSecond(second) + inSecond(second - 1) * (1_000 - (atMs % 1_000)) >= 1_000 * rate;
}
