import { takeFixedWindow, takeSlidingWindow, takeTokenBucket } from '@coupon/lua';
import type { ClaimRedis, SharedTake } from '@coupon/lua';
import { toDecision, waitMsOf } from './decision';
import type { LimitDecision, LimitName } from './decision';
import { TokenBucketRule } from './token-bucket';
import type { TokenBucketSettings } from './token-bucket';
import { requireWindow } from './sliding-window';
import type { WindowSettings } from './sliding-window';

/** One script call of a kind of limit. */
export interface SharedLimitKind<Settings> {
  validate(settings: Settings): void;
  take(redis: ClaimRedis, name: string, settings: Settings, permits: number, least: number): Promise<SharedTake>;
}

export const SHARED_TOKEN_BUCKET: SharedLimitKind<TokenBucketSettings> = {
  validate: (settings) => void new TokenBucketRule(settings),
  take: takeTokenBucket,
};

export const SHARED_SLIDING_WINDOW: SharedLimitKind<WindowSettings> = {
  validate: requireWindow,
  take: takeSlidingWindow,
};

export const SHARED_FIXED_WINDOW: SharedLimitKind<WindowSettings> = { validate: requireWindow, take: takeFixedWindow };

/**
 * A limit shared by every process: one round trip per call, decided atomically by Redis and its clock. For what is asked rarely; a claim
 * that must not wait uses a leased limiter.
 */
export class RedisLimiter<Settings> {
  constructor(
    private readonly redis: ClaimRedis,
    private readonly kind: SharedLimitKind<Settings>,
    private settings: Settings,
  ) {
    kind.validate(settings);
  }

  /** All of `permits` or none. Rejects with the error of Redis: whether that means refuse or let pass is the caller's decision. */
  async decide(limit: LimitName, name: string, permits = 1): Promise<LimitDecision> {
    const reply = await this.kind.take(this.redis, name, this.settings, permits, permits);
    return toDecision(limit, waitMsOf(reply.waitUs));
  }

  /** Another limit from the next call on; what was used stays used. @throws RangeError that names the setting. */
  reconfigure(next: Settings): void {
    this.kind.validate(next);
    this.settings = next;
  }
}
