import { parseMoney } from '@coupon/domain';

// Values of raw statements. MySQL has a JSON type, MariaDB stores it as text; DECIMAL is read as text.

export function parseJson(value: unknown): unknown {
  return typeof value === 'string' ? (JSON.parse(value) as unknown) : value;
}

export function minorOf(decimal: string): bigint {
  return parseMoney(decimal, 'amount');
}

/** For `INTERVAL ? MICROSECOND`. */
export function microseconds(ms: number): number {
  return Math.round(ms * 1_000);
}
