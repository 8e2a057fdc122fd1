import { InvalidArgumentError, isIdText, isIdempotencyKey } from '@coupon/domain';
import { z } from 'zod';

// The kinds of fields the inventory's requests carry. Each says in one sentence what is wrong with a value.

/** A field read by a function that throws InvalidArgumentError. */
export function readField<T>(read: (value: unknown) => T): z.ZodType<T> {
  return z.unknown().transform((value, context) => {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      for (const { message } of error.violations) context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
  });
}

export function integerField(min: number, max: number): z.ZodType<number> {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .number({ error: (issue) => (issue.input === undefined ? 'is required' : message) })
    .int(message)
    .min(min, message)
    .max(max, message);
}

/** Text of 1 to `max` characters (not bytes), without control characters. */
export function textField(max: number): z.ZodType<string> {
  return readField((value) => {
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
  });
}

/** Of the header `Idempotency-Key`. @throws InvalidArgumentError */
export function readIdempotencyKey(value: string | undefined): string | undefined {
  if (value === undefined || isIdempotencyKey(value)) return value;
  throw InvalidArgumentError.of('Idempotency-Key', 'must have 1 to 64 printable characters without spaces');
}

/** `?limit=` of a list. */
export function limitField(max: number): z.ZodType<number> {
  return readField((value) => {
    const limit = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : 0;
    if (limit < 1 || limit > max) throw InvalidArgumentError.of('limit', `must be a whole number from 1 to ${max}`);
    return limit;
  });
}

/** `?cursor=` of a list by id: after this id. */
export function cursorField(): z.ZodType<string> {
  return readField((value) => {
    const text = typeof value === 'string' && value.length <= 128 ? value : '';
    const [version, id = ''] = Buffer.from(text, 'base64url').toString('latin1').split(':');
    if (version !== 'v1' || !isIdText(id)) throw InvalidArgumentError.of('cursor', 'is not a cursor of this list');
    return id;
  });
}

export function writeCursor(id: string): string {
  return Buffer.from(`v1:${id}`).toString('base64url');
}
