import type { PaymentStatus } from './payment';

/** What the provider says about one attempt to pay. */
export interface PaymentNotification {
  readonly paymentSn: string;
  readonly status: 'succeeded' | 'failed';
  /** The provider's name of the attempt; the idempotency key. */
  readonly providerRef: string;
}

/**
 * `capture`: the money is there; the arbiter decides what becomes of the order. `decline`: the attempt has failed and there is no other.
 * `refund-duplicate`: the money is there a second time and goes back. `record`: nothing changes. `refuse`: nothing was to be paid.
 */
export type NotificationEffect = 'capture' | 'decline' | 'refund-duplicate' | 'record' | 'refuse';

/** What a notification with a reference that was not seen before does to a payment. */
export function effectOf(payment: PaymentStatus, notification: PaymentNotification['status']): NotificationEffect {
  if (notification === 'failed') return payment === 'CREATED' ? 'decline' : 'record';
  switch (payment) {
    case 'CREATED':
    case 'DECLINED':
    case 'CANCELLED':
      return 'capture';
    case 'CAPTURED':
    case 'REFUNDED':
      return 'refund-duplicate';
    case 'NOT_REQUIRED':
      return 'refuse';
  }
}
