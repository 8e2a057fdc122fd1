/** What can be wrong with a sale. The kinds are independent of each other, so that one defect is reported as one kind. */
export type SaleViolationKind =
  | 'oversold'
  | 'undersold'
  | 'lost'
  | 'unheard'
  | 'wrong_user'
  | 'duplicate'
  | 'over_limit'
  | 'contradiction'
  | 'unanswered'
  | 'count_mismatch'
  | 'event_mismatch'
  | 'dead_letters'
  | 'conservation'
  | 'unexpected_answer';

/** What can be wrong after the orders: coupons, usage log, money, stock, orders, sagas, and what the clients were told. */
export type RedemptionViolationKind =
  | 'coupon_state'
  | 'coupon_history'
  | 'coupon_locked'
  | 'usage_log'
  | 'used_count'
  | 'order_money'
  | 'line_shares'
  | 'captured_money'
  | 'payment_state'
  | 'stock'
  | 'stock_reserved'
  | 'reservation'
  | 'transient_order'
  | 'unfinished_saga'
  | 'unpublished_event'
  | 'order_fate';

export type ViolationKind = SaleViolationKind | RedemptionViolationKind;

export interface Violation {
  readonly kind: ViolationKind;
  /** How many coupons, buyers, answers, orders or rows. */
  readonly count: number;
  /** What and, for the first few, which. */
  readonly detail: string;
}

const NAMED = 5;

export function named(kind: ViolationKind, which: readonly string[], detail: string): Violation {
  const more = which.length > NAMED ? ', …' : '';
  return { kind, count: which.length, detail: `${detail}: ${which.slice(0, NAMED).join(', ')}${more}` };
}

/** One violation per kind of `named` that has something to name. */
export function found(...violations: readonly Violation[]): Violation[] {
  return violations.filter(({ count }) => count > 0);
}
