import { z } from 'zod';
import { isIdText } from '@coupon/domain';
import { STOCK_RESERVED } from './stock-events';
import type { StockReservedBody } from './stock-events';

const reservedSchema: z.ZodType<StockReservedBody> = z
  .looseObject({
    schema_version: z.literal(1),
    event_id: z.string(),
    product_id: z.string().refine(isIdText, 'must be a decimal id'),
    order_id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
    quantity: z.int().min(1),
    remaining_stock: z.int().min(0),
  })
  .refine(
    ({ event_id, product_id }) => new RegExp(`^stock-reserved-${product_id}-[1-9]\\d{0,9}$`).test(event_id),
    'event_id must name the product and its version',
  );

/** Routing key -> schema of the body, for consumers, documentation and tests. */
export const stockEventSchemas = Object.freeze({ [STOCK_RESERVED]: reservedSchema });
