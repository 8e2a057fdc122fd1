import { Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { AppError, ERROR_CODES, isErrorCode } from '@coupon/domain';
import type { ErrorCode, ErrorDetails } from '@coupon/domain';
import { toErrorReply } from '../http/error-reply';

const CODE_KEY = 'x-error-code';
const DETAILS_KEY = 'x-error-details-bin';

/** What grpc-js takes as the error of a call. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * Any thrown value -> gRPC status. The message becomes the status text; our stable code travels as `x-error-code`, the details as JSON in
 * `x-error-details-bin`. A fault nobody foresaw tells the caller nothing.
 */
export function toGrpcError(error: unknown): GrpcStatus & { readonly unexpected: boolean } {
  const { body, unexpected } = toErrorReply(error);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, body.code);
  if (body.details !== undefined) metadata.set(DETAILS_KEY, Buffer.from(detailsText(body.details)));
  return { code: ERROR_CODES[body.code].grpc, details: body.message, metadata, unexpected };
}

/**
 * The error of a client call -> AppError, the inverse of `toGrpcError`; a foreign server's status is mapped by its number. UNAVAILABLE is
 * NOT_READY (nothing happened) only if no connection came about; a connection lost in mid-call leaves the outcome open.
 */
export function fromGrpcError(error: ServiceError): AppError {
  const given = error.metadata.get(CODE_KEY)[0];
  const code = typeof given === 'string' && isErrorCode(given) ? given : codeOfStatus(error);
  const details = detailsOf(error.metadata);
  return new AppError(code, error.details, { ...(details === undefined ? {} : { details }), cause: error });
}

const NEVER_CONNECTED = /^(?:No connection established|Name resolution failed)/;

function codeOfStatus({ code, details }: ServiceError): ErrorCode {
  switch (code) {
    case status.INVALID_ARGUMENT:
    case status.OUT_OF_RANGE:
      return 'INVALID_ARGUMENT';
    case status.UNAUTHENTICATED:
      return 'UNAUTHENTICATED';
    case status.PERMISSION_DENIED:
      return 'PERMISSION_DENIED';
    case status.NOT_FOUND:
      return 'NOT_FOUND';
    case status.FAILED_PRECONDITION:
    case status.ALREADY_EXISTS:
    case status.ABORTED:
      return 'CONFLICT';
    case status.RESOURCE_EXHAUSTED:
      return 'RATE_LIMITED';
    case status.UNAVAILABLE:
      return NEVER_CONNECTED.test(details) ? 'NOT_READY' : 'OUTCOME_UNKNOWN';
    case status.DEADLINE_EXCEEDED:
    case status.CANCELLED:
      return 'OUTCOME_UNKNOWN';
    default:
      return 'INTERNAL';
  }
}

function detailsText(details: ErrorDetails): string {
  return JSON.stringify(details, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

function detailsOf(metadata: Metadata): ErrorDetails | undefined {
  const given = metadata.get(DETAILS_KEY)[0];
  if (!Buffer.isBuffer(given)) return undefined;
  try {
    const parsed: unknown = JSON.parse(given.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as ErrorDetails) : undefined;
  } catch {
    // Not ours: some other server uses the same key. The status alone is still right.
    return undefined;
  }
}
