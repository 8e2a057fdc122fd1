const MAX_CAUSES = 5;

export interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
  readonly errors?: readonly ErrorDescription[];
}

/**
 * What the log keeps of an error. Other properties are dropped on purpose: drivers hang the whole command, with user ids in it, on their
 * errors (`command.args`, `sql`, `config`).
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: withoutCredentials(String(error)) };
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: withoutCredentials(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: withoutCredentials(error.stack) }),
    ...(depth < MAX_CAUSES && error.cause !== undefined ? { cause: describeError(error.cause, depth + 1) } : {}),
    ...(depth < MAX_CAUSES && error instanceof AggregateError
      ? { errors: error.errors.slice(0, MAX_CAUSES).map((inner) => describeError(inner, depth + 1)) }
      : {}),
  };
}

/** `amqp://user:pass@host` -> `amqp://***@host`: connection errors like to repeat the URL. */
export function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/\s@]+@/g, '//***@');
}
