import { AppError, isIdText } from '@coupon/domain';
import { validate } from '@coupon/service-kit';
import { z } from 'zod';
import type { ShopTransaction } from '../../adapters/databases';
import { insertPayment, lockPaymentOfOrder } from '../adapters/payment-sql';
import { minorUnits, serialNumber } from '../payment';
import type { Payment } from '../payment';

const schema = z.object({
  order_sn: serialNumber,
  user_id: z.string().refine(isIdText, 'must be a positive integer'),
  payment_sn: serialNumber,
  original_minor: minorUnits,
  discount_minor: minorUnits,
  final_minor: minorUnits,
});

/** Fields as the request names them; amounts are decimal texts of minor units. */
export type CreatePaymentInput = z.input<typeof schema>;

/**
 * Opens the payment of an order; one of 0 is NOT_REQUIRED from the start. The same request again gives the payment as it is now.
 * @throws AppError INVALID_ARGUMENT, or CONFLICT when the order has another payment or the number belongs to another order.
 */
export async function createPayment(tx: ShopTransaction, input: CreatePaymentInput): Promise<Payment> {
  const request = validate(schema, input, 'request');
  const payment: Payment = {
    paymentSn: request.payment_sn,
    orderSn: request.order_sn,
    userId: request.user_id,
    amountMinor: request.final_minor,
    status: request.final_minor === 0n ? 'NOT_REQUIRED' : 'CREATED',
    providerRef: null,
  };
  if (await insertPayment(tx, payment)) return payment;
  const existing = await lockPaymentOfOrder(tx, payment.orderSn);
  if (existing === undefined) throw conflict('payment_sn', 'belongs to another order');
  if (existing.paymentSn !== payment.paymentSn) throw conflict('payment_sn', 'the order has another payment');
  if (existing.userId !== payment.userId) throw conflict('user_id', 'the payment is another user’s');
  if (existing.amountMinor !== payment.amountMinor) throw conflict('final_minor', 'the payment has another amount');
  return existing;
}

function conflict(field: string, message: string): AppError {
  return new AppError('CONFLICT', `${field}: ${message}`, { details: { field } });
}
