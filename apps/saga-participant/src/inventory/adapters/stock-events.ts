import { STOCK_RESERVED } from '@coupon/contracts';
import type { StockReservedBody } from '@coupon/contracts';
import { Prisma } from '../../generated/client';
import type { TakenLine } from '../use-cases/model';
import type { ShopStatements } from './stock-rows';

/** One event per line, into the outbox of the transaction. A product's version never comes again, so the event's id is its own. */
export async function appendStockReserved(
  tx: ShopStatements,
  orderSn: string,
  lines: readonly TakenLine[],
): Promise<void> {
  const rows = lines.map((line) => {
    const body: StockReservedBody = {
      schema_version: 1,
      event_id: `stock-reserved-${line.productId}-${line.version}`,
      product_id: line.productId,
      order_id: orderSn,
      quantity: line.quantity,
      remaining_stock: line.remaining,
    };
    return Prisma.sql`(${body.event_id}, ${STOCK_RESERVED}, '{}', ${JSON.stringify(body)})`;
  });
  await tx.$executeRaw`INSERT INTO outbox (event_id, routing_key, headers, body) VALUES ${Prisma.join(rows)}`;
}
