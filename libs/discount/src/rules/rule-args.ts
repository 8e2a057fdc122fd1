import type { FieldViolation } from '@coupon/domain';

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function unknownFields(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: string,
): readonly FieldViolation[] {
  return Object.keys(value)
    .filter((name) => !known.includes(name))
    .map((name) => ({ field: `${path}.${name}`, message: 'is not known' }));
}
