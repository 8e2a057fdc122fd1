import type { ActivityId, ErrorCode } from '@coupon/domain';
import { meansNothingHappened } from '@coupon/lua';
import type { Component } from '@coupon/service-kit';

export type RefusalCounts = ReadonlyMap<ErrorCode, number>;

export interface LocalRefusalsDependencies {
  /** Adds them to the activity's counters. Rejects with the error of Redis. */
  readonly write: (id: ActivityId, refused: RefusalCounts) => Promise<unknown>;
  /** Whether there is an examined connection; without one everything is kept. */
  readonly isReady: () => boolean;
  readonly onError: (error: unknown) => void;
}

const WRITE_EVERY_MS = 1_000;
/** Activities between two writes; refusals for more of them are not counted. Their ids come from callers. */
const MAX_ACTIVITIES = 1_000;

/**
 * Refusals this process gives without asking Redis, for the statistics of an activity: added up here and written once a second, a call per
 * activity with any. Best effort: what is not written when the process dies, or when nobody knows whether it was, is missing; nothing is
 * counted twice.
 */
export class LocalRefusals implements Component {
  readonly name = 'refusal counters';
  private counts = new Map<ActivityId, Map<ErrorCode, number>>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | null = null;

  constructor(private readonly deps: LocalRefusalsDependencies) {}

  count(id: ActivityId, code: ErrorCode, claims = 1): void {
    let counts = this.counts.get(id);
    if (counts === undefined) {
      if (this.counts.size >= MAX_ACTIVITIES) return;
      counts = new Map();
      this.counts.set(id, counts);
    }
    counts.set(code, (counts.get(code) ?? 0) + claims);
  }

  start(): void {
    this.timer ??= setInterval(() => void this.flush(), WRITE_EVERY_MS).unref();
  }

  async drain(): Promise<void> {
    await this.writing;
    await this.flush();
  }

  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Writes what there is, unless a write is under way. Never rejects. */
  flush(): Promise<void> {
    if (this.writing !== null || this.counts.size === 0 || !this.deps.isReady())
      return this.writing ?? Promise.resolve();
    const counts = this.counts;
    this.counts = new Map();
    this.writing = Promise.all([...counts].map(([id, refused]) => this.writeOne(id, refused))).then(() => {
      this.writing = null;
    });
    return this.writing;
  }

  private async writeOne(id: ActivityId, refused: RefusalCounts): Promise<void> {
    try {
      await this.deps.write(id, refused);
    } catch (error) {
      if (meansNothingHappened(error)) for (const [code, claims] of refused) this.count(id, code, claims);
      else this.deps.onError(error);
    }
  }
}
