import { ReferenceTokenBucket } from './reference-limits';

/** What `leaseTokens` takes, with the time of the bucket's clock. */
export interface ReferenceLeaseCall {
  readonly nowUs: number;
  readonly rate: number;
  readonly burst: number;
  readonly holder: string;
  readonly used: number;
  readonly want: number;
  readonly holdMs: number;
  readonly call: number;
}

interface Lease {
  readonly granted: number;
  readonly used: number;
  readonly expiresUs: number;
  readonly call: number;
}

/** The rules of lease-tokens.lua in plain words: a bucket that knows what is used, and who holds what is not. */
export class ReferenceLeaseBucket {
  private readonly leases = new Map<string, Lease>();
  private bucket: ReferenceTokenBucket | undefined;
  private rate = 0;

  lease(call: ReferenceLeaseCall): { granted: number; nowUs: number; waitUs: number; holders: number } {
    const { nowUs, holder } = call;
    const live = [...this.leases].filter(([, lease]) => lease.expiresUs > nowUs);
    const others = live.filter(([name]) => name !== holder).map(([, lease]) => lease);
    const holders = others.length + 1;
    const known = live.find(([name]) => name === holder)?.[1];
    if (known && call.call <= known.call) return { granted: known.granted, nowUs, waitUs: 0, holders };

    const bucket = (this.bucket ??= new ReferenceTokenBucket(call.rate, call.burst));
    if (this.rate !== call.rate) bucket.reconfigure(nowUs, call.rate, call.burst);
    this.rate = call.rate;
    // A lease that has ended counts as used; what a holder reports was used.
    for (const [name, lease] of this.leases) {
      if (lease.expiresUs > nowUs) continue;
      bucket.grant(nowUs, lease.granted - lease.used);
      this.leases.delete(name);
    }
    const used = known ? Math.max(call.used, known.used) : call.used;
    if (known) bucket.grant(nowUs, used - known.used);

    let held = known ? Math.max(0, known.granted - used) : 0;
    const heldByOthers = others.reduce((sum, lease) => sum + lease.granted - lease.used, 0);
    const deficit = bucket.deficit(nowUs);
    const share = Math.max(1, Math.floor(call.burst / holders));
    const fits = (): boolean =>
      deficit + BigInt(heldByOthers + held + 1) * 1_000_000n <= BigInt(call.burst) * 1_000_000n;
    if (call.want < held) held = call.want;
    else while (held < Math.min(call.want, share) && fits()) held += 1;

    if (held === 0) this.leases.delete(holder);
    else
      this.leases.set(holder, { granted: used + held, used, expiresUs: nowUs + call.holdMs * 1_000, call: call.call });
    const missing = deficit + BigInt(heldByOthers + held + 1 - call.burst) * 1_000_000n;
    const rate = BigInt(call.rate);
    return { granted: used + held, nowUs, waitUs: missing > 0n ? Number((missing + rate - 1n) / rate) : 0, holders };
  }

  /** Unused permits that somebody holds. */
  outstanding(nowUs: number): number {
    return [...this.leases.values()]
      .filter((lease) => lease.expiresUs > nowUs)
      .reduce((sum, lease) => sum + lease.granted - lease.used, 0);
  }
}
