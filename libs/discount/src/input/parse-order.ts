import { InvalidArgumentError } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import type { Order, OrderLine } from '../model';
import { MAX_LINES, MAX_QUANTITY, checkOrder } from './check-order';
import { FieldReader } from './reader';

/**
 * An order as requests carry it: `{order_items: [{goods_id, category_id, quantity, price}], shipping_fee}`. An absent or null category_id
 * is no category, an absent shipping_fee 0. Other fields are not looked at.
 * @throws InvalidArgumentError with every violation (`order_items[2].price`).
 */
export function parseOrder(body: unknown): Order {
  const violations: FieldViolation[] = [];
  const fields = new FieldReader(body, '', violations);
  const items = fields.list('order_items');
  if (violations.length === 0 && (items.length < 1 || items.length > MAX_LINES)) {
    violations.push({ field: 'order_items', message: `must have 1 to ${MAX_LINES} lines` });
  }
  const lines = items.slice(0, MAX_LINES).map((item, index) => parseLine(item, `order_items[${index}]`, violations));
  const shippingFeeMinor = fields.has('shipping_fee') ? fields.money('shipping_fee') : 0n;
  if (violations.length > 0) throw new InvalidArgumentError(violations);
  const order = { lines, shippingFeeMinor };
  checkOrder(order);
  return order;
}

function parseLine(item: unknown, path: string, violations: FieldViolation[]): OrderLine {
  const fields = new FieldReader(item, path, violations);
  const category = fields.raw('category_id');
  return {
    goodsId: fields.id('goods_id'),
    categoryId: category === undefined || category === null ? null : fields.id('category_id'),
    quantity: fields.integer('quantity', 1, MAX_QUANTITY),
    priceMinor: fields.money('price'),
  };
}
