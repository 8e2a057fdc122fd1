import type { LeaseCall, LeaseReply } from '@coupon/lua';
import { ReferenceLeaseBucket } from '@coupon/testing';
import { LEASE_PENDING, LeasedLimiter } from '../../src/limits/leased-limiter';
import type { LeasedLimiterOptions } from '../../src/limits/leased-limiter';
import type { TokenBucketSettings } from '../../src/limits/token-bucket';

/** How one call of Redis goes: whole microseconds there and back; the reply, or the call itself, may be lost. */
export interface CallFate {
  readonly thereUs: number;
  readonly backUs: number;
  readonly lost: 'no' | 'call' | 'reply';
}

const TIMEOUT_US = 300_000;
const TICK_US = 250_000;

/** Holders of one bucket, Redis, and the network between them, on a clock of their own. */
export class LeaseSimulation {
  /** Times of all permits used, in order. */
  readonly uses: number[] = [];
  refused = 0;
  nowUs = 8_000_000;
  readonly bucket = new ReferenceLeaseBucket();
  private readonly events: { readonly atUs: number; readonly order: number; readonly run: () => void }[] = [];
  private readonly holders: LeasedLimiter[] = [];
  private order = 0;
  private made = 0;

  constructor(
    private settings: TokenBucketSettings,
    count: number,
    private readonly fate: (call: LeaseCall) => CallFate,
    private readonly options: Omit<LeasedLimiterOptions, 'holder'> = {},
  ) {
    for (let i = 0; i < count; i += 1) this.holders.push(this.aHolder());
    this.at(TICK_US, () => this.tick());
  }

  /** A claim at one of the holders: it waits for a lease that is under way, and ends used or refused. */
  demand(holder: number, givenBack = false): void {
    const limiter = this.holder(holder);
    const wait = limiter.tryTake();
    if (wait === LEASE_PENDING) {
      void limiter.ready().then(() => this.demand(holder, givenBack));
    } else if (wait > 0) {
      this.refused += 1;
    } else if (givenBack) {
      limiter.giveBack();
    } else {
      this.uses.push(this.nowUs);
    }
  }

  /** A holder dies with what it holds, and its process starts again. */
  crash(holder: number): void {
    this.holders[holder % this.holders.length] = this.aHolder();
  }

  close(holder: number): Promise<void> {
    return this.holder(holder).close();
  }

  reconfigure(settings: TokenBucketSettings): void {
    this.settings = settings;
    for (const holder of this.holders) holder.reconfigure(settings);
  }

  at(afterUs: number, run: () => void): void {
    this.events.push({ atUs: this.nowUs + afterUs, order: (this.order += 1), run });
  }

  /** Lets time pass, event by event. */
  async pass(us: number): Promise<void> {
    const until = this.nowUs + us;
    for (;;) {
      await settle();
      this.events.sort((a, b) => a.atUs - b.atUs || a.order - b.order);
      const next = this.events[0];
      if (next === undefined || next.atUs > until) break;
      this.events.shift();
      this.nowUs = next.atUs;
      next.run();
    }
    this.nowUs = until;
  }

  private tick(): void {
    for (const holder of this.holders) holder.tick();
    this.at(TICK_US, () => this.tick());
  }

  private holder(index: number): LeasedLimiter {
    const holder = this.holders[index % this.holders.length];
    if (holder === undefined) throw new Error('no such holder');
    return holder;
  }

  private aHolder(): LeasedLimiter {
    this.made += 1;
    return new LeasedLimiter(
      this.settings,
      { lease: (call) => this.send(call), nowMs: () => this.nowUs / 1_000, onError: () => undefined },
      { ...this.options, holder: `h${this.made}` },
    );
  }

  private send(call: LeaseCall): Promise<LeaseReply> {
    const { thereUs, backUs, lost } = this.fate(call);
    return new Promise((resolve, reject) => {
      this.at(TIMEOUT_US, () => reject(new Error('timed out')));
      if (lost === 'call') return;
      this.at(thereUs, () => {
        const reply = this.bucket.lease({ ...call, nowUs: this.nowUs });
        if (lost === 'no') this.at(backUs, () => resolve(reply));
      });
    });
  }
}

/** Lets everything run that waits for nothing but promises. */
async function settle(): Promise<void> {
  for (let i = 0; i < 8; i += 1) await Promise.resolve();
}
