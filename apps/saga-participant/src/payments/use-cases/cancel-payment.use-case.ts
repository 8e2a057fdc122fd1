import { validate } from '@coupon/service-kit';
import { z } from 'zod';
import type { ShopTransaction } from '../../adapters/databases';
import { cancelPayment as cancelInDatabase } from '../adapters/payment-sql';
import { serialNumber } from '../payment';

// As the compensation of a create it is called with that request, in which field 2 is the user and not payment_sn: only the order counts.
const schema = z.object({ order_sn: serialNumber });

/**
 * Nobody is asked to pay any more. Money that has come stays where it is, and so does a decline: the arbiter deals with both. No payment, or
 * one that is cancelled, is a success.
 * @throws AppError INVALID_ARGUMENT
 */
export async function cancelPayment(tx: ShopTransaction, input: z.input<typeof schema>): Promise<void> {
  await cancelInDatabase(tx, validate(schema, input, 'request').order_sn);
}
