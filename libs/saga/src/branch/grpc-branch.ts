import { status } from '@grpc/grpc-js';
import type { ServerUnaryCall, handleUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { readBranchMetadata } from './branch-identity';
import type { BranchIdentity } from './branch-identity';
import { wireCode } from './branch-outcome';
import type { ActionOutcome, CompensationOutcome } from './branch-outcome';

interface CommonOptions<Request, Response> {
  /** The answer to DTM, which does not read it; the empty message will do. */
  readonly reply: () => Response;
  /** Serves callers that are not DTM. @default such calls are refused */
  readonly plain?: handleUnaryCall<Request, Response>;
  /** A handler threw: the answer is INTERNAL without a word about it, and DTM repeats the call. */
  readonly onFault: (error: unknown, branch: BranchIdentity) => void;
}

export type GrpcBranchOptions<Request, Response> = CommonOptions<Request, Response> &
  (
    | { readonly op: 'action'; handle(branch: BranchIdentity, request: Request): Promise<ActionOutcome> }
    | { readonly op: 'compensate'; handle(branch: BranchIdentity, request: Request): Promise<CompensationOutcome> }
  );

/**
 * An RPC as a branch of sagas: success is OK, a refusal ABORTED with the code as its message, not ready FAILED_PRECONDITION, a fault INTERNAL,
 * nothing else. A call with DTM's metadata that is for the other operation or incomplete is refused; without any it is a plain call.
 */
export function grpcBranch<Request, Response>(
  options: GrpcBranchOptions<Request, Response>,
): handleUnaryCall<Request, Response> {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
    const reading = readBranchMetadata(call.metadata);
    if (reading.kind === 'absent' && options.plain) {
      options.plain(call, callback);
      return;
    }
    if (reading.kind !== 'branch' || reading.branch.op !== options.op) {
      callback({ code: status.ABORTED, details: 'INVALID_BRANCH' });
      return;
    }
    void answer(options, reading.branch, call.request, callback);
  };
}

async function answer<Request, Response>(
  options: GrpcBranchOptions<Request, Response>,
  branch: BranchIdentity,
  request: Request,
  callback: sendUnaryData<Response>,
): Promise<void> {
  let outcome: ActionOutcome;
  try {
    outcome = await options.handle(branch, request);
  } catch (error) {
    options.onFault(error, branch);
    callback({ code: status.INTERNAL, details: 'the branch failed' });
    return;
  }
  if (outcome.kind === 'success') callback(null, options.reply());
  else if (outcome.kind === 'refused') callback({ code: status.ABORTED, details: wireCode(outcome.code) });
  else callback({ code: status.FAILED_PRECONDITION, details: 'not ready' });
}
