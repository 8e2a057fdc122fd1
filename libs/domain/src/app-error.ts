import type { ErrorCode } from './error-codes';

export type ErrorDetails = Readonly<Record<string, unknown>>;

/** One thing wrong with one field of a request; `field` is the JSON path, for example `order_items[2].price`. */
export interface FieldViolation {
  readonly field: string;
  readonly message: string;
}

/** A fault or refusal that reaches the caller: a stable code, a sentence for people, optional details. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
  }
}

/** INVALID_ARGUMENT with every violation found, not only the first. */
export class InvalidArgumentError extends AppError {
  readonly violations: readonly FieldViolation[];

  constructor(violations: readonly FieldViolation[]) {
    const [first] = violations;
    const message = first ? `${first.field}: ${first.message}` : 'invalid request';
    super('INVALID_ARGUMENT', message, {
      details: { ...(first ? { field: first.field } : {}), violations },
    });
    this.name = 'InvalidArgumentError';
    this.violations = violations;
  }

  static of(field: string, message: string): InvalidArgumentError {
    return new InvalidArgumentError([{ field, message }]);
  }
}
