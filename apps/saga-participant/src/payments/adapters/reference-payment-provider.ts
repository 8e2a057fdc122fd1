import { AppError, formatMoney } from '@coupon/domain';
import type { ShopTransaction } from '../../adapters/databases';
import type { PaymentProvider, RefundOrder } from '../ports';

/** A provider that is a table: money is given back by the row that says so, in the transaction that asks for it. */
export class ReferencePaymentProvider implements PaymentProvider {
  async refund(tx: ShopTransaction, order: RefundOrder): Promise<void> {
    const { refundSn, paymentSn, orderSn, providerRef, amountMinor, reason } = order;
    const amount = formatMoney(amountMinor);
    const inserted = await tx.$executeRaw`
      INSERT IGNORE INTO refunds (refund_sn, payment_sn, order_sn, provider_ref, amount, reason)
      VALUES (${refundSn}, ${paymentSn}, ${orderSn}, ${providerRef}, ${amount}, ${reason})`;
    if (inserted > 0) return;
    const same = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM refunds
      WHERE refund_sn = ${refundSn} AND payment_sn = ${paymentSn} AND provider_ref = ${providerRef} AND amount = ${amount}`;
    if (same.length === 0) {
      throw new AppError('CONFLICT', 'refund_sn: another refund has this number', { details: { field: 'refund_sn' } });
    }
  }
}
