import { InvalidArgumentError, MAX_PER_USER_LIMIT, isClaimId, parseId, parseMoney } from '@coupon/domain';
import type { ClaimId, Id } from '@coupon/domain';
import { integerField, readField } from '@coupon/service-kit';
import { z } from 'zod';

// The kinds of fields a request may carry. Each says in one sentence what is wrong with a value, and what it looks like (openapi.json).

/** The largest count a column of the sale may hold. */
const MAX_COUNT = 1_000_000_000;
const MAX_LISTED_IDS = 1_000;
const MIN_INT32 = -2_147_483_648;
const MAX_INT32 = 2_147_483_647;
/** What a TIMESTAMP column holds. */
const LAST_TIME_MS = Date.UTC(2038, 0, 19, 3, 14, 7, 999);

export function idField<Brand extends string>(): z.ZodType<Id<Brand>> {
  return readField((value) => parseId<Brand>(value, 'id'), {
    description: 'id: JSON number up to 2^53 - 1, or decimal string',
    anyOf: [
      { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      { type: 'string', pattern: '^[1-9][0-9]{0,18}$' },
    ],
  });
}

/** An amount in minor units. */
export function moneyField(): z.ZodType<bigint> {
  return readField((value) => parseMoney(value, 'amount'), {
    description: 'amount with at most two decimals, at most 99999999.99',
    anyOf: [
      { type: 'string', pattern: '^[0-9]+(\\.[0-9]{1,2})?$' },
      { type: 'number', minimum: 0 },
    ],
  });
}

export const countField = (): z.ZodNumber => integerField(1, MAX_COUNT);
export const perUserLimitField = (): z.ZodNumber => integerField(1, MAX_PER_USER_LIMIT);
export const int32Field = (): z.ZodNumber => integerField(MIN_INT32, MAX_INT32);
export const versionField = (): z.ZodNumber => integerField(1, MAX_INT32);

/** Epoch milliseconds from RFC 3339 text with an offset. */
export function timeField(): z.ZodType<number> {
  const message =
    'must be an RFC 3339 time such as 2026-11-21T12:00:00Z, at most milliseconds, before 2038-01-19T03:14:08Z';
  const text = z.iso.datetime({ offset: true });
  return readField(
    (value) => {
      if (value === undefined || value === null) throw InvalidArgumentError.of('time', 'is required');
      const given = text.safeParse(value);
      const ms = given.success && !/\.\d{4,}/.test(given.data) ? Date.parse(given.data) : NaN;
      if (!(ms >= 1_000 && ms <= LAST_TIME_MS)) throw InvalidArgumentError.of('time', message);
      return ms;
    },
    { type: 'string', format: 'date-time' },
  );
}

/** Ids that something applies to; null = no restriction. */
export function idListField(): z.ZodType<string[] | null> {
  return z
    .array(idField(), { error: 'must be a list of ids or null' })
    .max(MAX_LISTED_IDS, `must have at most ${MAX_LISTED_IDS} ids`)
    .transform((ids) => [...new Set<string>(ids)])
    .nullable();
}

export function timeZoneField(): z.ZodType<string> {
  return readField(
    (value) => {
      const zone = typeof value === 'string' && value.length <= 64 ? value : '';
      try {
        new Intl.DateTimeFormat('en', { timeZone: zone });
      } catch (error) {
        if (error instanceof RangeError)
          throw InvalidArgumentError.of('time_zone', 'must be an IANA name such as Asia/Shanghai');
        throw error;
      }
      return zone;
    },
    { type: 'string', examples: ['UTC', 'Asia/Shanghai'] },
  );
}

/** One of a few numbers. */
export function choiceField<const N extends number>(values: readonly N[]): z.ZodType<N> {
  return readField(
    (value) => {
      const found = values.find((one) => one === value);
      if (value === undefined) throw InvalidArgumentError.of('number', 'is required');
      if (found === undefined) throw InvalidArgumentError.of('number', `must be one of ${values.join(', ')}`);
      return found;
    },
    { type: 'integer', enum: [...values] },
  );
}

/** The same in a query string, where everything is text. */
export function queryChoiceField<const N extends number>(values: readonly N[]): z.ZodType<N> {
  return readField(
    (value) => {
      const found = values.find((one) => String(one) === value);
      if (found === undefined) throw InvalidArgumentError.of('number', `must be one of ${values.join(', ')}`);
      return found;
    },
    { type: 'integer', enum: [...values] },
  );
}

export function claimIdField(): z.ZodType<ClaimId> {
  return readField(
    (value) => {
      if (typeof value === 'string' && isClaimId(value)) return value;
      throw InvalidArgumentError.of('claim_id', 'must be the 26 characters of a claim id');
    },
    { type: 'string', pattern: '^[0-9A-HJKMNP-TV-Z]{26}$' },
  );
}
