import { createHash } from 'node:crypto';
import type { ShopDatabase, ShopTransaction } from '../../adapters/databases';
import {
  insertNotification,
  lockOrderAndPayment,
  markCaptured,
  markPayment,
  readNotification,
} from '../adapters/payment-sql';
import { effectOf } from '../notification';
import type { NotificationEffect, PaymentNotification } from '../notification';
import type { Payment, PaymentStatus } from '../payment';
import type { PaymentArbiter, PaymentProvider } from '../ports';

export interface RecordNotificationOptions {
  readonly shop: Pick<ShopDatabase, 'transaction'>;
  readonly arbiter: PaymentArbiter;
  readonly provider: PaymentProvider;
}

export type RecordedNotification =
  | {
      readonly kind: 'recorded';
      readonly effect: Exclude<NotificationEffect, 'refuse'> | 'replay';
      readonly orderSn: string;
      /** Of the payment, now. */
      readonly status: PaymentStatus;
    }
  | { readonly kind: 'unknown-payment' }
  /** `reference`: it was used for another message. `nothing-to-pay`: a payment of 0 cannot be captured. */
  | { readonly kind: 'conflict'; readonly reason: 'reference' | 'nothing-to-pay' };

/**
 * One transaction: the order's row, the payment's row, the reference, then what the message does. All notifications of an order come one after
 * the other therefore, whatever they say and however many there are.
 */
export class RecordNotification {
  constructor(private readonly options: RecordNotificationOptions) {}

  /** @throws AppError NOT_READY, OUTCOME_UNKNOWN: the same message again is answered as if it were the first. */
  execute(notification: PaymentNotification): Promise<RecordedNotification> {
    return this.options.shop.transaction((tx) => this.inTransaction(tx, notification));
  }

  private async inTransaction(tx: ShopTransaction, notification: PaymentNotification): Promise<RecordedNotification> {
    const payment = await lockOrderAndPayment(tx, notification.paymentSn);
    if (payment === undefined) return { kind: 'unknown-payment' };
    const { orderSn } = payment;
    const effect = effectOf(payment.status, notification.status);
    if (effect === 'refuse') return { kind: 'conflict', reason: 'nothing-to-pay' };
    if (!(await insertNotification(tx, notification))) {
      const known = await readNotification(tx, notification.providerRef);
      return known?.paymentSn === notification.paymentSn && known.status === notification.status
        ? { kind: 'recorded', effect: 'replay', orderSn, status: payment.status }
        : { kind: 'conflict', reason: 'reference' };
    }
    const status = await this.apply(tx, effect, payment, notification);
    return { kind: 'recorded', effect, orderSn, status };
  }

  private async apply(
    tx: ShopTransaction,
    effect: Exclude<NotificationEffect, 'refuse'>,
    payment: Payment,
    { providerRef }: PaymentNotification,
  ): Promise<PaymentStatus> {
    const { arbiter, provider } = this.options;
    const { paymentSn, orderSn, amountMinor } = payment;
    switch (effect) {
      case 'record':
        return payment.status;
      case 'capture':
        await markCaptured(tx, paymentSn, providerRef);
        await arbiter.paymentCaptured(tx, orderSn);
        return 'CAPTURED';
      case 'decline':
        await markPayment(tx, paymentSn, 'DECLINED');
        await arbiter.paymentDeclined(tx, orderSn);
        return 'DECLINED';
      case 'refund-duplicate':
        await provider.refund(tx, {
          refundSn: duplicateRefundSn(providerRef),
          ...{ paymentSn, orderSn, providerRef, amountMinor, reason: 'DUPLICATE_CAPTURE' },
        });
        return payment.status;
    }
  }
}

/** The same for every repetition of the reference, which may be longer than a refund's number. */
function duplicateRefundSn(providerRef: string): string {
  return `duplicate-${createHash('sha256').update(providerRef).digest('hex')}`;
}
