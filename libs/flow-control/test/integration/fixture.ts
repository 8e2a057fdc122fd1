import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { encodeClaimId } from '@coupon/domain';
import type { TemplateId, UserId } from '@coupon/domain';
import { ActivityStore, claimKeys, claimUnits, createClaimRedis, readRunId } from '@coupon/lua';
import type { ClaimOutcome } from '@coupon/lua';
import { uniqueActivityId, useRedisDatabase } from '@coupon/testing';
import type { ActivityId } from '@coupon/domain';

export interface FlowFixture {
  /** Connections of their own, one per process that is played. */
  connect(): Promise<Redis>;
  /** An open sale at limit 1. */
  openSale(total: number): Promise<{ activityId: ActivityId; runId: string; store: ActivityStore }>;
  claim(
    redis: Redis,
    sale: { activityId: ActivityId; runId: string },
    user: string,
  ): Promise<{ outcome: ClaimOutcome; available: number }>;
}

/** One Redis database for the spec file; every connection ends with it. */
export function useFlow(): FlowFixture {
  const database = useRedisDatabase();
  const connections: Redis[] = [];
  afterAll(() => {
    for (const redis of connections) redis.disconnect();
  });
  const fixture: FlowFixture = {
    connect: async () => {
      const redis = createClaimRedis(database.url);
      connections.push(redis);
      await redis.connect();
      return redis;
    },
    openSale: async (total) => {
      const redis = await fixture.connect();
      const store = new ActivityStore(redis);
      const activityId = uniqueActivityId();
      const now = Date.now();
      await store.prewarm({
        activityId,
        templateId: '3' as TemplateId,
        startMs: now - 3_600_000,
        endMs: now + 3_600_000,
        perUserLimit: 1,
        total,
        epoch: 1,
        userRatePerSecond: 0,
      });
      await store.setState(activityId, { to: 'open', epoch: 1 });
      return { activityId, runId: await readRunId(redis), store };
    },
    claim: async (redis, { activityId, runId }, user) => {
      const claim = {
        userId: user as UserId,
        claimId: encodeClaimId(Date.now(), randomBytes(10)),
        quantity: 1,
        idempotencyKey: '',
      };
      const reply = await claimUnits(redis, claimKeys(activityId), runId, [claim]);
      const outcome = reply.kind === 'decided' ? reply.outcomes[0] : undefined;
      if (reply.kind !== 'decided' || outcome === undefined) throw new Error(`expected a decision, got ${reply.kind}`);
      return { outcome, available: reply.available };
    },
  };
  return fixture;
}
