import { InvalidArgumentError } from '@coupon/domain';
import { z } from 'zod';
import { integerField, readField, readIdempotencyKey, textField } from './fields';

function problemOf(schema: z.ZodType, value: unknown): string | undefined {
  const result = schema.safeParse(value);
  return result.success ? undefined : result.error.issues[0]?.message;
}

describe('readField', () => {
  const even = readField(
    (value) => {
      if (value === 'fault') throw new TypeError('a bug');
      if (typeof value !== 'number' || value % 2 !== 0) throw InvalidArgumentError.of('any', 'must be even');
      return value / 2;
    },
    { type: 'integer' },
  );

  it('gives what the function reads, says what it refuses, and hides no bug', () => {
    expect(even.parse(4)).toBe(2);
    expect(problemOf(even, 3)).toBe('must be even');
    expect(() => even.safeParse('fault')).toThrow('a bug');
  });

  it('is described by what it is said to look like', () => {
    expect(z.toJSONSchema(even, { io: 'input' })).toMatchObject({ type: 'integer' });
  });
});

it('says what is missing', () => {
  for (const schema of [textField(5), integerField(1, 2)]) expect(problemOf(schema, undefined)).toBe('is required');
});

it.each([0, 4, 1.5, '2', null, NaN])('refuses %p as a whole number from 1 to 3', (value) => {
  expect(problemOf(integerField(1, 3), value)).toBe('must be a whole number from 1 to 3');
});

it('counts characters, not bytes or UTF-16 units', () => {
  expect(textField(3).parse('🎉🎉🎉')).toBe('🎉🎉🎉');
  expect(problemOf(textField(2), '🎉🎉🎉')).toMatch(/1 to 2 characters/);
});

it.each([
  ['', /not be blank/],
  ['  ', /not be blank/],
  [7, /must be a string/],
  ['\ud800', /broken Unicode/],
  ['a\nb', /control characters/],
])('refuses %p as a text', (value, problem) => {
  expect(problemOf(textField(9), value)).toMatch(problem);
});

it('accepts printable keys up to 64 characters', () => {
  expect(readIdempotencyKey(undefined)).toBeUndefined();
  expect(readIdempotencyKey('!~k')).toBe('!~k');
  expect(readIdempotencyKey('x'.repeat(64))).toHaveLength(64);
  for (const key of ['', 'a b', 'ä', 'x'.repeat(65)]) expect(() => readIdempotencyKey(key)).toThrow('Idempotency-Key');
});
