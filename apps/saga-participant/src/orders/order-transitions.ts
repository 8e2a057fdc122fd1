// What may happen to an order, and what follows from it. Pure: the arbiter asks, under the lock of the order's row, and does what it is told.

export const ORDER_STATUSES = [
  'PENDING',
  'AWAITING_PAYMENT',
  'SETTLING',
  'PAID',
  'CANCELLING',
  'CANCELLED',
  'REACQUIRING',
  'REFUNDING',
  'REFUNDED',
  'FAILED',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export const SAGA_KINDS = ['checkout', 'settle', 'cancel', 'reacquire', 'refund'] as const;
export type SagaKind = (typeof SAGA_KINDS)[number];

export type OrderEvent =
  | { readonly kind: 'saga-succeeded'; readonly saga: SagaKind }
  | { readonly kind: 'saga-failed'; readonly saga: SagaKind; readonly reasonCode: string }
  | { readonly kind: 'payment-captured' }
  | { readonly kind: 'payment-declined' }
  /** By the user, or because the time to pay is over. */
  | { readonly kind: 'cancel'; readonly reasonCode: string }
  | { readonly kind: 'refund'; readonly reasonCode: string };

/** What the order's payment says at the same moment, under the same lock. */
export interface OrderFacts {
  /** There is nothing to pay. */
  readonly isFree: boolean;
  /** Money is here that has not been given back. */
  readonly isCaptured: boolean;
  readonly isDeclined: boolean;
}

export const PUBLISHED_EVENTS = {
  created: 'order.created.v1',
  paid: 'order.paid.v1',
  cancelled: 'order.cancelled.v1',
  refunded: 'order.refunded.v1',
} as const;
export type PublishedEvent = (typeof PUBLISHED_EVENTS)[keyof typeof PUBLISHED_EVENTS];

export type Decision =
  | {
      readonly kind: 'move';
      readonly to: OrderStatus;
      /** Absent: as it is. null: none. */
      readonly reasonCode?: string | null;
      /** To be started in the same transaction. */
      readonly saga?: SagaKind;
      readonly publishes?: PublishedEvent;
    }
  /** It has had its effect, or will be asked about later. */
  | { readonly kind: 'nothing' }
  /** Not from this status. */
  | { readonly kind: 'refused' };

export const PAYMENT_DECLINED = 'PAYMENT_DECLINED';
const NOTHING: Decision = { kind: 'nothing' };
const REFUSED: Decision = { kind: 'refused' };

/** The saga under way in a transient status; whoever waits in it waits for the end of that saga. */
export const SAGA_OF: Readonly<Partial<Record<OrderStatus, SagaKind>>> = {
  PENDING: 'checkout',
  SETTLING: 'settle',
  CANCELLING: 'cancel',
  REACQUIRING: 'reacquire',
  REFUNDING: 'refund',
};

export function isTransient(status: OrderStatus): boolean {
  return SAGA_OF[status] !== undefined;
}

/**
 * The one place that says where an order may go. A payment that is captured or declined while a saga runs changes nothing at once: the end of
 * the saga asks for it, so that no two sagas of an order ever run at the same time.
 */
export function decide(status: OrderStatus, event: OrderEvent, facts: OrderFacts): Decision {
  switch (event.kind) {
    case 'saga-succeeded':
      // The end of a saga that is not the one under way was applied before.
      return SAGA_OF[status] === event.saga ? afterSuccess(event.saga, facts) : NOTHING;
    case 'saga-failed':
      return SAGA_OF[status] === event.saga ? afterFailure(event.saga, event.reasonCode, facts) : NOTHING;
    case 'payment-captured':
      return onCapture(status);
    case 'payment-declined':
      return status === 'AWAITING_PAYMENT' ? cancelled(PAYMENT_DECLINED) : NOTHING;
    case 'cancel':
      if (status === 'AWAITING_PAYMENT') return cancelled(event.reasonCode);
      return status === 'CANCELLING' || status === 'CANCELLED' ? NOTHING : REFUSED;
    case 'refund':
      if (status === 'PAID') return { kind: 'move', to: 'REFUNDING', reasonCode: event.reasonCode, saga: 'refund' };
      return status === 'REFUNDING' || status === 'REFUNDED' ? NOTHING : REFUSED;
  }
}

function afterSuccess(saga: SagaKind, { isFree, isCaptured, isDeclined }: OrderFacts): Decision {
  const { created, paid, cancelled: cancelledEvent, refunded } = PUBLISHED_EVENTS;
  switch (saga) {
    case 'checkout':
      if (isFree || isCaptured) return { kind: 'move', to: 'SETTLING', saga: 'settle', publishes: created };
      if (isDeclined) return { ...cancelled(PAYMENT_DECLINED), publishes: created };
      return { kind: 'move', to: 'AWAITING_PAYMENT', publishes: created };
    case 'settle':
    case 'reacquire':
      return { kind: 'move', to: 'PAID', reasonCode: null, publishes: paid };
    case 'cancel':
      if (isCaptured) return { kind: 'move', to: 'REACQUIRING', saga: 'reacquire' };
      return { kind: 'move', to: 'CANCELLED', publishes: cancelledEvent };
    case 'refund':
      // Money that came after the saga had looked for it.
      if (isCaptured) return { kind: 'move', to: 'REFUNDING', saga: 'refund' };
      return { kind: 'move', to: 'REFUNDED', publishes: refunded };
  }
}

function afterFailure(saga: SagaKind, reasonCode: string, { isCaptured }: OrderFacts): Decision {
  switch (saga) {
    case 'checkout':
      if (isCaptured) return { kind: 'move', to: 'REFUNDING', reasonCode, saga: 'refund' };
      return { kind: 'move', to: 'FAILED', reasonCode };
    case 'settle':
    case 'reacquire':
      return { kind: 'move', to: 'REFUNDING', reasonCode, saga: 'refund' };
    case 'cancel':
      // Its steps do not refuse; something outside did (a branch secret that was changed, say). It is tried again until it is through.
      return { kind: 'move', to: 'CANCELLING', saga: 'cancel' };
    case 'refund':
      return { kind: 'move', to: 'REFUNDING', saga: 'refund' };
  }
}

function onCapture(status: OrderStatus): Decision {
  switch (status) {
    case 'AWAITING_PAYMENT':
      return { kind: 'move', to: 'SETTLING', saga: 'settle' };
    case 'CANCELLED':
      return { kind: 'move', to: 'REACQUIRING', saga: 'reacquire' };
    case 'FAILED':
    case 'REFUNDED':
      return { kind: 'move', to: 'REFUNDING', saga: 'refund' };
    // The end of the saga under way looks at the payment; in SETTLING and PAID it has been counted.
    case 'PENDING':
    case 'SETTLING':
    case 'PAID':
    case 'CANCELLING':
    case 'REACQUIRING':
    case 'REFUNDING':
      return NOTHING;
  }
}

function cancelled(reasonCode: string): Extract<Decision, { kind: 'move' }> {
  return { kind: 'move', to: 'CANCELLING', reasonCode, saga: 'cancel' };
}
