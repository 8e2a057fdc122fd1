import type { LeaseCall, LeaseReply } from '@coupon/lua';
import { LeasedLimiter } from './leased-limiter';
import type { LeasedLimiterDependencies, LeasedLimiterOptions } from './leased-limiter';
import type { TokenBucketSettings } from './token-bucket';

export interface LeasedLimitersDependencies extends Omit<LeasedLimiterDependencies, 'lease'> {
  /** `leaseTokens` on a connection. */
  readonly lease: (name: string, call: LeaseCall) => Promise<LeaseReply>;
}

const TICK_MS = 250;
const FULL_RETRY_MS = 1_000;

/**
 * Leased limiters by name (one per activity), made on first use and dropped when idle; at most `maxKeys` at once. Shared
 * under `prefix` and the name. One timer for all.
 */
export class LeasedLimiters {
  private readonly limiters = new Map<string, LeasedLimiter>();
  private timer: NodeJS.Timeout | undefined;
  private made = 0;

  constructor(
    private settings: TokenBucketSettings,
    private readonly deps: LeasedLimitersDependencies,
    private readonly options: LeasedLimiterOptions & { readonly maxKeys: number; readonly prefix: string },
  ) {}

  /** Renews and gives back leases from now on. */
  start(): void {
    this.timer ??= setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** Takes one permit. @returns 0 when granted, the milliseconds to wait, or `LEASE_PENDING`. Beyond `maxKeys` limits in use: refused. */
  tryTake(name: string): number {
    return this.limiter(name)?.tryTake() ?? FULL_RETRY_MS;
  }

  giveBack(name: string): void {
    this.limiters.get(name)?.giveBack();
  }

  /** Resolves when the lease that is under way for `name` has come or failed; never rejects. */
  ready(name: string): Promise<void> {
    return this.limiters.get(name)?.ready() ?? Promise.resolve();
  }

  /** Another limit for all names; what was used stays used. @throws RangeError that names the setting. */
  reconfigure(next: TokenBucketSettings): void {
    for (const limiter of this.limiters.values()) limiter.reconfigure(next);
    this.settings = next;
  }

  /** What the timer does. */
  tick(): void {
    for (const [name, limiter] of this.limiters) if (!limiter.tick()) this.limiters.delete(name);
  }

  /** Gives every lease back and stops. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await Promise.all([...this.limiters.values()].map((limiter) => limiter.close()));
    this.limiters.clear();
  }

  private limiter(name: string): LeasedLimiter | undefined {
    const known = this.limiters.get(name);
    if (known !== undefined || this.limiters.size >= this.options.maxKeys) return known;
    const { lease, ...deps } = this.deps;
    this.made += 1;
    // A holder's counters start at zero: one that is made again must not go on under the name of its predecessor.
    const options = { ...this.options, holder: `${this.options.holder}-${this.made}` };
    const limiter = new LeasedLimiter(
      this.settings,
      { ...deps, lease: (call) => lease(this.options.prefix + name, call) },
      options,
    );
    this.limiters.set(name, limiter);
    return limiter;
  }
}
