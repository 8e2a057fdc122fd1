import { InvalidArgumentError, isIdempotencyKey } from '@coupon/domain';
import { z } from 'zod';

// Kinds of fields that requests of several services carry. Each says in one sentence what is wrong with a value.

/**
 * A field read by a function that throws InvalidArgumentError.
 * @param meta what it looks like, for a description of the interface (JSON Schema)
 */
export function readField<T>(read: (value: unknown) => T, meta: Record<string, unknown> = {}): z.ZodType<T> {
  return z
    .unknown()
    .meta(meta)
    .transform((value, context) => {
      try {
        return read(value);
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        for (const { message } of error.violations) context.addIssue({ code: 'custom', message });
        return z.NEVER;
      }
    });
}

export function integerField(min: number, max: number): z.ZodNumber {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .number({ error: (issue) => (issue.input === undefined ? 'is required' : message) })
    .int(message)
    .min(min, message)
    .max(max, message);
}

/** Text of 1 to `max` characters (not bytes), without control characters. */
export function textField(max: number): z.ZodType<string> {
  return readField(
    (value) => {
      if (value === undefined) throw InvalidArgumentError.of('text', 'is required');
      if (typeof value !== 'string') throw InvalidArgumentError.of('text', 'must be a string');
      const length = [...value].length;
      if (length < 1 || length > max || value.trim() === '') {
        throw InvalidArgumentError.of('text', `must have 1 to ${max} characters and not be blank`);
      }
      if (/[\p{Cc}\p{Cs}]/u.test(value)) {
        throw InvalidArgumentError.of('text', 'must not contain control characters or broken Unicode');
      }
      return value;
    },
    { type: 'string', minLength: 1, maxLength: max },
  );
}

/** Of the header `Idempotency-Key`. @throws InvalidArgumentError */
export function readIdempotencyKey(value: string | undefined): string | undefined {
  if (value === undefined || isIdempotencyKey(value)) return value;
  throw InvalidArgumentError.of('Idempotency-Key', 'must have 1 to 64 printable characters without spaces');
}
