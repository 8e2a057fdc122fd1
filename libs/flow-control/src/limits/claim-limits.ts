import type { LeaseCall, LeaseReply } from '@coupon/lua';
import type { FlowSettings } from '../settings/flow-settings';
import { ALLOWED, toDecision } from './decision';
import type { LimitDecision, LimitName } from './decision';
import { KeyedLimiter } from './keyed-limiter';
import { LEASE_PENDING } from './leased-limiter';
import { LeasedLimiters } from './leased-limiters';
import type { MonotonicClock } from './limit-rule';
import { TokenBucketRule } from './token-bucket';
import type { TokenBucketSettings } from './token-bucket';

export interface ClaimLimitsDependencies {
  readonly nowMs: MonotonicClock;
  /** `leaseTokens` on a connection that fails rather than waits. */
  readonly lease: (name: string, call: LeaseCall) => Promise<LeaseReply>;
  readonly onError: (error: unknown) => void;
}

export interface ClaimLimitsOptions {
  /** Shared by the processes of one instance, and unlike that of every other instance. Letters, digits, `-`, `_`. */
  readonly instanceId: string;
  /** Unlike that of every other process, also of one that was started again. Letters, digits, `-`, `_`; at most 50. */
  readonly processId: string;
  /** Addresses remembered at once. @default 100000 */
  readonly maxAddresses?: number;
  /** Activities with a limit in use at once. @default 10000 */
  readonly maxActivities?: number;
}

type Settings = Pick<FlowSettings, 'per_address' | 'per_activity' | 'instance'>;

/**
 * The limits a claim meets before it is sent, narrowest first: address (this process), activity (all instances), instance (its processes).
 * The limit per user is the claim script's. A claim that one of them refuses costs nothing at the others.
 */
export class ClaimLimits {
  private address: KeyedLimiter<TokenBucketSettings> | null = null;
  private activity: LeasedLimiters | null = null;
  private instance: LeasedLimiters | null = null;
  private leases = 0;

  constructor(
    private readonly deps: ClaimLimitsDependencies,
    private readonly options: ClaimLimitsOptions,
  ) {}

  /** Takes over settings; a limit that was on and stays on keeps what was used. */
  apply(settings: Settings): void {
    this.address = this.applyAddress(settings.per_address);
    this.activity = this.applyLeased(this.activity, settings.per_activity, 'activity:');
    this.instance = this.applyLeased(this.instance, settings.instance, 'instance:');
  }

  /** @returns null while a lease is on its way: wait for `ready(activityId)` and ask again. `address` '' is not limited. */
  check(address: string, activityId: string): LimitDecision | null {
    if (this.address !== null && address !== '') {
      const wait = this.address.tryTake(address);
      if (wait !== 0) return toDecision('address', wait);
    }
    if (this.activity !== null) {
      const wait = this.activity.tryTake(activityId);
      if (wait !== 0) {
        this.address?.giveBack(address);
        return answer('activity', wait);
      }
    }
    if (this.instance !== null) {
      const wait = this.instance.tryTake(this.options.instanceId);
      if (wait !== 0) {
        this.activity?.giveBack(activityId);
        this.address?.giveBack(address);
        return answer('instance', wait);
      }
    }
    return ALLOWED;
  }

  /** Resolves when the leases a claim on this activity may wait for have come or failed; never rejects. */
  async ready(activityId: string): Promise<void> {
    await Promise.all([this.activity?.ready(activityId), this.instance?.ready(this.options.instanceId)]);
  }

  /** For metrics. */
  stats(): { readonly addresses: number; readonly addressesForgottenInUse: number } {
    return { addresses: this.address?.size ?? 0, addressesForgottenInUse: this.address?.forgottenInUse ?? 0 };
  }

  /** Gives every lease back. */
  async close(): Promise<void> {
    await Promise.all([this.activity?.close(), this.instance?.close()]);
  }

  private applyAddress(limit: TokenBucketSettings | null): KeyedLimiter<TokenBucketSettings> | null {
    if (limit === null) return null;
    if (this.address === null) {
      return new KeyedLimiter(new TokenBucketRule(limit), this.deps.nowMs, this.options.maxAddresses ?? 100_000);
    }
    this.address.reconfigure(limit);
    return this.address;
  }

  private applyLeased(
    before: LeasedLimiters | null,
    limit: TokenBucketSettings | null,
    prefix: 'activity:' | 'instance:',
  ): LeasedLimiters | null {
    if (limit === null) {
      void before?.close();
      return null;
    }
    if (before !== null) {
      before.reconfigure(limit);
      return before;
    }
    this.leases += 1;
    const limiters = new LeasedLimiters(limit, this.deps, {
      holder: `${this.options.processId}-${this.leases}`,
      maxKeys: this.options.maxActivities ?? 10_000,
      prefix,
    });
    limiters.start();
    return limiters;
  }
}

function answer(limit: LimitName, wait: number): LimitDecision | null {
  return wait === LEASE_PENDING ? null : toDecision(limit, wait);
}
