import { AppError, USER_COUPON_STATUS, userCouponStatusName } from '@coupon/domain';
import type { ActivityId, ClaimId } from '@coupon/domain';
import type { UserCoupon } from '../model';
import { foundActivity } from '../not-found';
import { requestOperation } from '../operations/request-operation';
import type { OperationDeps, Plan } from '../operations/request-operation';
import { actorPayload } from '../operations/step';
import type { ActivityStorePort, AdminTables, Ids } from '../ports';
import type { ReleasedView } from '../views/schemas';
import { userCouponView } from '../views/views';
import type { WriteRequest } from '../write';

export interface ReleaseDeps extends OperationDeps {
  readonly ids: Ids;
  readonly store: Pick<ActivityStorePort, 'snapshot'>;
}

/**
 * Gives the units of a claim back: the coupons become void, the stock gets them. Only while every coupon of the claim is unused; a claim
 * that was released before is answered the same way. @throws NOT_FOUND, CONFLICT, OUTCOME_UNKNOWN
 */
export async function releaseClaim(
  deps: ReleaseDeps,
  write: WriteRequest,
  command: { readonly claimId: ClaimId; readonly reason: string },
): Promise<ReleasedView> {
  const answer = await requestOperation(deps, write, (tables) => plan(deps, tables, write, command));
  return answer as ReleasedView;
}

/**
 * Nothing is made void while Redis could not take the units back: a recovery in between would not know where they belong. A drained activity
 * that Redis still has is watched again, or nobody would store the event of the release.
 * @throws NOT_READY; CONFLICT when the activity is archived, or has been drained and has left Redis
 */
async function requireReachable(deps: ReleaseDeps, tables: AdminTables, id: ActivityId): Promise<void> {
  const activity = foundActivity(await tables.activities.get(id), id);
  const notReady = (cause?: unknown): AppError =>
    new AppError('NOT_READY', 'the activity cannot be reached in Redis', { details: { activity_id: id }, cause });
  const snapshot = await deps.store.snapshot(id).catch((error: unknown) => {
    throw notReady(error);
  });
  if (snapshot === null && activity.drainedAtMs !== null) throw isArchived(id);
  if (snapshot === null || snapshot.epoch !== activity.epoch) throw notReady();
  if (activity.drainedAtMs === null || (await tables.activities.watchAgain(id))) return;
  // Not drained any more: another release has done it. Or a worker is removing it from Redis.
  const now = foundActivity(await tables.activities.get(id), id);
  if (now.archivedAtMs !== null) throw isArchived(id);
}

function isArchived(id: ActivityId): AppError {
  return new AppError('CONFLICT', 'the activity is over and archived: its claims can no longer be released', {
    details: { activity_id: id, status_name: 'ended' },
  });
}

async function plan(
  deps: ReleaseDeps,
  tables: AdminTables,
  write: WriteRequest,
  { claimId, reason }: { readonly claimId: ClaimId; readonly reason: string },
): Promise<Plan> {
  const rows = await tables.coupons.lockClaim(claimId);
  const [first] = rows;
  if (first === undefined || first.activityId === null) {
    throw new AppError('NOT_FOUND', `claim ${claimId} is not known`, { details: { claim_id: claimId } });
  }
  const answer = releasedView(claimId, rows);
  if (rows.every((row) => row.status === USER_COUPON_STATUS.void)) {
    // Voided by an operation that may still be under way: its end is what the caller is told about.
    if ((await tables.operations.activeId(activeKeyOf(claimId))) === null) return { kind: 'nothing_to_do', answer };
  } else {
    requireUnused(rows);
    await requireReachable(deps, tables, first.activityId);
    await tables.coupons.makeVoid(rows.map((row) => row.id));
    await auditRelease(tables, write, claimId, rows, reason);
  }
  return {
    kind: 'operation',
    operation: {
      operationId: deps.ids.operationId(),
      kind: 'release',
      activityId: first.activityId,
      activeKey: activeKeyOf(claimId),
      state: 'created',
      payload: {
        actor: actorPayload(write.actor),
        claim_id: claimId,
        user_id: first.userId,
        reason,
        rows: rows.map((row) => ({ id: row.id, slot: row.slot })),
        answer: JSON.stringify(answer),
      },
    },
  };
}

function activeKeyOf(claimId: ClaimId): string {
  return `claim:${claimId}`;
}

function requireUnused(rows: readonly UserCoupon[]): void {
  const others = rows.filter((row) => row.status !== USER_COUPON_STATUS.unused);
  if (others.length === 0) return;
  throw new AppError('CONFLICT', 'not every coupon of the claim is unused', {
    details: {
      coupons: others.map((row) => ({ coupon_sn: row.couponSn, status_name: userCouponStatusName(row.status) })),
    },
  });
}

async function auditRelease(
  tables: AdminTables,
  write: WriteRequest,
  claimId: ClaimId,
  rows: readonly UserCoupon[],
  reason: string,
): Promise<void> {
  const nowMs = await tables.nowMs();
  await tables.audit.append({
    actor: write.actor,
    action: write.action,
    entity: 'claim',
    entityId: claimId,
    before: rows.map((row) => userCouponView(row, nowMs)),
    after: { status: 'RELEASED', reason },
  });
}

function releasedView(claimId: ClaimId, rows: readonly UserCoupon[]): ReleasedView {
  return {
    claim_id: claimId,
    activity_id: rows[0]?.activityId ?? '',
    user_id: rows[0]?.userId ?? '',
    status: 'RELEASED',
    coupon_sns: rows.map((row) => row.couponSn),
  };
}
