import { InvalidArgumentError } from '@coupon/domain';

/** Numbers of orders and payments. DTM takes the two words for a result wherever it reads them, and gids carry the numbers. */
export const SERIAL_NUMBER = /^(?!.*(?:failure|ongoing))[a-z0-9_-]{1,64}$/i;
export const SERIAL_NUMBER_RULE =
  'must be 1 to 64 letters, digits, underscores and hyphens, without the words FAILURE and ONGOING';

/** The number of an order, as every module takes it. @throws InvalidArgumentError naming `field` */
export function parseOrderSn(value: unknown, field = 'order_sn'): string {
  if (value === undefined || value === null) throw InvalidArgumentError.of(field, 'is required');
  if (typeof value !== 'string' || !SERIAL_NUMBER.test(value)) throw InvalidArgumentError.of(field, SERIAL_NUMBER_RULE);
  return value;
}
