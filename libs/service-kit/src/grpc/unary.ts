import type { Metadata, ServerUnaryCall, handleUnaryCall } from '@grpc/grpc-js';
import { unauthenticated } from '../auth/auth-refusal';
import type { Authenticator } from '../auth/authenticator';
import { requireRole } from '../auth/identity';
import type { Identity, Role } from '../auth/identity';
import { requestIdFrom } from '../http/request-id';
import type { Logger } from '../logging/create-logger';
import { toGrpcError } from './grpc-errors';

/** What a handler knows of its call besides the request. */
export interface CallContext {
  readonly metadata: Metadata;
  /** `address:port` of the other end. */
  readonly peer: string;
  /** From `x-request-id`, or new. */
  readonly requestId: string;
  /** Aborts when the client gave up or its deadline passed. */
  readonly signal: AbortSignal;
}

export interface AuthenticatedCallContext extends CallContext {
  readonly identity: Identity;
}

/** An async handler as a grpc-js method: its result is the answer, what it throws becomes the status. */
export function unary<Request, Response>(
  deps: { readonly logger: Logger },
  handler: (request: Request, context: CallContext) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const context = contextOf(call);
    const answer = async (): Promise<Response> => handler(call.request, context);
    answer().then(
      (response) => {
        callback(null, response);
      },
      (error: unknown) => {
        const { unexpected, ...grpcStatus } = toGrpcError(error);
        if (unexpected) {
          deps.logger.error({ err: error, request_id: context.requestId, method: call.getPath() }, 'call failed');
        }
        callback(grpcStatus);
      },
    );
  };
}

/** The same behind authentication (metadata `authorization: Bearer …`), with at least `role`. */
export function authenticatedUnary<Request, Response>(
  deps: { readonly logger: Logger; readonly authenticator: Authenticator; readonly role?: Role },
  handler: (request: Request, context: AuthenticatedCallContext) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  const { logger, authenticator, role = 'user' } = deps;
  return (call, callback) => {
    const guarded = unary<Request, Response>({ logger }, async (request, context) => {
      const identity = await authenticateCall(authenticator, call);
      requireRole(identity, role);
      return handler(request, { ...context, identity });
    });
    guarded(call, callback);
  };
}

/** Who is calling; for streams, which authenticate once per stream. @throws UNAUTHENTICATED, NOT_READY */
export function authenticateCall(
  authenticator: Authenticator,
  call: { readonly metadata: Metadata; getPeer(): string },
): Promise<Identity> {
  const header = (name: string): string | undefined => {
    const value = call.metadata.get(name)[0];
    return typeof value === 'string' ? value : undefined;
  };
  const authorization = header('authorization');
  const caller = authenticator.authenticateNow(authorization);
  if (typeof caller === 'string') return Promise.reject(unauthenticated(caller));
  if (caller !== undefined) return Promise.resolve(caller);
  // "10.0.0.7:51234" or "[::1]:51234"
  const peerAddress = call
    .getPeer()
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
  return authenticator.authenticate({ authorization, peerAddress, header });
}

function contextOf<Request, Response>(call: ServerUnaryCall<Request, Response>): CallContext {
  const abort = new AbortController();
  call.on('cancelled', () => {
    abort.abort(new Error('the client gave up'));
  });
  const given = call.metadata.get('x-request-id')[0];
  return {
    metadata: call.metadata,
    peer: call.getPeer(),
    requestId: requestIdFrom(typeof given === 'string' ? given : undefined),
    signal: abort.signal,
  };
}
