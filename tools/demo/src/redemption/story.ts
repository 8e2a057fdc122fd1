/** How an order was meant to go. */
export type Fate =
  'paid' | 'free' | 'declined' | 'timed_out' | 'late' | 'late_and_taken' | 'cancelled' | 'refunded' | 'refused';

/** Stands in `mayEndAs` for an order that must not exist. */
export const ABSENT = 'absent';

/** One order as its client has lived it. */
export interface OrderStory {
  readonly orderSn: string;
  readonly fate: Fate;
  /** What the order may be in the end, given what its client did and was told. */
  readonly mayEndAs: readonly string[];
}
