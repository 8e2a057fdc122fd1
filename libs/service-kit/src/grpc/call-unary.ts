import { Metadata } from '@grpc/grpc-js';
import type { CallOptions, ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import { fromGrpcError } from './grpc-errors';

/** A client's method, bound: `client.getCouponTemplate.bind(client)`. */
export type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

export interface CallSettings {
  /** From now, milliseconds. Every call has one: a call without can wait for ever. */
  readonly deadlineMs: number;
  readonly requestId?: string | undefined;
  /** "Bearer …" */
  readonly authorization?: string | undefined;
  readonly traceparent?: string;
  /** Further metadata, names in lower case. */
  readonly metadata?: Readonly<Record<string, string | undefined>>;
}

/** One call, as a promise. @throws AppError with the server's code (see `fromGrpcError`). Nothing is repeated. */
export function callUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  settings: CallSettings,
): Promise<Response> {
  const metadata = new Metadata();
  const headers = {
    'x-request-id': settings.requestId,
    authorization: settings.authorization,
    traceparent: settings.traceparent,
    ...settings.metadata,
  };
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) metadata.set(name, value);
  return new Promise((resolve, reject) => {
    method(request, metadata, { deadline: Date.now() + settings.deadlineMs }, (error, response) => {
      if (error === null) resolve(response);
      else reject(fromGrpcError(error));
    });
  });
}
