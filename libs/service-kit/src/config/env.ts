import { z } from 'zod';
import { AddressList } from '../net/address-list';

interface Range {
  readonly min?: number;
  readonly max?: number;
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

function rangeText({ min, max }: Range): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}

function inRange(value: number, { min, max }: Range): boolean {
  return Number.isSafeInteger(value) && value >= (min ?? -Infinity) && value <= (max ?? Infinity);
}

/** A string converted by `convert`; `undefined` means it cannot be, and `message` says what was wanted. */
function converted<T>(convert: (text: string) => T | undefined, message: string): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const value = convert(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

/** Whole number, optionally within bounds. */
function integer(range: Range = {}): z.ZodType<number, string> {
  return converted(
    (text) => (/^-?\d{1,15}$/.test(text) && inRange(Number(text), range) ? Number(text) : undefined),
    `must be a whole number${rangeText(range)}`,
  );
}

/** TCP port; 0 asks the system for a free one. */
function port(): z.ZodType<number, string> {
  return converted(
    (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
    'must be a port number from 0 to 65535',
  );
}

/** A duration in milliseconds: a bare number is milliseconds, or with a unit, "1500ms", "5s", "2m", "1h". Bounds in milliseconds. */
function durationMs(range: Range = {}): z.ZodType<number, string> {
  const bounds = { min: 0, ...range };
  return converted(
    (text) => {
      const [, digits, unit = 'ms'] = /^(\d{1,12})(ms|s|m|h)?$/.exec(text) ?? [];
      const value = Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
      return digits !== undefined && inRange(value, bounds) ? value : undefined;
    },
    `must be a duration such as 1500, 5s or 2m${rangeText(bounds)} milliseconds`.replace('  ', ' '),
  );
}

/** A URL of one of the given protocols (`['redis:', 'rediss:']`), kept as text. */
function url(protocols: readonly string[]): z.ZodType<string, string> {
  return converted(
    (text) => {
      if (!URL.canParse(text)) return undefined;
      const parsed = new URL(text);
      return protocols.includes(parsed.protocol) && parsed.hostname !== '' ? text : undefined;
    },
    `must be a URL starting with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  );
}

function boolean(): z.ZodType<boolean, string> {
  return converted((text) => {
    const word = text.toLowerCase();
    return TRUE.has(word) ? true : FALSE.has(word) ? false : undefined;
  }, 'must be true or false');
}

function oneOf<const T extends string>(values: readonly T[]): z.ZodType<T, string> {
  return converted((text) => values.find((value) => value === text), `must be one of ${values.join(', ')}`);
}

/** Comma-separated words out of `values`, at least one, repeats dropped. */
function listOf<const T extends string>(values: readonly T[]): z.ZodType<readonly T[], string> {
  return converted(
    (text) => {
      const words = [...new Set(text.split(',').map((word) => word.trim()))].filter((word) => word !== '');
      const known = values.filter((value) => words.includes(value));
      return words.length > 0 && known.length === words.length ? known : undefined;
    },
    `must be a comma-separated list of ${values.join(', ')}`,
  );
}

/** Comma-separated addresses and CIDR ranges, maybe none. */
function addressRanges(): z.ZodType<readonly string[], string> {
  return converted((text) => {
    const entries = text.split(',').map((entry) => entry.trim());
    const ranges = entries.length === 1 && entries[0] === '' ? [] : entries;
    try {
      new AddressList(ranges);
      return ranges;
    } catch {
      return undefined;
    }
  }, 'must be a comma-separated list of addresses and ranges such as 10.0.0.0/8');
}

/** A secret of at least `minBytes` bytes. It has no default by rule. */
function secret(minBytes: number): z.ZodType<string, string> {
  return converted(
    (text) => (Buffer.byteLength(text) >= minBytes ? text : undefined),
    `must be at least ${minBytes} bytes long`,
  );
}

/** Any text that is not blank. */
function text(): z.ZodType<string, string> {
  return converted((given) => (given === '' ? undefined : given), 'must not be blank');
}

/** `host:port`, as gRPC addresses are written. */
function hostPort(): z.ZodType<string, string> {
  return converted((text) => {
    const [, digits] = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})$/.exec(text) ?? [];
    return digits !== undefined && Number(digits) >= 1 && Number(digits) <= 65_535 ? text : undefined;
  }, 'must be an address such as coupon-admin:9056');
}

/** Readers for environment variables; add `.default(value)` (a value of the output type) or `.optional()`. */
export const env = Object.freeze({
  addressRanges,
  boolean,
  durationMs,
  hostPort,
  integer,
  listOf,
  oneOf,
  port,
  secret,
  text,
  url,
});
