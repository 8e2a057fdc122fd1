import { Prisma } from '../../generated/client';
import type { ShopTransaction } from '../../adapters/databases';
import type { SagaKind } from '../order-transitions';
import type { SagaInput, SagaRun } from '../sagas/saga-run';
import { microseconds, parseJson } from './sql';

/** Who drives a run, and until when nobody else may. */
export interface Lease {
  readonly owner: string;
  readonly ms: number;
}

export interface ClaimedRun {
  readonly run: SagaRun;
  /** How often it was taken before. */
  readonly attempts: number;
}

/** Of runs that are not finished. READY: to be submitted; RUNNING: DTM has it. */
export type OpenState = 'READY' | 'RUNNING';

// due_at says from when on a run may be taken, also while it is leased: it is the end of the lease then. The clock is the database's.

/** With a lease the run is taken already, by its owner; else it is due after `delayMs`. */
export async function insertRun(
  tx: ShopTransaction,
  run: SagaRun,
  when: { readonly lease: Lease } | { readonly delayMs: number },
): Promise<void> {
  const [attempts, owner, ms] = 'lease' in when ? [1, when.lease.owner, when.lease.ms] : [0, null, when.delayMs];
  await tx.$executeRaw`
    INSERT INTO saga_runs (gid, kind, order_sn, input, state, attempts, due_at, lease_owner, lease_until)
    VALUES (${run.gid}, ${run.kind}, ${run.orderSn}, ${JSON.stringify(run.input)}, 'READY', ${attempts},
      CURRENT_TIMESTAMP(3) + INTERVAL ${microseconds(ms)} MICROSECOND, ${owner},
      IF(${owner} IS NULL, NULL, CURRENT_TIMESTAMP(3) + INTERVAL ${microseconds(ms)} MICROSECOND))`;
}

export interface RunEnd {
  readonly gid: string;
  readonly state: 'SUCCEEDED' | 'FAILED';
  readonly reason: string | null;
}

export function endAssignments({ state, reason }: RunEnd): Prisma.Sql {
  return Prisma.sql`s.state = ${state}, s.reason = ${reason?.slice(0, 255) ?? null}, s.finished_at = CURRENT_TIMESTAMP(3),
    s.lease_owner = NULL, s.lease_until = NULL`;
}

export async function finishRun(tx: ShopTransaction, end: RunEnd): Promise<void> {
  await tx.$executeRaw`UPDATE saga_runs s SET ${endAssignments(end)} WHERE s.gid = ${end.gid} AND s.finished_at IS NULL`;
}

/** How many runs of the kind the order has had, and the input of the last one. */
export async function earlierRuns(
  tx: ShopTransaction,
  orderSn: string,
  kind: SagaKind,
): Promise<{ readonly count: number; readonly last: SagaInput | undefined }> {
  const rows = await tx.$queryRaw<{ input: unknown }[]>`
    SELECT input FROM saga_runs WHERE order_sn = ${orderSn} AND kind = ${kind} ORDER BY created_at DESC, CHAR_LENGTH(gid) DESC, gid DESC`;
  const [last] = rows;
  return { count: rows.length, last: last === undefined ? undefined : (parseJson(last.input) as SagaInput) };
}

interface RunRow {
  readonly gid: string;
  readonly kind: SagaKind;
  readonly orderSn: string;
  readonly input: unknown;
  readonly attempts: number;
}

/** Takes runs that are due, the longest waiting first. What others are taking at the same moment is passed over. */
export async function claimDueRuns(tx: ShopTransaction, lease: Lease, limit: number): Promise<ClaimedRun[]> {
  const rows = await tx.$queryRaw<RunRow[]>`
    SELECT gid, kind, order_sn AS orderSn, input, attempts FROM saga_runs
    WHERE finished_at IS NULL AND due_at <= CURRENT_TIMESTAMP(3)
    ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
  if (rows.length === 0) return [];
  const gids = Prisma.join(rows.map(({ gid }) => gid));
  await tx.$executeRaw`
    UPDATE saga_runs SET attempts = attempts + 1, lease_owner = ${lease.owner},
      lease_until = CURRENT_TIMESTAMP(3) + INTERVAL ${microseconds(lease.ms)} MICROSECOND,
      due_at = CURRENT_TIMESTAMP(3) + INTERVAL ${microseconds(lease.ms)} MICROSECOND
    WHERE gid IN (${gids})`;
  return rows.map(({ gid, kind, orderSn, input, attempts }) => ({
    run: { gid, kind, orderSn, input: parseJson(input) as SagaInput },
    attempts,
  }));
}

/** Gives a run back, to be taken again after `delayMs`; nothing when it is the owner's no more. */
export async function returnRun(
  db: ShopTransaction,
  gid: string,
  owner: string,
  next: { readonly state?: OpenState; readonly delayMs: number; readonly reason: string | null },
): Promise<void> {
  await db.$executeRaw`
    UPDATE saga_runs SET state = COALESCE(${next.state ?? null}, state), reason = ${next.reason?.slice(0, 255) ?? null},
      due_at = CURRENT_TIMESTAMP(3) + INTERVAL ${microseconds(next.delayMs)} MICROSECOND,
      lease_owner = NULL, lease_until = NULL
    WHERE gid = ${gid} AND lease_owner = ${owner} AND finished_at IS NULL`;
}

/** For runs that take long: nobody else takes them while their owner lives. */
export async function renewLeases(db: ShopTransaction, lease: Lease, gids: readonly string[]): Promise<void> {
  if (gids.length === 0) return;
  await db.$executeRaw`
    UPDATE saga_runs SET lease_until = CURRENT_TIMESTAMP(3) + INTERVAL ${microseconds(lease.ms)} MICROSECOND,
      due_at = CURRENT_TIMESTAMP(3) + INTERVAL ${microseconds(lease.ms)} MICROSECOND
    WHERE gid IN (${Prisma.join([...gids])}) AND lease_owner = ${lease.owner} AND finished_at IS NULL`;
}
