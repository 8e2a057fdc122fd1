import type { BranchIdentity } from '../branch/branch-identity';

/** The part of a Prisma transaction that the barrier needs: raw statements with `?` placeholders. */
export interface BarrierTransaction {
  $executeRawUnsafe(query: string, ...values: unknown[]): PromiseLike<number>;
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): PromiseLike<T>;
}

/**
 * `enter`: do the work in this transaction. `duplicate`: it was done before, or is superfluous; answer success. `empty`: a compensation whose
 * action has never been done; answer success, the action is barred from now on. `compensated`: an action after its compensation; refuse it.
 */
export type BarrierVerdict = 'enter' | 'duplicate' | 'empty' | 'compensated';

export interface BarrierOptions {
  /** @default barrier */
  readonly table?: string;
  /** Tells several barriers within one branch apart, in the order of their use. @default 01 */
  readonly barrierId?: string;
}

const TABLE_PATTERN = /^[A-Za-z0-9_]{1,64}(?:\.[A-Za-z0-9_]{1,64})?$/;
const BARRIER_ID_PATTERN = /^\d{2}$/;

/**
 * DTM's sub-transaction barrier (client/dtmcli/barrier.go of v1.19.0) at the start of the caller's transaction: whatever order the
 * coordinator's calls arrive in, and however often, the action's work is done once at most, its compensation once at most, only after it,
 * and never is an action done after its compensation. Concurrent calls of one branch wait for each other at the unique key.
 *
 * One verdict differs from DTM's client: an action after its compensation is `compensated`, not a success, whether it had been done before or
 * not. A coordinator that runs on after a rollback would take the success for a reason to go on to the next step, which nobody would ever
 * compensate.
 *
 * The caller must roll back when the work is refused or fails: the row goes with the work.
 */
export async function enterBarrier(
  transaction: BarrierTransaction,
  branch: BranchIdentity,
  options: BarrierOptions = {},
): Promise<BarrierVerdict> {
  const { table = 'barrier', barrierId = '01' } = options;
  if (!TABLE_PATTERN.test(table)) throw new TypeError(`"${table}" is no name of a barrier table`);
  if (!BARRIER_ID_PATTERN.test(barrierId)) throw new TypeError(`"${barrierId}" is no barrier id of two digits`);
  const insert = (op: string): PromiseLike<number> =>
    transaction.$executeRawUnsafe(
      // IGNORE would hide values that are too long; all of them are bounded by patterns that are shorter than the columns.
      `INSERT IGNORE INTO ${table} (trans_type, gid, branch_id, op, barrier_id, reason) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[branch.transType, branch.gid, branch.branchId, op, barrierId, branch.op],
    );
  if (branch.op === 'compensate') {
    // The action's row first: the order in which a waiting action and its compensation take the same two keys.
    const actionWasMissing = (await insert('action')) > 0;
    const isFirst = (await insert('compensate')) > 0;
    if (actionWasMissing) return 'empty';
    return isFirst ? 'enter' : 'duplicate';
  }
  if ((await insert('action')) > 0) return 'enter';
  // A locking read: it sees what the INSERT has seen, whatever the isolation and whatever the transaction has read before, and waits for a
  // compensation that is under way.
  const undone = await transaction.$queryRawUnsafe<unknown[]>(
    `SELECT 1 FROM ${table} WHERE gid = ? AND branch_id = ? AND op = ? AND barrier_id = ? LOCK IN SHARE MODE`,
    ...[branch.gid, branch.branchId, 'compensate', barrierId],
  );
  return undone.length === 0 ? 'duplicate' : 'compensated';
}
