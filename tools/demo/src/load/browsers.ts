/** What `GET /api/v1/system/stats` of coupon-admin says of its caches, as far as it is used here. */
export interface CacheCounts {
  readonly name: string;
  readonly bypassed: number;
  readonly l1: { readonly hits: number; readonly misses: number };
}

interface CacheUse {
  readonly hits: number;
  readonly misses: number;
  /** Of the misses: reads past the caches, for want of a heartbeat. */
  readonly bypassed: number;
}

export interface BrowsingReport {
  /** Pages that were read. */
  readonly reads: number;
  /** Of all reads of the caches meanwhile, those that were answered in process; null when nothing is cached. */
  readonly l1_hit_rate: number | null;
  /** By cache. */
  readonly caches: Readonly<Record<string, CacheUse>>;
}

export interface BrowsersOptions {
  /** Reads a page of coupon-admin; rejects when it cannot be read. */
  readonly read: (path: string) => Promise<unknown>;
  /** Of the process whose pages are read; null when nothing is cached. */
  readonly cacheCounts: () => Promise<readonly CacheCounts[] | null>;
  readonly activityId: string;
  readonly templateId: string;
  /** Somebody who has won, to look at the coupons of; undefined while nobody has. */
  readonly winner: () => string | undefined;
  readonly sleep: (ms: number) => Promise<void>;
}

const BROWSERS = 6;
/** Between two pages of one of them. */
const THINKING_MS = 2;
/** Every so many pages are of the activity, whose counter moves with every batch of coupons that is stored; the others are of its template. */
const PAGES_PER_SALE = 3;
/** Every so many pages somebody looks at the coupons that are theirs. */
const PAGES_PER_WALLET = 25;

/** People who look at the sale while it is on: its activity, its template, now and then a winner's coupons. */
export class Browsers {
  private reads = 0;
  private stopped = false;
  private running: Promise<void>[] = [];
  private before: readonly CacheCounts[] | null = null;

  constructor(private readonly options: BrowsersOptions) {}

  async start(): Promise<void> {
    this.before = await this.options.cacheCounts();
    this.running = Array.from({ length: BROWSERS }, () => this.browse());
    // Reported by stop.
    for (const one of this.running) one.catch(() => undefined);
  }

  /** @throws the error of a page that could not be read */
  async stop(): Promise<BrowsingReport> {
    this.stopped = true;
    await Promise.all(this.running);
    return reportOf(this.reads, this.before, await this.options.cacheCounts());
  }

  private async browse(): Promise<void> {
    const { read, activityId, templateId, winner, sleep } = this.options;
    while (!this.stopped) {
      this.reads += 1;
      const who = this.reads % PAGES_PER_WALLET === 0 ? winner() : undefined;
      if (who !== undefined) await read(`/users/${who}/coupons`);
      else
        await read(
          this.reads % PAGES_PER_SALE === 0 ? `/flash-sales/${activityId}` : `/coupon-templates/${templateId}`,
        );
      await sleep(THINKING_MS);
    }
  }
}

export function reportOf(
  reads: number,
  before: readonly CacheCounts[] | null,
  after: readonly CacheCounts[] | null,
): BrowsingReport {
  const caches = (after ?? []).map(({ name, bypassed, l1 }) => {
    const first = before?.find((one) => one.name === name);
    // A read past the caches is none of theirs, and none that was answered in process either.
    const past = bypassed - (first?.bypassed ?? 0);
    return {
      name,
      hits: l1.hits - (first?.l1.hits ?? 0),
      misses: l1.misses - (first?.l1.misses ?? 0) + past,
      bypassed: past,
    };
  });
  const hits = caches.reduce((sum, one) => sum + one.hits, 0);
  const all = caches.reduce((sum, one) => sum + one.hits + one.misses, 0);
  const used = caches.filter((one) => one.hits + one.misses > 0);
  return {
    reads,
    l1_hit_rate: all === 0 ? null : hits / all,
    caches: Object.fromEntries(used.map(({ name, ...counts }) => [name, counts])),
  };
}
