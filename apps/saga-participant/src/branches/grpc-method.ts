import { status } from '@grpc/grpc-js';
import type { ServerUnaryCall, handleUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { grpcBranch } from '@coupon/saga';
import type { BranchIdentity } from '@coupon/saga';
import type { Branch } from './branch';
import { BRANCH_SECRET_HEADER, knowsBranchSecret } from './branch-secret';

export interface GrpcMethodOptions<Request, Response> {
  readonly reply: () => Response;
  /** Serves callers that are not DTM: a plain call, idempotent by order_sn. */
  readonly plain: handleUnaryCall<Request, Response>;
  readonly onFault: (error: unknown, branch: BranchIdentity) => void;
  /** Calls from DTM must carry it. */
  readonly secret: string | undefined;
}

/** A branch as an RPC: the call's metadata says whether it is wanted as action or as compensation. */
export function grpcMethod<Request, Response>(
  branch: Branch<Request>,
  options: GrpcMethodOptions<Request, Response>,
): handleUnaryCall<Request, Response> {
  const { action, compensation } = branch;
  const asAction = action && grpcBranch<Request, Response>({ ...options, op: 'action', handle: action });
  const asCompensation =
    compensation && grpcBranch<Request, Response>({ ...options, op: 'compensate', handle: compensation });
  const fallback = asAction ?? asCompensation;
  if (!fallback) throw new Error(`the branch ${branch.rpc.path} is neither action nor compensation`);
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
    const [op] = call.metadata.get('dtm-op');
    if (op !== undefined && !knowsBranchSecret(options.secret, call.metadata.get(BRANCH_SECRET_HEADER)[0])) {
      // See requireBranchSecret.
      callback({ code: status.FAILED_PRECONDITION, details: 'not ready' });
      return;
    }
    const handler = (op === 'compensate' ? asCompensation : asAction) ?? fallback;
    handler(call, callback);
  };
}
