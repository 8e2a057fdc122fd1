import { InvalidArgumentError } from './app-error';

/** Ids are decimal strings of a positive signed 64-bit integer, branded so that one cannot stand in for another. */
export type Id<Brand extends string> = string & { readonly __id: Brand };
export type ActivityId = Id<'activity'>;
export type TemplateId = Id<'template'>;
export type UserId = Id<'user'>;
export type UserCouponId = Id<'user-coupon'>;

const MAX_INT64 = '9223372036854775807';
const DECIMAL_ID = /^[1-9]\d{0,18}$/;

/** True for the canonical text of an integer in 1..2^63-1: no sign, no leading zero. */
export function isIdText(text: string): boolean {
  return DECIMAL_ID.test(text) && (text.length < MAX_INT64.length || text <= MAX_INT64);
}

/**
 * An id as requests carry it: a JSON number (safe integer) or a decimal string.
 * @throws InvalidArgumentError naming `field`; a number beyond 2^53 - 1 is refused because it has already lost digits.
 */
export function parseId<Brand extends string>(value: unknown, field: string): Id<Brand> {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && value > 0) return String(value) as Id<Brand>;
    if (Number.isInteger(value) && value > 0) {
      throw InvalidArgumentError.of(field, 'is too large for a JSON number; send it as a decimal string');
    }
    throw InvalidArgumentError.of(field, 'must be a positive integer');
  }
  if (typeof value === 'string' && isIdText(value)) return value as Id<Brand>;
  if (value === undefined || value === null) throw InvalidArgumentError.of(field, 'is required');
  throw InvalidArgumentError.of(field, 'must be a positive integer (JSON number or decimal string)');
}
