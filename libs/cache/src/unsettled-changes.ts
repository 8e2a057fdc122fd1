import type { Heartbeat } from './freshness';

/**
 * Changes in the order of their announcement, until it is known that whoever reads the origin sees them. A change is announced when MySQL has
 * logged it, and that may be before it can be read: a value that was loaded on its announcement may be the old one. What is dropped on an
 * announcement is dropped again when the change is settled: when a heartbeat that came after it was acknowledged, so that everything logged
 * before that heartbeat is committed.
 */
export class UnsettledChanges<Change> {
  private open: Change[] = [];
  /** What came before a heartbeat and after the one before. */
  private readonly segments: { changes: Change[]; readonly source: string; readonly sentMs: number }[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  announced(change: Change): void {
    this.open.push(change);
    this.count += 1;
  }

  /**
   * @returns what this heartbeat settles: the changes, in their order, and the heartbeat of its source before which they and all others came
   * (0: none that was heard here)
   */
  heard({ source, sentMs, acknowledgedMs }: Heartbeat): { readonly changes: Change[]; readonly settledMs: number } {
    this.segments.push({ changes: this.open, source, sentMs });
    this.open = [];
    const last = this.segments.findLastIndex((one) => one.source === source && one.sentMs <= acknowledgedMs);
    const settled = this.segments.splice(0, last + 1);
    const changes = settled.flatMap((segment) => segment.changes);
    this.count -= changes.length;
    this.joinOldest();
    return { changes, settledMs: settled.at(-1)?.sentMs ?? 0 };
  }

  all(): Change[] {
    return [...this.segments.flatMap(({ changes }) => changes), ...this.open];
  }

  clear(): void {
    this.open = [];
    this.segments.length = 0;
    this.count = 0;
  }

  /** Heartbeats that nobody acknowledges must not pile up: what came before the oldest waits for the next. */
  private joinOldest(): void {
    if (this.segments.length <= MOST_SEGMENTS) return;
    const [oldest, next] = this.segments.splice(0, 2);
    if (oldest === undefined || next === undefined) return;
    this.segments.unshift({ ...next, changes: [...oldest.changes, ...next.changes] });
  }
}

/** Ten seconds of three processes' heartbeats. */
const MOST_SEGMENTS = 128;

/** The second announcement of a change: it must not be taken for the first. */
export function settledVersion(version: string): string {
  return `${version}+`;
}
