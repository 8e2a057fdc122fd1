import { InvalidArgumentError } from '@coupon/domain';

const ORDER_SN = /^[A-Za-z0-9_-]{1,64}$/;
/** DTM takes them for a result wherever it reads them, also in an id. */
const WORDS_OF_DTM = /failure|ongoing/i;

/** An order's number as it may travel through a saga. @throws InvalidArgumentError naming `field` */
export function checkOrderSn(value: unknown, field: string): string {
  if (typeof value !== 'string' || !ORDER_SN.test(value)) {
    throw InvalidArgumentError.of(field, 'must be 1 to 64 letters, digits, _ or -');
  }
  if (WORDS_OF_DTM.test(value)) throw InvalidArgumentError.of(field, 'must not contain the words FAILURE and ONGOING');
  return value;
}
