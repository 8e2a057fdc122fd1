import fc from 'fast-check';
import type { z } from 'zod';
import { formatMoney } from '@coupon/domain';
import { idField, idListField, moneyField, timeField } from './fields';

function problemOf(schema: z.ZodType, value: unknown): string | undefined {
  const result = schema.safeParse(value);
  return result.success ? undefined : result.error.issues[0]?.message;
}

it('reads an amount as it is written, never rounded', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 9_999_999_999n }), (minor) => {
      expect(moneyField().parse(formatMoney(minor))).toBe(minor);
      expect(moneyField().parse(Number(minor) / 100)).toBe(minor);
    }),
    { seed: 1 },
  );
});

it('reads a time to the millisecond, whatever its offset', () => {
  expect(timeField().parse('2026-11-21T08:00:00+08:00')).toBe(Date.UTC(2026, 10, 21));
  expect(timeField().parse('2026-11-21T00:00:00.123Z')).toBe(Date.UTC(2026, 10, 21, 0, 0, 0, 123));
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: Date.UTC(2038, 0, 19) }), (ms) => {
      expect(timeField().parse(new Date(ms).toISOString())).toBe(ms);
    }),
    { seed: 2 },
  );
});

it.each([
  '2026-11-21T00:00:00.1234Z',
  '2026-13-01T00:00:00Z',
  '2025-02-29T00:00:00Z',
  '2026-11-21',
  '1970-01-01T00:00:00Z',
  '',
  7,
])('refuses %p as a time', (value) => {
  expect(problemOf(timeField(), value)).toMatch(/must be an RFC 3339 time/);
});

it('says what is missing', () => {
  for (const schema of [timeField(), idField(), moneyField()]) {
    expect(problemOf(schema, undefined)).toBe('is required');
  }
});

it('keeps an id once in a list, in the order given', () => {
  expect(idListField().parse([3, '1', '3'])).toEqual(['3', '1']);
  expect(idListField().parse(null)).toBeNull();
  expect(idListField().parse([])).toEqual([]);
  expect(
    problemOf(
      idListField(),
      Array.from({ length: 1_001 }, (_, i) => i + 1),
    ),
  ).toMatch(/at most 1000/);
});
