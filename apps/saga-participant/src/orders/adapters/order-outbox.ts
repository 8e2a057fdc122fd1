import { createHash } from 'node:crypto';
import { formatMoney } from '@coupon/domain';
import type { ShopTransaction } from '../../adapters/databases';
import type { Order } from '../order';
import type { PublishedEvent } from '../order-transitions';

/** One event of one state of an order: the id is the same however often the transaction is repeated. */
export async function insertOrderEvent(
  tx: ShopTransaction,
  event: PublishedEvent,
  order: Order,
  at: Date,
): Promise<void> {
  const eventId = createHash('sha256').update(`${event}/${order.orderSn}/${order.version}`).digest('hex').slice(0, 32);
  const body = {
    schema_version: 1,
    event_id: eventId,
    order_sn: order.orderSn,
    user_id: order.userId,
    payment_sn: order.paymentSn,
    original_amount: formatMoney(order.originalMinor),
    discount_amount: formatMoney(order.discountMinor),
    final_amount: formatMoney(order.finalMinor),
    ...(order.status === 'AWAITING_PAYMENT' ? { payment_deadline: order.paymentDeadline?.toISOString() } : {}),
    ...(order.reasonCode === null ? {} : { reason_code: order.reasonCode }),
    at: at.toISOString(),
  };
  const headers = { event_type: event, event_id: eventId, timestamp: at.getTime() };
  await tx.$executeRaw`
    INSERT INTO outbox (event_id, routing_key, headers, body)
    VALUES (${eventId}, ${event}, ${JSON.stringify(headers)}, ${JSON.stringify(body)})`;
}
