import { STOCK_RESERVED } from './stock-events';
import { stockEventSchemas } from './stock-event-schemas';

const event = {
  schema_version: 1,
  event_id: 'stock-reserved-7-12',
  product_id: '7',
  order_id: 'order-1',
  quantity: 2,
  remaining_stock: 0,
};

describe('stock.reserved.v1', () => {
  const schema = stockEventSchemas[STOCK_RESERVED];

  it('is read with fields that a newer sender has added', () => {
    expect(schema.parse({ ...event, warehouse: 'a' })).toEqual({ ...event, warehouse: 'a' });
  });

  it.each([
    [{ schema_version: 2 }],
    [{ event_id: 'stock-reserved-8-12' }],
    [{ event_id: 'stock-reserved-7-0' }],
    [{ product_id: 7 }],
    [{ order_id: '' }],
    [{ order_id: 'a b' }],
    [{ quantity: 0 }],
    [{ remaining_stock: -1 }],
    [{ remaining_stock: 0.5 }],
  ])('is refused with %j', (change) => {
    expect(schema.safeParse({ ...event, ...change }).success).toBe(false);
  });
});
