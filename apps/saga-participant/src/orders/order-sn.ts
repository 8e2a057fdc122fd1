import { InvalidArgumentError } from '@coupon/domain';

const PATTERN = /^[A-Za-z0-9_-]{1,64}$/;
/** Words DTM looks for in answers; gids carry the number. */
const MAGIC = /FAILURE|ONGOING/i;

/** @throws InvalidArgumentError naming `field` */
export function parseOrderSn(value: unknown, field = 'order_sn'): string {
  if (value === undefined || value === null) throw InvalidArgumentError.of(field, 'is required');
  if (typeof value !== 'string' || !PATTERN.test(value)) {
    throw InvalidArgumentError.of(field, 'must be 1 to 64 letters, digits, underscores and hyphens');
  }
  if (MAGIC.test(value)) throw InvalidArgumentError.of(field, 'must not contain FAILURE or ONGOING');
  return value;
}
