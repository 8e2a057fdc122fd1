import type { ActivityId } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';
import type { IncomingEvent } from './incoming-event';

/** An event that MySQL has; `units` is negative for a release. */
export interface PersistedEvent {
  readonly seq: number;
  readonly units: number;
}

/** Writes marks to the claim Redis. Rejects when it cannot be reached; marking twice is harmless. */
export type MarkPersisted = (activityId: ActivityId, events: readonly PersistedEvent[]) => Promise<unknown>;

export interface PersistedMarksOptions {
  readonly mark: MarkPersisted;
  readonly logger: Logger;
  /** Marks kept for later while Redis is away; beyond it they are left to the reconciliation, which reads them from MySQL. @default 200000 */
  readonly maxPending?: number;
}

/**
 * Tells the gateway's side what is in MySQL, after the commit and beside the consumer: Redis being away must not hold up commits and
 * acknowledgements.
 */
export class PersistedMarks {
  private readonly pending = new Map<string, Map<number, number>>();
  private count = 0;
  private dropped = 0;
  private flushing: Promise<void> | undefined;

  constructor(private readonly options: PersistedMarksOptions) {}

  /** Marks that Redis does not have yet. */
  get size(): number {
    return this.count;
  }

  add(events: readonly IncomingEvent[]): void {
    const { maxPending = 200_000 } = this.options;
    for (const { kind, body } of events) {
      if (this.count >= maxPending) {
        this.dropped += 1;
        continue;
      }
      let bySeq = this.pending.get(body.activity_id);
      if (bySeq === undefined) this.pending.set(body.activity_id, (bySeq = new Map<number, number>()));
      if (!bySeq.has(body.event_seq)) this.count += 1;
      bySeq.set(body.event_seq, kind === 'claimed' ? body.units.length : -body.units.length);
    }
    if (this.dropped > 0 && this.count < maxPending / 2) {
      this.options.logger.warn({ count: this.dropped }, 'persisted marks left to the reconciliation');
      this.dropped = 0;
    }
  }

  /** Writes what is pending; several calls at once share one pass. Never rejects: what could not be written stays pending. */
  async flush(): Promise<void> {
    this.flushing ??= this.writeAll().finally(() => {
      this.flushing = undefined;
    });
    await this.flushing;
  }

  private async writeAll(): Promise<void> {
    for (const [activityId, bySeq] of [...this.pending]) {
      this.pending.delete(activityId);
      this.count -= bySeq.size;
      const events = [...bySeq].map(([seq, units]) => ({ seq, units }));
      try {
        await this.options.mark(activityId as ActivityId, events);
      } catch (error) {
        this.options.logger.warn({ err: error, activity_id: activityId, count: events.length }, 'marks kept for later');
        this.putBack(activityId, bySeq);
        return;
      }
    }
  }

  private putBack(activityId: string, bySeq: Map<number, number>): void {
    const newer = this.pending.get(activityId);
    if (newer === undefined) this.pending.set(activityId, bySeq);
    else for (const [seq, units] of bySeq) newer.set(seq, units);
    this.count = [...this.pending.values()].reduce((sum, { size }) => sum + size, 0);
  }
}
