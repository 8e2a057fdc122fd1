import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { encodeClaimId } from '@coupon/domain';
import type { ActivityId, TemplateId, UserId } from '@coupon/domain';
import { ActivityStore } from '../../src/activity-store';
import { claimKeys, claimUnits } from '../../src/claim-units';
import { createClaimRedis, readRunId } from '../../src/claim-redis';
import type { BatchedClaim, ClaimBatchReply, ClaimOutcome } from '../../src/claim-units';
import type { PrewarmActivity } from '../../src/activity-types';
import { uniqueActivityId, useRedisDatabase } from '@coupon/testing';

export const HOUR_MS = 3_600_000;

/** One Redis database for the spec file, and short words for what the specs do all the time. */
export interface LuaFixture {
  readonly redis: Redis;
  readonly store: ActivityStore;
  readonly runId: string;
  definition(over?: Partial<PrewarmActivity>): PrewarmActivity;
  open(over?: Partial<PrewarmActivity>): Promise<PrewarmActivity>;
  claim(id: ActivityId, ...claims: readonly BatchedClaim[]): Promise<ClaimBatchReply>;
  outcomes(id: ActivityId, ...claims: readonly BatchedClaim[]): Promise<readonly ClaimOutcome[]>;
}

export function aClaim(user: number | string, over: Partial<BatchedClaim> = {}): BatchedClaim {
  const claimId = encodeClaimId(Date.now(), randomBytes(10));
  return { userId: String(user) as UserId, claimId, quantity: 1, idempotencyKey: '', ...over };
}

export function useLua(): LuaFixture {
  const database = useRedisDatabase();
  const state: { redis?: Redis; store?: ActivityStore; runId?: string } = {};
  beforeAll(async () => {
    state.redis = createClaimRedis(database.url);
    await state.redis.connect();
    state.store = new ActivityStore(state.redis);
    state.runId = await readRunId(state.redis);
  });
  afterAll(() => {
    state.redis?.disconnect();
  });
  const need = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('used before beforeAll');
    return value;
  };
  const fixture: LuaFixture = {
    get redis() {
      return need(state.redis);
    },
    get store() {
      return need(state.store);
    },
    get runId() {
      return need(state.runId);
    },
    definition: (over = {}) => ({
      activityId: uniqueActivityId(),
      templateId: '3' as TemplateId,
      startMs: Date.now() - HOUR_MS,
      endMs: Date.now() + HOUR_MS,
      perUserLimit: 1,
      total: 10,
      epoch: 1,
      userRatePerSecond: 0,
      ...over,
    }),
    open: async (over = {}) => {
      const activity = fixture.definition(over);
      await fixture.store.prewarm(activity);
      await fixture.store.setState(activity.activityId, { to: 'open', epoch: activity.epoch });
      return activity;
    },
    claim: (id, ...claims) => claimUnits(fixture.redis, claimKeys(id), fixture.runId, claims),
    outcomes: async (id, ...claims) => {
      const reply = await fixture.claim(id, ...claims);
      if (reply.kind !== 'decided') throw new Error(`expected a decision, got ${reply.kind}`);
      return reply.outcomes;
    },
  };
  return fixture;
}
