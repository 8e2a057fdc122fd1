/** A limit by its definition, on the list of everything it ever granted. Slow and plain: what fast limiters are compared with. */
export interface ReferenceLimit {
  /** Whether `permits` may be granted at a time (whole microseconds, not before the last grant). */
  allows(atUs: number, permits: number): boolean;
  /** Records a grant. */
  grant(atUs: number, permits: number): void;
}

interface Grant {
  readonly atUs: bigint;
  readonly permits: bigint;
}

/**
 * No stretch of time that ends now, from any earlier grant on, may hold more than the burst and what was refilled in it: the (burst, rate)
 * bound of Cruz, "A Calculus for Network Delay", 1991.
 */
export class ReferenceTokenBucket implements ReferenceLimit {
  private readonly grants: Grant[] = [];
  private readonly rates: { readonly fromUs: bigint; readonly rate: bigint }[];

  constructor(
    rate: number,
    private burst: number,
  ) {
    this.rates = [{ fromUs: 0n, rate: BigInt(rate) }];
  }

  allows(atUs: number, permits: number): boolean {
    return this.deficit(atUs) + BigInt(permits) * 1_000_000n <= BigInt(this.burst) * 1_000_000n;
  }

  /** Millionths of a permit that were granted and are not refilled. */
  deficit(atUs: number): bigint {
    const now = BigInt(atUs);
    let sum = 0n;
    let most = 0n;
    for (const grant of this.grants.toReversed()) {
      sum += grant.permits * 1_000_000n;
      const open = sum - this.refilled(grant.atUs, now);
      if (open > most) most = open;
    }
    return most;
  }

  grant(atUs: number, permits: number): void {
    this.grants.push({ atUs: BigInt(atUs), permits: BigInt(permits) });
  }

  reconfigure(atUs: number, rate: number, burst: number): void {
    this.rates.push({ fromUs: BigInt(atUs), rate: BigInt(rate) });
    this.burst = burst;
  }

  /** Millionths of a permit refilled between two times. */
  private refilled(fromUs: bigint, toUs: bigint): bigint {
    let sum = 0n;
    for (const [i, { fromUs: start, rate }] of this.rates.entries()) {
      const end = this.rates[i + 1]?.fromUs ?? toUs;
      const from = start > fromUs ? start : fromUs;
      const to = end < toUs ? end : toUs;
      if (to > from) sum += (to - from) * rate;
    }
    return sum;
  }
}

/** Granted in each window of the clock, counted from the list. */
export class ReferenceFixedWindow implements ReferenceLimit {
  protected grants: Grant[] = [];

  constructor(
    protected limit: number,
    protected windowMs: number,
  ) {}

  allows(atUs: number, permits: number): boolean {
    return this.counted(BigInt(atUs)) + BigInt(permits) <= BigInt(this.limit);
  }

  grant(atUs: number, permits: number): void {
    this.grants.push({ atUs: BigInt(atUs), permits: BigInt(permits) });
  }

  /** Under another window length, what still counted is one grant at the moment of the change. */
  reconfigure(atUs: number, limit: number, windowMs: number): void {
    if (windowMs !== this.windowMs) this.grants = [{ atUs: BigInt(atUs), permits: this.counted(BigInt(atUs)) }];
    this.limit = limit;
    this.windowMs = windowMs;
  }

  protected get lengthUs(): bigint {
    return BigInt(this.windowMs) * 1_000n;
  }

  protected inWindow(window: bigint): bigint {
    return this.grants.reduce((sum, { atUs, permits }) => (atUs / this.lengthUs === window ? sum + permits : sum), 0n);
  }

  protected counted(now: bigint): bigint {
    return this.inWindow(now / this.lengthUs);
  }
}

/** The last window counts by how much of it still lies in the sliding one, rounded down. */
export class ReferenceSlidingWindow extends ReferenceFixedWindow {
  protected override counted(now: bigint): bigint {
    const window = now / this.lengthUs;
    const elapsed = now % this.lengthUs;
    return this.inWindow(window) + (this.inWindow(window - 1n) * (this.lengthUs - elapsed)) / this.lengthUs;
  }
}
