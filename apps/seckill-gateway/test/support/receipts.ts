import type { Redis } from 'ioredis';
import type { ActivityId } from '@coupon/domain';
import { ActivityStore, activityKeys, decodeReceipts } from '@coupon/lua';

/** User id -> claim ids in Redis. Nobody may be claiming meanwhile. */
export async function readReceipts(redis: Redis, activityId: ActivityId): Promise<Map<string, string[]>> {
  const stored = await redis.hgetall(activityKeys(activityId).user);
  return new Map(
    Object.entries(stored).map(([user, value]) => [user, decodeReceipts(value).map(({ claimId }) => claimId)]),
  );
}

/**
 * Redis holds exactly these wins: for every user the claim ids told, nobody else's, each with an event of its own, and as many units gone.
 * @param wins user id -> claim ids told
 */
export async function expectExactly(
  redis: Redis,
  activityId: ActivityId,
  wins: ReadonlyMap<string, readonly string[]>,
  total: number,
): Promise<void> {
  const receipts = await readReceipts(redis, activityId);
  const sorted = (all: ReadonlyMap<string, readonly string[]>): string[] =>
    [...all].map(([user, claims]) => `${user}: ${[...claims].sort().join()}`).sort();
  expect(sorted(receipts)).toEqual(sorted(wins));
  const count = [...wins.values()].reduce((sum, claims) => sum + claims.length, 0);
  expect(await new ActivityStore(redis).snapshot(activityId)).toMatchObject({
    claimed: count,
    available: total - count,
    eventSeq: count,
  });
  const events = Object.values(await redis.hgetall(activityKeys(activityId).user)).flatMap((value) =>
    decodeReceipts(value).map(({ eventSeq }) => eventSeq),
  );
  expect(events.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  expect(await redis.xlen(activityKeys(activityId).outbox)).toBe(count);
}
