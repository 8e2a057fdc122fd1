import { AppError, ERROR_CODES, InvalidArgumentError } from '@coupon/domain';
import type { ErrorCode, ErrorDetails } from '@coupon/domain';

/** The error body of every interface. */
export interface ErrorBody {
  readonly success: false;
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

export interface ErrorReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
  /** A fault nobody foresaw: log it; the caller learns nothing about it. */
  readonly unexpected: boolean;
}

/** Refusals that say when to come back, also when the error carries no time of its own. */
const RETRY_AFTER_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RATE_LIMITED',
  'OVERLOADED',
  'CIRCUIT_OPEN',
  'NOT_READY',
]);
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** Any thrown value -> status, headers and body of the answer. Knows nothing of Express: node:http handlers use it, too. */
export function toErrorReply(error: unknown): ErrorReply {
  const known = asAppError(error);
  if (known === undefined) {
    return {
      status: 500,
      headers: {},
      body: { success: false, code: 'INTERNAL', message: 'internal error' },
      unexpected: true,
    };
  }
  return {
    status: ERROR_CODES[known.code].http,
    headers: retryAfter(known),
    body: {
      success: false,
      code: known.code,
      message: known.message,
      ...(known.details === undefined ? {} : { details: known.details }),
    },
    unexpected: known.code === 'INTERNAL',
  };
}

/** JSON text of an error body; a bigint in `details` becomes a decimal string instead of a second error. */
export function errorBodyText(body: ErrorBody): string {
  return JSON.stringify(body, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

function asAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  return error instanceof Error ? fromHttpLibrary(error) : undefined;
}

/** Errors of body-parser and of the router carry a 4xx `status` and a `type`; their messages can quote the body, so they are not passed on. */
function fromHttpLibrary(error: Error): AppError | undefined {
  const status: unknown = 'status' in error ? error.status : undefined;
  const type: unknown = 'type' in error ? error.type : undefined;
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  if (status === 413) {
    const limit: unknown = 'limit' in error ? error.limit : undefined;
    return new AppError('PAYLOAD_TOO_LARGE', 'body: is too large', {
      details: { field: 'body', ...(typeof limit === 'number' ? { limit_bytes: limit } : {}) },
      cause: error,
    });
  }
  if (error instanceof URIError) return InvalidArgumentError.of('path', 'is not valid percent-encoding');
  if (type === 'entity.parse.failed') return InvalidArgumentError.of('body', 'is not valid JSON');
  if (type === 'encoding.unsupported') return InvalidArgumentError.of('Content-Encoding', 'is not supported');
  if (type === 'charset.unsupported')
    return InvalidArgumentError.of('Content-Type', 'must use the character set UTF-8');
  return InvalidArgumentError.of('body', 'could not be read');
}

function retryAfter({ code, details }: AppError): Record<string, string> {
  const given = details?.['retry_after_ms'];
  const ms =
    typeof given === 'number' && given >= 0 ? given : RETRY_AFTER_CODES.has(code) ? DEFAULT_RETRY_AFTER_MS : undefined;
  return ms === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1_000))) };
}
