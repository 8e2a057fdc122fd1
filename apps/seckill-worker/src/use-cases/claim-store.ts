import type { ClaimedEvent, IncomingEvent, ReleasedEvent } from './incoming-event';

/**
 * What one transaction came to. Everything but `stored` has left no trace. A fault of the server (deadlock, lost connection) is thrown: the
 * same call may be repeated.
 */
export type StoreResult =
  | { readonly kind: 'stored' }
  /** Some row is there already: of this event (a redelivery) or of another (an incident); `inspect` tells. */
  | { readonly kind: 'duplicate' }
  /** The counter of this activity would pass its total. */
  | { readonly kind: 'over_total'; readonly activityId: string }
  /** Releases of claims that are not stored. */
  | { readonly kind: 'claim_missing'; readonly claimIds: ReadonlySet<string> }
  /** Some event cannot be stored, whoever tries. */
  | { readonly kind: 'bad_data'; readonly code: string; readonly reason: string };

/** What MySQL already holds about one event. */
export type Finding =
  | { readonly kind: 'nothing' }
  /** This very event is stored. */
  | { readonly kind: 'stored' }
  /** Its sequence number belongs to another event. */
  | { readonly kind: 'seq_taken'; readonly by: string }
  /** A serial number of it is stored under another claim or event. */
  | { readonly kind: 'sn_taken'; readonly by: string }
  /** A slot of it is held by another coupon of the user. */
  | { readonly kind: 'slot_taken'; readonly by: string };

/**
 * Events of the activity that were numbered before `seq`: all stored; some on their way (outbox, queue); or all that are missing lie in the
 * dead-letter queue.
 */
export type Predecessors = 'complete' | 'in_flight' | 'parked';

/** The MySQL side of the consumer. One call is one transaction. */
export interface ClaimStore {
  /**
   * Coupons, events and counters of these claims. A claim whose release is stored already (a tombstone) is stored void and not counted.
   */
  storeClaims(claims: readonly ClaimedEvent[]): Promise<StoreResult>;
  /**
   * Voids the coupons of these releases and takes them off the counters. A release whose claim is not stored is refused (`claim_missing`) or,
   * with `tombstones`, stored as a tombstone.
   */
  storeReleases(releases: readonly ReleasedEvent[], options: { tombstones: boolean }): Promise<StoreResult>;
  /** One finding per event, in order. */
  inspect(events: readonly IncomingEvent[]): Promise<Finding[]>;
  predecessors(activityId: string, seq: number): Promise<Predecessors>;
}
