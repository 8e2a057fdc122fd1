import type { ActivityId } from '@coupon/domain';
import type { ArchiveResult } from '@coupon/lua';
import type { Logger } from '@coupon/service-kit';

/** MySQL's word on whether the keys of an activity may go. */
export type ArchiveMark =
  /** Marked, now or before. `lastSeq`: its last event; all of them are stored. */
  { readonly kind: 'marked'; readonly lastSeq: number } | { readonly kind: 'refused'; readonly reason: string };

/** What archiving reads and writes in MySQL. */
export interface ArchiveLedger {
  /** Ended, drained longer ago than the retention and not archived; ids above `after`, rising, at most `limit`. */
  due(after: ActivityId | null, limit: number): Promise<ActivityId[]>;
  /** Those of the ids that are archived. */
  archived(ids: readonly ActivityId[]): Promise<ActivityId[]>;
  /** Looks again and marks, in one transaction: from then on nobody begins anything that needs the activity in Redis. */
  mark(id: ActivityId): Promise<ArchiveMark>;
  /** Takes the mark back, and drained_at with it: the activity is watched again. */
  unmark(id: ActivityId): Promise<void>;
}

/** The activity's keys and its entry in the registry. */
export interface ArchiveKeys {
  registered(): Promise<readonly ActivityId[]>;
  register(id: ActivityId): Promise<void>;
  remove(id: ActivityId, lastSeq: number): Promise<ArchiveResult>;
  unregister(id: ActivityId): Promise<void>;
}

export interface ArchiveActivitiesOptions {
  readonly ledger: ArchiveLedger;
  readonly keys: ArchiveKeys;
  readonly logger: Logger;
  readonly count: (outcome: 'archived' | 'refused') => void;
  /** @default 100 */
  readonly pageSize?: number;
}

/** Pages of one round: the next round goes on. */
const MAX_PAGES = 20;

/**
 * Ends the life of an activity's keys after its retention. Order, so that a death at any point leaves something the next round finds: entry
 * in the registry, mark in MySQL, keys, entry out of the registry. An archived activity that is in the registry is therefore always
 * unfinished work: also one that an older disk of Redis has brought back.
 */
export class ArchiveActivities {
  constructor(private readonly options: ArchiveActivitiesOptions) {}

  /** One round. */
  async execute(stopped: () => boolean = () => false): Promise<void> {
    const { keys, ledger, pageSize = 100 } = this.options;
    await this.each(await ledger.archived(await keys.registered()), stopped);
    let after: ActivityId | null = null;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const due: ActivityId[] = await ledger.due(after, pageSize);
      await this.each(due, stopped);
      if (due.length < pageSize || stopped()) return;
      after = due[due.length - 1] ?? null;
    }
  }

  private async each(ids: readonly ActivityId[], stopped: () => boolean): Promise<void> {
    for (const id of ids) {
      if (stopped()) return;
      try {
        this.options.count((await this.archive(id)) ? 'archived' : 'refused');
      } catch (error) {
        // One broken activity must not keep the others.
        this.options.logger.warn({ err: error, activity_id: id }, 'activity cannot be archived yet');
      }
    }
  }

  private async archive(id: ActivityId): Promise<boolean> {
    const { keys, ledger, logger } = this.options;
    await keys.register(id);
    const mark = await ledger.mark(id);
    if (mark.kind === 'refused') {
      logger.warn({ activity_id: id, reason: mark.reason }, 'activity is not archived');
      return false;
    }
    const removed = await this.remove(id, mark.lastSeq);
    if (removed.kind !== 'removed' && removed.kind !== 'absent') {
      await ledger.unmark(id);
      logger.error({ activity_id: id, seq: mark.lastSeq, found: removed }, 'activity is not archived: watched again');
      return false;
    }
    await keys.unregister(id);
    logger.info({ activity_id: id, seq: mark.lastSeq }, 'activity archived');
    return true;
  }

  private async remove(id: ActivityId, lastSeq: number): Promise<ArchiveResult> {
    const { keys, logger } = this.options;
    const result = await keys.remove(id, lastSeq);
    if (result.kind !== 'other_sequence' || result.eventSeq > lastSeq) return result;
    // An older copy, after a loss: MySQL has all of its events and those it has lost.
    logger.warn(
      { activity_id: id, seq: lastSeq, redis_seq: result.eventSeq },
      'archiving an older copy of the activity',
    );
    return keys.remove(id, result.eventSeq);
  }
}
