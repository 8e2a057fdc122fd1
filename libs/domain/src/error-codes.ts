/**
 * The one table of error codes: name -> HTTP status and gRPC status.
 * Source: the interface contract (section "Error body everywhere"). Names are stable, clients branch on them.
 */
export const ERROR_CODES = {
  INVALID_ARGUMENT: { http: 400, grpc: 3 },
  UNAUTHENTICATED: { http: 401, grpc: 16 },
  PERMISSION_DENIED: { http: 403, grpc: 7 },
  NOT_FOUND: { http: 404, grpc: 5 },
  ACTIVITY_NOT_FOUND: { http: 404, grpc: 5 },
  METHOD_NOT_ALLOWED: { http: 405, grpc: 12 },
  PAYLOAD_TOO_LARGE: { http: 413, grpc: 3 },
  NOT_STARTED: { http: 409, grpc: 9 },
  ENDED: { http: 409, grpc: 9 },
  PAUSED: { http: 409, grpc: 9 },
  SOLD_OUT: { http: 409, grpc: 9 },
  LIMIT_REACHED: { http: 409, grpc: 9 },
  CONFLICT: { http: 409, grpc: 9 },
  TOO_MANY_COUPONS: { http: 409, grpc: 9 },
  EXCLUSIVE_GROUP: { http: 409, grpc: 9 },
  NOT_STACKABLE: { http: 409, grpc: 9 },
  NOT_OWNED: { http: 409, grpc: 9 },
  TEMPLATE_DISABLED: { http: 409, grpc: 9 },
  ALREADY_USED: { http: 409, grpc: 9 },
  LOCKED_BY_ANOTHER_ORDER: { http: 409, grpc: 9 },
  NOT_YET_VALID: { http: 409, grpc: 9 },
  EXPIRED: { http: 409, grpc: 9 },
  NO_APPLICABLE_GOODS: { http: 409, grpc: 9 },
  BELOW_MIN_AMOUNT: { http: 409, grpc: 9 },
  NO_EFFECT: { http: 409, grpc: 9 },
  RATE_LIMITED: { http: 429, grpc: 8 },
  OVERLOADED: { http: 503, grpc: 14 },
  CIRCUIT_OPEN: { http: 503, grpc: 14 },
  NOT_READY: { http: 503, grpc: 14 },
  OUTCOME_UNKNOWN: { http: 504, grpc: 4 },
  INTERNAL: { http: 500, grpc: 13 },
} as const satisfies Record<string, { http: number; grpc: number }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The refusals of a claim that are the sale's normal course, not a fault: HTTP 409. */
export type BusinessRefusal = 'NOT_STARTED' | 'ENDED' | 'PAUSED' | 'SOLD_OUT' | 'LIMIT_REACHED' | 'CONFLICT';

export const BUSINESS_REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NOT_STARTED',
  'ENDED',
  'PAUSED',
  'SOLD_OUT',
  'LIMIT_REACHED',
  'CONFLICT',
] satisfies BusinessRefusal[]);

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERROR_CODES, value);
}
