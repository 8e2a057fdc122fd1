/** What the coordinator calls a branch for. */
export type BranchOperation = 'action' | 'compensate';

/** Which call of which saga this is: DTM sends it with every call, the same for every repetition. */
export interface BranchIdentity {
  readonly gid: string;
  readonly transType: 'saga';
  readonly branchId: string;
  readonly op: BranchOperation;
}

/** `absent`: the call does not come from DTM. `malformed`: it claims to, but `field` is missing or not what DTM sends. */
export type BranchIdentityReading =
  | { readonly kind: 'branch'; readonly branch: BranchIdentity }
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed'; readonly field: 'gid' | 'trans_type' | 'branch_id' | 'op' };

/** Letters, digits, `_` and `-`: DTM silently drops other characters from ids, and its tables end at 128. */
export const GID_PATTERN = /^[A-Za-z0-9_-]{1,128}$/;
const BRANCH_ID_PATTERN = /^\d{2,128}$/;

/** Query parameters of an HTTP branch: `gid`, `trans_type`, `branch_id`, `op`. */
export function readBranchQuery(parameters: URLSearchParams): BranchIdentityReading {
  return readIdentity((name) => parameters.get(name));
}

/** Metadata of a gRPC branch: `dtm-gid`, `dtm-trans_type`, `dtm-branch_id`, `dtm-op`. */
export function readBranchMetadata(metadata: {
  get(key: string): readonly (string | Buffer)[];
}): BranchIdentityReading {
  return readIdentity((name) => {
    const [value] = metadata.get(`dtm-${name}`);
    return typeof value === 'string' ? value : null;
  });
}

function readIdentity(read: (name: string) => string | null): BranchIdentityReading {
  const [gid, transType, branchId, op] = ['gid', 'trans_type', 'branch_id', 'op'].map(read);
  if (![gid, transType, branchId, op].some((value) => typeof value === 'string' && value !== '')) {
    return { kind: 'absent' };
  }
  if (typeof gid !== 'string' || !GID_PATTERN.test(gid)) return { kind: 'malformed', field: 'gid' };
  if (transType !== 'saga') return { kind: 'malformed', field: 'trans_type' };
  if (typeof branchId !== 'string' || !BRANCH_ID_PATTERN.test(branchId)) {
    return { kind: 'malformed', field: 'branch_id' };
  }
  if (op !== 'action' && op !== 'compensate') return { kind: 'malformed', field: 'op' };
  return { kind: 'branch', branch: { gid, transType, branchId, op } };
}
