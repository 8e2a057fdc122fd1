import type { ActionOutcome, BranchIdentity, CompensationOutcome, HttpBranch } from '@coupon/saga';

/** A method as ts-proto describes it. */
export interface RpcMethod<Request> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
}

/** A message's JSON form, as ts-proto reads and writes it. */
export interface JsonCodec<Request> {
  fromJSON(value: unknown): Request;
  toJSON(request: Request): unknown;
}

/**
 * One thing a saga can have done, over gRPC and over HTTP alike: the request is the RPC's message in both, as JSON over HTTP. Steps name
 * an action and its compensation, which both receive the bytes of the action's request: their messages agree in what they share.
 */
export interface Branch<Request> {
  readonly rpc: RpcMethod<Request>;
  readonly json: JsonCodec<Request>;
  /** Below `/dtm`; the compensation is below it at `/compensate`. */
  readonly path: `/${string}`;
  /** Absent: only ever a compensation. */
  readonly action?: (branch: BranchIdentity, request: Request) => Promise<ActionOutcome>;
  /** Absent: only ever an action. */
  readonly compensation?: (branch: BranchIdentity, request: Request) => Promise<CompensationOutcome>;
}

/** The same with its request type forgotten, for lists. */
export interface MountedBranch {
  readonly rpcPath: string;
  readonly path: `/${string}`;
  readonly http: readonly HttpBranch[];
}

const COMPENSATE = '/compensate';

/** @throws whatever `fromJSON` throws, which makes the call a fault: DTM sends only what was submitted. */
export function mountHttp<Request>({ rpc, json, path, action, compensation }: Branch<Request>): MountedBranch {
  const http: HttpBranch[] = [];
  if (action) {
    http.push({ op: 'action', path, handle: (branch, payload) => action(branch, json.fromJSON(payload)) });
  }
  if (compensation) {
    http.push({
      op: 'compensate',
      path: `${path}${COMPENSATE}`,
      handle: (branch, payload) => compensation(branch, json.fromJSON(payload)),
    });
  }
  return { rpcPath: rpc.path, path, http };
}

/** What an address is made of. */
export interface BranchTarget {
  readonly path: string;
  readonly rpc: { readonly path: string };
}

/** Where DTM reaches the branches of a service. */
export type BranchAddress =
  /** For example `http://saga:8057`. */
  | { readonly transport: 'http'; readonly baseUrl: string }
  /** `host:port` */
  | { readonly transport: 'grpc'; readonly address: string };

/** Address of a branch as an action. */
export function actionAddress(at: BranchAddress, branch: BranchTarget): string {
  return at.transport === 'http' ? `${at.baseUrl}/dtm${branch.path}` : `${at.address}${branch.rpc.path}`;
}

/** Address of a branch as a compensation. */
export function compensationAddress(at: BranchAddress, branch: BranchTarget): string {
  return at.transport === 'http' ? `${at.baseUrl}/dtm${branch.path}${COMPENSATE}` : `${at.address}${branch.rpc.path}`;
}
