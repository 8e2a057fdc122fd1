import type { BranchPoint } from './holds';

/**
 * What a customer wants with an order: pay it (once, or with two captures), have the payment declined, cancel it, pay and then refund it, leave
 * it, pay after the cancellation, or pay at the very moment at which it is cancelled or its time is over.
 */
export type Wish =
  | 'pay'
  | 'pay-twice'
  | 'decline'
  | 'cancel'
  | 'refund'
  | 'leave'
  | 'pay-cancelled'
  | 'pay-while-cancelling'
  | 'pay-at-deadline'
  | 'nothing-to-pay';

export interface Errand {
  readonly orderSn: string;
  readonly userId: string;
  readonly couponSns: readonly string[];
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  readonly shippingFee: string;
  readonly wish: Wish;
  /** How often the same checkout is sent at once. */
  readonly copies: number;
  /** Codes with which it may be refused at once, or fail. */
  readonly mayFailWith: readonly string[];
  /** The branch is stopped there. */
  readonly point?: BranchPoint | undefined;
  /** Another errand of the same person that begins when this order waits for its payment. */
  readonly rival?: Errand | undefined;
  /** Another order of the same person for the same coupons, tried again and again until it gets them or this order has ended. */
  readonly snatcher?: Errand | undefined;
}

/** What became of it, as its customer saw it. */
export interface Outcome {
  readonly errand: Errand;
  /** Undefined: refused, there is no order. */
  readonly status: string | undefined;
  readonly reasonCode: string | undefined;
}
