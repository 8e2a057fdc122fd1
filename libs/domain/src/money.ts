import { InvalidArgumentError } from './app-error';

/** Largest amount any column holds: DECIMAL(10,2), 99,999,999.99, in minor units. */
export const MAX_AMOUNT_MINOR = 9_999_999_999n;

const DECIMAL_TEXT = /^\d+(\.\d{1,2})?$/;

function textToMinor(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole) * 100n + BigInt(fraction.padEnd(2, '0'));
}

/**
 * An amount as requests carry it, in minor units (cents). A string must match `^\d+(\.\d{1,2})?$`; a JSON number is accepted if and
 * only if it is the double nearest to a two-decimal value. Nothing is ever rounded.
 * @throws InvalidArgumentError naming `field`.
 */
export function parseMoney(value: unknown, field: string): bigint {
  let minor: bigint;
  if (typeof value === 'string') {
    if (value.length > 32 || !DECIMAL_TEXT.test(value)) {
      throw InvalidArgumentError.of(field, 'must be an amount with at most two decimals, such as "12.30"');
    }
    minor = textToMinor(value);
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value) || value < 0 || Object.is(value, -0)) {
      throw InvalidArgumentError.of(field, 'must be an amount of at least 0');
    }
    const text = value > 1e15 ? '' : value.toFixed(2);
    if (text === '' || Number(text) !== value) {
      throw InvalidArgumentError.of(field, 'must have at most two decimals');
    }
    minor = textToMinor(text);
  } else {
    throw InvalidArgumentError.of(field, value === undefined || value === null ? 'is required' : 'must be an amount');
  }
  if (minor > MAX_AMOUNT_MINOR) throw InvalidArgumentError.of(field, 'must be at most 99999999.99');
  return minor;
}

/** Minor units as responses carry them: "12.30". */
export function formatMoney(minor: bigint): string {
  const sign = minor < 0n ? '-' : '';
  const digits = (minor < 0n ? -minor : minor).toString().padStart(3, '0');
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
