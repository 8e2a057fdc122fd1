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
  /** What it was before it was lost, by MySQL: where it goes once it is back. */
  readonly state: ActivityState;
}

export interface RestoreLedger {
  /**
   * Goes on with the unfinished restore, or opens one if MySQL is still at `epoch`: the epoch moves on exactly once per restore, so that a
   * crash in the middle continues it. Null when the activity is unknown or somebody else has restored it meanwhile.
   */
  begin(id: ActivityId, epoch: number): Promise<RestorePlan | null>;
  /** Every stored claim, all claims of one user in one chunk. */
  claims(id: ActivityId): AsyncIterable<readonly RestoredClaim[]>;
  /** Every stored event, in chunks. */
  events(id: ActivityId): AsyncIterable<readonly PersistedEvent[]>;
  finish(id: ActivityId, epoch: number): Promise<void>;
}

export interface RestoreActivityOptions {
  readonly store: Pick<ActivityStore, 'setState' | 'restore'>;
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

  /**
   * @param epoch the one MySQL had when the loss was found
   * @returns false when it has to be looked at again: the outbox is not relayed yet, or somebody else is ahead.
   */
  async execute(id: ActivityId, epoch: number): Promise<boolean> {
    const { store, outbox, ledger, markPersisted, logger } = this.options;
    // Under that epoch only: what another worker has put back already must stay open.
    await store.setState(id, { to: 'closed', epoch });
    if ((await outbox.pending(id)).length > 0) return false;
    const plan = await ledger.begin(id, epoch);
    if (plan === null) return false;
    const { activity, claimed, eventSeq } = plan;
    const result = await store.restore(activity, { claimed, eventSeq, claims: ledger.claims(id) });
    if (result.kind !== 'restored' && result.kind !== 'already') {
      logger.error({ activity_id: id, epoch: activity.epoch, reason: result.kind }, 'activity cannot be put back');
      return false;
    }
    for await (const events of ledger.events(id)) await markPersisted(id, events);
    const opened = await store.setState(id, { to: plan.state, epoch: activity.epoch });
    if (opened.kind !== 'changed' && opened.kind !== 'unchanged') return false;
    await ledger.finish(id, activity.epoch);
    logger.warn(
      { activity_id: id, epoch: activity.epoch, claimed, seq: eventSeq, state: plan.state },
      'activity restored',
    );
    return true;
  }
}
