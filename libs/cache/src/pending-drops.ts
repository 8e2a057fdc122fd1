/**
 * Changes this process has heard of and that L2 may not have been told yet, by key. Whoever reads such a key from L2 next tells L2 first.
 * Bounded: a change is forgotten after `rememberMs`, the longest that the process that drops L2 may lag behind; when there are more than
 * `most`, the oldest are forgotten and L2 is not trusted for `rememberMs`.
 */
export class PendingDrops {
  private readonly changes = new Map<string, { readonly version: string; readonly untilMs: number }>();
  private distrustUntilMs = -Infinity;

  constructor(
    private readonly rememberMs: number,
    private readonly most: number,
  ) {}

  add(key: string, version: string, nowMs: number): void {
    this.changes.delete(key);
    this.changes.set(key, { version, untilMs: nowMs + this.rememberMs });
    for (const [oldest, { untilMs }] of this.changes) {
      if (untilMs > nowMs) {
        if (this.changes.size <= this.most) return;
        this.distrust(nowMs);
      }
      this.changes.delete(oldest);
    }
  }

  /** L2 as a whole may hold what has changed. */
  distrust(nowMs: number): void {
    this.distrustUntilMs = nowMs + this.rememberMs;
  }

  distrusted(nowMs: number): boolean {
    return nowMs < this.distrustUntilMs;
  }

  /** The change that L2 has to be told before `key` is read from it. */
  versionOf(key: string, nowMs: number): string | undefined {
    const change = this.changes.get(key);
    return change !== undefined && change.untilMs > nowMs ? change.version : undefined;
  }

  /** L2 knows this change. */
  told(key: string, version: string): void {
    if (this.changes.get(key)?.version === version) this.changes.delete(key);
  }

  get size(): number {
    return this.changes.size;
  }
}
