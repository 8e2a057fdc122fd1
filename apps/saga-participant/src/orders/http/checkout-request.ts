import { AppError, InvalidArgumentError, parseId, parseMoney } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import { parseOrderSn } from '../../serial-number';
import type { CheckoutRequest, RequestedItem } from '../quote';

const MAX_COUPONS = 5;
/** What a saga's step can carry. */
const MAX_ITEMS = 200;
const MAX_QUANTITY = 1_000_000;
const FIELDS = ['order_sn', 'user_id', 'coupon_sns', 'items', 'shipping_fee'];
const ITEM_FIELDS = ['goods_id', 'category_id', 'quantity', 'price'];

/**
 * Body of a checkout.
 * @throws InvalidArgumentError with every violation; AppError TOO_MANY_COUPONS
 */
export function parseCheckout(body: unknown): CheckoutRequest {
  const violations: FieldViolation[] = [];
  const read = reader(violations);
  if (!isRecord(body)) throw InvalidArgumentError.of('body', 'must be a JSON object');
  violations.push(...unknownFields(body, FIELDS, ''));
  const request = {
    orderSn: read(() => parseOrderSn(body['order_sn'])) ?? '',
    userId: read(() => parseId<'user'>(body['user_id'], 'user_id')) ?? '',
    couponSns: parseCoupons(body['coupon_sns'], violations),
    items: parseItems(body['items'], violations),
    shippingFeeMinor: isGiven(body['shipping_fee'])
      ? (read(() => parseMoney(body['shipping_fee'], 'shipping_fee')) ?? 0n)
      : 0n,
  };
  if (violations.length > 0) throw new InvalidArgumentError(violations);
  if (request.couponSns.length > MAX_COUPONS) {
    throw new AppError('TOO_MANY_COUPONS', `coupon_sns: must have at most ${MAX_COUPONS}`, {
      details: { field: 'coupon_sns', max: MAX_COUPONS },
    });
  }
  return request;
}

/** Collects what a part has to say against its value. */
function reader(violations: FieldViolation[]): <T>(parse: () => T) => T | undefined {
  return (parse) => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      violations.push(...error.violations);
      return undefined;
    }
  };
}

function parseCoupons(value: unknown, violations: FieldViolation[]): string[] {
  if (!isGiven(value)) return [];
  if (!Array.isArray(value)) {
    violations.push({ field: 'coupon_sns', message: 'must be a list' });
    return [];
  }
  // What is beyond is refused as a whole.
  const list: unknown[] = value.slice(0, MAX_COUPONS + 1);
  list.forEach((sn, index) => {
    const field = `coupon_sns[${index}]`;
    if (typeof sn !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(sn)) {
      violations.push({ field, message: 'must be a serial number of 1 to 64 printable characters' });
    } else if (list.indexOf(sn) < index) violations.push({ field, message: 'is in the list twice' });
  });
  return list.filter((sn): sn is string => typeof sn === 'string');
}

function parseItems(value: unknown, violations: FieldViolation[]): RequestedItem[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_ITEMS) {
    const message = isGiven(value) ? `must be a list of 1 to ${MAX_ITEMS} items` : 'is required';
    violations.push({ field: 'items', message });
    return [];
  }
  return value.map((item: unknown, index) => parseItem(item, `items[${index}]`, violations));
}

function parseItem(item: unknown, path: string, violations: FieldViolation[]): RequestedItem {
  const read = reader(violations);
  const fields = isRecord(item) ? item : {};
  if (!isRecord(item)) violations.push({ field: path, message: 'must be a JSON object' });
  violations.push(...unknownFields(fields, ITEM_FIELDS, `${path}.`));
  const { goods_id: goodsId, category_id: categoryId, quantity, price } = fields;
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1 || quantity > MAX_QUANTITY) {
    const message = isGiven(quantity) ? `must be a whole number from 1 to ${MAX_QUANTITY}` : 'is required';
    violations.push({ field: `${path}.quantity`, message });
  }
  return {
    goodsId: read(() => parseId<'goods'>(goodsId, `${path}.goods_id`)) ?? '',
    categoryId: isGiven(categoryId) ? read(() => parseId<'category'>(categoryId, `${path}.category_id`)) : undefined,
    quantity: Number(quantity),
    priceMinor: isGiven(price) ? read(() => parseMoney(price, `${path}.price`)) : undefined,
  };
}

function unknownFields(value: Record<string, unknown>, known: readonly string[], prefix: string): FieldViolation[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => ({ field: `${prefix}${key}`, message: 'is not a known field' }));
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
