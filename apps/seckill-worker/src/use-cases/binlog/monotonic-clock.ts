import type { Clock } from '@coupon/service-kit';

export interface MonotonicClock extends Clock {
  /** Milliseconds that only grow, also while the process stands still. */
  monotonicMs(): number;
}
