import { InvalidArgumentError } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import type { z } from 'zod';

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/**
 * The value as the schema gives it back.
 * @param root the name for a problem with the value as a whole
 * @throws InvalidArgumentError with every violation and its JSON path (`order_items[2].price`).
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown, root = 'body'): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InvalidArgumentError(result.error.issues.flatMap((issue) => violationsOf(issue, value, root)));
}

/** `['order_items', 2, 'price']` -> `order_items[2].price` */
export function jsonPath(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

function violationsOf(issue: Issue, value: unknown, root: string): FieldViolation[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: jsonPath([...issue.path, key]), message: 'is not a known field' }));
  }
  const field = issue.path.length === 0 ? root : jsonPath(issue.path);
  const missing = issue.code === 'invalid_type' && valueAt(value, issue.path) === undefined;
  return [{ field, message: missing ? 'is required' : issue.message }];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (current, key) =>
      typeof current === 'object' && current !== null ? (current as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}
