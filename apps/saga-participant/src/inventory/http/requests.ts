import { parseId, parseMoney } from '@coupon/domain';
import { integerField, pageFields, readField, textField } from '@coupon/service-kit';
import { z } from 'zod';
import { STOCK_STRATEGIES } from '../../config';
import { MAX_UNITS } from '../use-cases/model';
import { parseOrderSn } from '../../serial-number';
import type { NewProduct } from '../use-cases/model';

// What each route accepts. Fields it does not know are refused.

const orderField = (): z.ZodType<string> => readField((value) => parseOrderSn(value, 'order_id'));

export const createProductBody = z
  .strictObject({
    name: textField(100),
    price: readField((value) => parseMoney(value, 'price')),
    category_id: readField((value) => parseId<'category'>(value, 'category_id'))
      .nullable()
      .optional(),
    stock: integerField(0, MAX_UNITS),
  })
  .transform(({ name, price, category_id, stock }): NewProduct => ({
    name,
    priceMinor: price,
    categoryId: category_id ?? null,
    stock,
  }));

export const listProductsQuery = z.strictObject(pageFields);

export const reserveBody = z
  .strictObject({ quantity: integerField(1, MAX_UNITS), order_id: orderField() })
  .transform(({ quantity, order_id }) => ({ quantity, orderSn: order_id }));

export const reserveQuery = z.strictObject({
  strategy: z.enum(STOCK_STRATEGIES, `must be one of ${STOCK_STRATEGIES.join(', ')}`).optional(),
});

export const releaseBody = z
  .strictObject({ order_id: orderField() })
  .transform(({ order_id }) => ({ orderSn: order_id }));
