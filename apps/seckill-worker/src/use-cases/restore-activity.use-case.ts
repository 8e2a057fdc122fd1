import type { ActivityStore, OutboxStream, PersistedEvent, PrewarmActivity, RestoredClaim } from '@coupon/lua';
import type { ActivityId, ActivityState } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';

/** An activity as it is to be put back. */
export interface RestorePlan {
  /** Under the new epoch. */
  readonly activity: PrewarmActivity;
  /** Units of stored claims that were not given back. */
  readonly claimed: number;
  /** Last event sequence number in use; the next claim gets the one after it. */
  readonly eventSeq: number;
}

/** What was known of the activity when its loss was found. */
export interface Loss {
  readonly epoch: number;
  /** A restore was under way already. */
  readonly restoring: boolean;
}

export type BeginResult =
  | { readonly kind: 'plan'; readonly plan: RestorePlan }
  /** Unknown, being loaded, or restored by somebody else meanwhile. */
  | { readonly kind: 'superseded' }
  /** Promised units lie in the dead-letter queue: selling them again would break one of two promises. */
  | { readonly kind: 'parked'; readonly count: number };

export interface RestoreLedger {
  /**
   * Goes on with the unfinished restore, or opens one if nothing has changed since the loss was found: the epoch moves on exactly once per
   * restore, so that a crash in the middle continues it.
   */
  begin(id: ActivityId, loss: Loss): Promise<BeginResult>;
  /** Every stored claim, all claims of one user in one chunk. */
  claims(id: ActivityId): AsyncIterable<readonly RestoredClaim[]>;
  /** Every stored event, in chunks. */
  events(id: ActivityId): AsyncIterable<readonly PersistedEvent[]>;
  /** Where it should be by MySQL, now. */
  state(id: ActivityId): Promise<ActivityState>;
  finish(id: ActivityId, epoch: number): Promise<void>;
}

export interface RestoreActivityOptions {
  readonly store: Pick<ActivityStore, 'setState' | 'restore' | 'ensureRelayGroup' | 'closeLost'>;
  readonly outbox: Pick<OutboxStream, 'pending'>;
  readonly ledger: RestoreLedger;
  readonly markPersisted: (id: ActivityId, events: readonly PersistedEvent[]) => Promise<unknown>;
  readonly logger: Logger;
}

/**
 * Rebuilds an activity that Redis has lost (invariant 9): close what is left of it, wait until its outbox is relayed and stored, put it back
 * from MySQL under the next epoch, open it again. Every step can be repeated; several workers may do it at once.
 */
export class RestoreActivity {
  constructor(private readonly options: RestoreActivityOptions) {}

  /** Closes what is left and lets its outbox be relayed. @returns true when something is lost and the outbox is empty. */
  async prepare(id: ActivityId, epoch: number): Promise<boolean> {
    const { store, outbox } = this.options;
    // Under that epoch only, and never a whole one: what somebody has put back or loaded meanwhile must stay open.
    if (!(await store.closeLost(id, epoch))) return false;
    await store.ensureRelayGroup(id);
    return (await outbox.pending(id)).length === 0;
  }

  /** @returns false when it has to be looked at again. */
  async execute(id: ActivityId, loss: Loss): Promise<boolean> {
    const { store, ledger, markPersisted, logger } = this.options;
    const begun = await ledger.begin(id, loss);
    if (begun.kind === 'parked') {
      logger.error(
        { activity_id: id, count: begun.count },
        'restore waits until the dead letters of the activity are replayed',
      );
      return false;
    }
    if (begun.kind === 'superseded') return false;
    const { activity, claimed, eventSeq } = begun.plan;
    const result = await store.restore(activity, { claimed, eventSeq, claims: ledger.claims(id) });
    if (result.kind !== 'restored' && result.kind !== 'already') {
      logger.error({ activity_id: id, epoch: activity.epoch, reason: result.kind }, 'activity cannot be put back yet');
      return false;
    }
    for await (const events of ledger.events(id)) await markPersisted(id, events);
    // From closed only: an operator who has paused or ended it meanwhile is not overruled.
    const state = await ledger.state(id);
    const opened = await store.setState(id, { to: state, epoch: activity.epoch, from: 'closed' });
    if (opened.kind === 'not_loaded' || opened.kind === 'wrong_epoch') return false;
    await ledger.finish(id, activity.epoch);
    logger.warn({ activity_id: id, epoch: activity.epoch, claimed, seq: eventSeq, state }, 'activity restored');
    return true;
  }
}
