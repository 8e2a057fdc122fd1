import type { LeaseCall, LeaseReply } from '@coupon/lua';
import { waitMsOf } from './decision';
import { TokenBucketRule } from './token-bucket';
import type { TokenBucketSettings } from './token-bucket';
import type { MonotonicClock } from './limit-rule';
import type { Taker } from './local-limiter';

/** `tryTake` while a lease is on its way and nothing speaks against it: wait for `ready()` and ask again. */
export const LEASE_PENDING = -1;

export interface LeasedLimiterOptions {
  /** Unlike that of every other limiter of the same name, in any process. Letters, digits, `-`, `_`. */
  readonly holder: string;
  /** The least time between two calls of Redis while it has no permits, or while some are in hand. @default 20 */
  readonly minIntervalMs?: number;
  /** Permits for this long are leased ahead, by the demand seen and at least by the rate of the limit. @default 60 */
  readonly leadMs?: number;
  /** A lease that is not renewed ends after this. @default 2000 */
  readonly holdMs?: number;
  /** Without demand for this long the lease is given back. @default 1000 */
  readonly idleMs?: number;
}

export interface LeasedLimiterDependencies {
  /** `leaseTokens` on the name of this limit. A rejection means that nobody knows whether it was carried out. */
  readonly lease: (call: LeaseCall) => Promise<LeaseReply>;
  readonly nowMs: MonotonicClock;
  /** Called for every failed call. */
  readonly onError: (error: unknown) => void;
}

const FAILURE_PAUSE_MS = 250;

/**
 * A share of a token bucket that many processes use. Permits are leased ahead of demand, so that a claim waits for Redis only while nothing
 * is known yet (the first after a pause, or a sudden rise). Guarantee: all holders together use at most `burst + rate * T` permits in any
 * T seconds, however many there are, whatever calls are lost or repeated, and whoever dies (see lease-tokens.lua and the README).
 */
export class LeasedLimiter implements Taker {
  private readonly minIntervalMs: number;
  private readonly leadMs: number;
  private readonly holdMs: number;
  private readonly idleMs: number;
  /** Permits in hand, and until when they may be used. */
  private permits = 0;
  private deadlineMs = -Infinity;
  /** Permits used since the limiter was made, and how many of them Redis has been told. */
  private used = 0;
  private reported = 0;
  private calls = 0;
  private underWay: Promise<void> | null = null;
  /** Until then there is no use in asking: the bucket is empty, or Redis did not answer. */
  private notBeforeMs = -Infinity;
  private lastCallMs = -Infinity;
  private lastDemandMs = -Infinity;
  private lastWant = 0;
  private demand = 0;
  private closed = false;

  constructor(
    private settings: TokenBucketSettings,
    private readonly deps: LeasedLimiterDependencies,
    private readonly options: LeasedLimiterOptions,
  ) {
    void new TokenBucketRule(settings);
    this.minIntervalMs = options.minIntervalMs ?? 20;
    this.leadMs = options.leadMs ?? 60;
    this.holdMs = options.holdMs ?? 2_000;
    this.idleMs = options.idleMs ?? 1_000;
  }

  /** Takes one permit. @returns 0 when granted, the milliseconds to wait, or {@link LEASE_PENDING}. */
  tryTake(): number {
    const now = this.deps.nowMs();
    this.demand += 1;
    this.lastDemandMs = now;
    if (now >= this.deadlineMs) this.permits = 0;
    if (this.permits > 0) {
      this.permits -= 1;
      this.used += 1;
      if (this.permits * 2 < this.lastWant && now >= this.notBeforeMs && now >= this.lastCallMs + this.minIntervalMs) {
        this.refill(now);
      }
      return 0;
    }
    if (now >= this.notBeforeMs) this.refill(now);
    if (now >= this.notBeforeMs && this.underWay !== null) return LEASE_PENDING;
    return Math.max(1, Math.ceil(this.notBeforeMs - now));
  }

  giveBack(): void {
    // What Redis was told is used is being refilled already.
    if (this.used === this.reported) return;
    this.permits += 1;
    this.used -= 1;
  }

  /** Resolves when the lease that is under way has come or failed; never rejects. */
  ready(): Promise<void> {
    return this.underWay ?? Promise.resolve();
  }

  /** Renews a lease that would end, gives an idle one back. To be called about every 250 ms. @returns false when nothing is held or wanted. */
  tick(): boolean {
    const now = this.deps.nowMs();
    const idle = now - this.lastDemandMs > this.idleMs;
    if (this.permits > 0 && now < this.deadlineMs) {
      if (idle) void this.call(now, 0);
      else if (this.deadlineMs - now < this.holdMs / 2) this.refill(now);
      return true;
    }
    return !idle || this.underWay !== null;
  }

  /** Another limit with the next call; what was used stays used. @throws RangeError that names the setting. */
  reconfigure(next: TokenBucketSettings): void {
    void new TokenBucketRule(next);
    this.settings = next;
    // What is known of an empty bucket was said of the old limit.
    this.notBeforeMs = -Infinity;
  }

  /** Gives the rest back. Nothing is granted any more. */
  async close(): Promise<void> {
    this.closed = true;
    await this.underWay;
    const held = this.permits > 0 && this.deps.nowMs() < this.deadlineMs;
    if (held) await this.call(this.deps.nowMs(), 0);
    this.permits = 0;
  }

  private refill(now: number): void {
    if (this.underWay !== null || this.closed) return;
    const since = now - this.lastCallMs;
    const expected = since <= this.idleMs ? (this.demand / since) * this.leadMs : 0;
    const refilled = (this.settings.rate * this.leadMs) / 1_000;
    // What is not used is not lost to anybody but takes room in the bucket; the script keeps it to an equal share.
    void this.call(now, Math.max(1, Math.min(this.settings.burst, Math.ceil(Math.max(expected, refilled)))));
    this.demand = 0;
  }

  private call(now: number, want: number): Promise<void> {
    if (this.underWay !== null) return this.underWay;
    // What is given back must not be used while the call is on its way, nor after it if its reply is lost.
    this.permits = Math.min(this.permits, want);
    this.lastCallMs = now;
    this.lastWant = want;
    this.calls += 1;
    this.reported = this.used;
    const lease = {
      rate: this.settings.rate,
      burst: this.settings.burst,
      holder: this.options.holder,
      used: this.reported,
      want,
      // Redis keeps it a little longer than we use it: clocks do not run alike.
      holdMs: Math.ceil(this.holdMs * 1.1),
      call: this.calls,
    };
    this.underWay = this.deps.lease(lease).then(
      (reply) => {
        this.underWay = null;
        this.permits = Math.max(0, reply.granted - this.used);
        this.deadlineMs = now + this.holdMs;
        this.notBeforeMs =
          reply.waitUs === 0
            ? -Infinity
            : Math.max(this.deps.nowMs() + waitMsOf(reply.waitUs), now + this.minIntervalMs);
      },
      (error: unknown) => {
        this.underWay = null;
        this.notBeforeMs = this.deps.nowMs() + FAILURE_PAUSE_MS;
        this.deps.onError(error);
      },
    );
    return this.underWay;
  }
}
