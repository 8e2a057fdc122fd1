import { randomFillSync } from 'node:crypto';
import { encodeClaimId } from '@coupon/domain';
import type { ActivityId, ClaimId, TemplateId, UserId } from '@coupon/domain';
import { ActivityStore, MAX_CLAIMS_PER_BATCH, claimKeys, claimUnits, readRunId } from '@coupon/lua';
import type { PrewarmActivity, createClaimRedis } from '@coupon/lua';
import type { Place } from './events';

type Redis = ReturnType<typeof createClaimRedis>;

/** A sale in Redis as the gateway sees it: claims go through the real script. */
export class TestSale {
  readonly id: ActivityId;
  readonly store: ActivityStore;

  constructor(
    private readonly redis: Redis,
    private readonly place: Place,
  ) {
    this.id = place.activityId as ActivityId;
    this.store = new ActivityStore(redis);
  }

  async open(over: Partial<PrewarmActivity> = {}): Promise<this> {
    const nowMs = Date.now();
    await this.store.prewarm({
      activityId: this.id,
      templateId: this.place.templateId as TemplateId,
      startMs: nowMs - 60_000,
      endMs: nowMs + 3_600_000,
      perUserLimit: 1,
      total: 10_000,
      epoch: 1,
      userRatePerSecond: 0,
      ...over,
    });
    await this.store.setState(this.id, { to: 'open', epoch: 1 });
    return this;
  }

  /** `count` users claim one unit each. @returns their claim ids. */
  async claim(count: number, firstUser = 1): Promise<ClaimId[]> {
    const keys = claimKeys(this.id);
    const runId = await readRunId(this.redis);
    const won: ClaimId[] = [];
    for (let at = 0; at < count; at += MAX_CLAIMS_PER_BATCH) {
      const claims = Array.from({ length: Math.min(MAX_CLAIMS_PER_BATCH, count - at) }, (_, n) => ({
        userId: String(firstUser + at + n) as UserId,
        claimId: encodeClaimId(Date.now(), randomFillSync(new Uint8Array(10))),
        quantity: 1,
        idempotencyKey: '',
      }));
      const reply = await claimUnits(this.redis, keys, runId, claims);
      if (reply.kind !== 'decided') throw new Error(reply.kind);
      for (const outcome of reply.outcomes) {
        if (outcome.kind !== 'won') throw new Error(outcome.code);
        won.push(outcome.claimId);
      }
    }
    return won;
  }
}
