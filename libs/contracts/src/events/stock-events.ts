/** Bodies of the events around stock, as they travel through the outbox of database `shop` and RabbitMQ. Ids are decimal strings. */

/** Units of one product are held for an order. An order with several products makes one event for each. */
export interface StockReservedBody {
  readonly schema_version: 1;
  /** `stock-reserved-<product_id>-<version of the product>` */
  readonly event_id: string;
  readonly product_id: string;
  /** The order's serial number. */
  readonly order_id: string;
  readonly quantity: number;
  /** Units left right after this reservation. */
  readonly remaining_stock: number;
}

export const STOCK_RESERVED = 'stock.reserved.v1';
