import { AppError } from '@coupon/domain';
import { validate } from '@coupon/service-kit';
import { z } from 'zod';
import type { ShopTransaction } from '../../adapters/databases';
import { lockPaymentOfOrder, markPayment } from '../adapters/payment-sql';
import { serialNumber } from '../payment';
import type { PaymentProvider } from '../ports';

const schema = z.object({
  order_sn: serialNumber,
  payment_sn: serialNumber,
  refund_sn: z.string().regex(/^[A-Za-z0-9_-]{1,96}$/, 'must be 1 to 96 letters, digits, _ or -'),
  reason: z
    .string()
    .regex(/^[\x20-\x7e]{0,64}$/, 'must be at most 64 printable characters')
    .transform((reason) => reason || 'REFUND'),
});

export type RefundPaymentInput = z.input<typeof schema>;

/**
 * Gives captured money back, once, whatever number the refund has; where nothing was captured nothing is done.
 * @throws AppError INVALID_ARGUMENT, or CONFLICT when the payment is not the order's
 */
export async function refundPayment(
  tx: ShopTransaction,
  provider: PaymentProvider,
  input: RefundPaymentInput,
): Promise<void> {
  const request = validate(schema, input, 'request');
  const payment = await lockPaymentOfOrder(tx, request.order_sn);
  if (payment === undefined) return;
  if (payment.paymentSn !== request.payment_sn) {
    throw new AppError('CONFLICT', 'payment_sn: is not the payment of the order', { details: { field: 'payment_sn' } });
  }
  if (payment.status !== 'CAPTURED' || payment.providerRef === null) return;
  await provider.refund(tx, {
    refundSn: request.refund_sn,
    paymentSn: payment.paymentSn,
    orderSn: payment.orderSn,
    providerRef: payment.providerRef,
    amountMinor: payment.amountMinor,
    reason: request.reason,
  });
  await markPayment(tx, payment.paymentSn, 'REFUNDED');
}
