import { ACTIVITY_STATUS, AppError, TEMPLATE_STATUS, activityAllows, activityStatusName } from '@coupon/domain';
import type { ActivityCommand, ActivityId, ActivityStatusName } from '@coupon/domain';
import type { Activity, JsonObject, NewOperation, OperationKind } from '../model';
import { foundActivity, foundTemplate, lockAfterTemplate } from '../not-found';
import { definitionPayload } from '../operations/load-activity.steps';
import { requestOperation } from '../operations/request-operation';
import type { OperationDeps, Plan } from '../operations/request-operation';
import { actorPayload } from '../operations/step';
import type { AdminTables, Ids } from '../ports';
import type { ActivityView } from '../views/schemas';
import { activityView } from '../views/views';
import type { WriteRequest } from '../write';

export interface ActivityDeps extends OperationDeps {
  readonly ids: Ids;
  /** Claims per user and second, written into the activity; 0 = no limit. */
  readonly userRatePerSecond: number;
}

export type ActivityMove = ActivityCommand | 'prewarm';

/** Where each move leads; an activity that is there already is answered as it is. */
const GOAL: Record<ActivityCommand, ActivityStatusName> = {
  start: 'running',
  pause: 'paused',
  resume: 'running',
  end: 'ended',
};

/** Starts, pauses, resumes or ends an activity, or loads it ahead of its start. @throws ACTIVITY_NOT_FOUND, CONFLICT, OUTCOME_UNKNOWN */
export async function commandActivity(
  deps: ActivityDeps,
  write: WriteRequest,
  command: { readonly id: ActivityId; readonly move: ActivityMove },
): Promise<ActivityView> {
  const answer = await requestOperation(deps, write, (tables) => plan(deps, tables, write, command));
  return answer as ActivityView;
}

async function plan(
  deps: ActivityDeps,
  tables: AdminTables,
  write: WriteRequest,
  { id, move }: { readonly id: ActivityId; readonly move: ActivityMove },
): Promise<Plan> {
  const nowMs = await tables.nowMs();
  // What loads an activity holds its template, too: it cannot be disabled meanwhile.
  const loads = move === 'start' || move === 'prewarm';
  const activity = loads ? await lockAfterTemplate(tables, id) : foundActivity(await tables.activities.lock(id), id);
  // The scheduler writes down what the clock has decided already: there the stored status counts, not the one shown.
  const status = move === 'end' ? storedStatusName(activity) : activityStatusName(activity, nowMs);
  const nothing = { kind: 'nothing_to_do', answer: activityView(activity, nowMs) } as const;
  if (move === 'prewarm') {
    if (status !== 'pending' || activity.loadedAtMs !== null) return nothing;
  } else {
    if (status === GOAL[move]) return nothing;
    if (!activityAllows(move, status)) throw notAllowed(move, status);
  }
  const payload: JsonObject = {
    actor: actorPayload(write.actor),
    action: write.action,
    loaded: activity.loadedAtMs !== null,
  };
  const heardFirst = move !== 'prewarm' && awaitsStart(activity, nowMs);
  if (!loads) {
    if (heardFirst) await announce(tables, id);
    return { kind: 'operation', operation: newOperation(deps, id, move, { ...payload, heard_first: heardFirst }) };
  }
  await requirePublished(tables, activity);
  if (heardFirst) await announce(tables, id);
  // From here on limits and window are frozen: what the payload says is what Redis will get.
  const firstLoad = activity.loadedAtMs === null;
  if (firstLoad) {
    const loaded = await tables.activities.update(id, { loadedAtMs: nowMs });
    if (move === 'prewarm') await auditPrewarm(tables, write, activity, loaded, nowMs);
  }
  const definition = definitionPayload(activity, deps.userRatePerSecond);
  return {
    kind: 'operation',
    operation: newOperation(deps, id, move, {
      ...payload,
      definition,
      first_load: firstLoad,
      heard_first: heardFirst,
    }),
  };
}

/** In Redis with its start to come: gateways may refuse its claims by the start they have heard of. */
function awaitsStart(activity: Activity, nowMs: number): boolean {
  return activity.status === ACTIVITY_STATUS.pending && activity.loadedAtMs !== null && nowMs < activity.startMs;
}

/** A new version of the row and nothing else: whoever keeps it reads it again, and sees the operation that is under way. */
async function announce(tables: AdminTables, id: ActivityId): Promise<void> {
  await tables.activities.update(id, {});
}

/** Loaded ahead of its time by somebody; what the clock does is no change anybody made. A start is entered when it happens. */
async function auditPrewarm(
  tables: AdminTables,
  { actor, action }: WriteRequest,
  before: Activity,
  after: Activity,
  nowMs: number,
): Promise<void> {
  if (actor.role === 'system') return;
  await tables.audit.append({
    actor,
    action,
    entity: 'flash_sale_activity',
    entityId: after.id,
    before: activityView(before, nowMs),
    after: activityView(after, nowMs),
  });
}

function storedStatusName(activity: Activity): ActivityStatusName {
  return activityStatusName({ ...activity, endMs: Infinity }, 0);
}

function notAllowed(move: ActivityCommand, status: ActivityStatusName): AppError {
  return new AppError('CONFLICT', `${move} is not possible while the activity is ${status}`, {
    details: { status_name: status },
  });
}

async function requirePublished(tables: AdminTables, activity: Activity): Promise<void> {
  const template = foundTemplate(await tables.templates.get(activity.couponId), activity.couponId);
  if (template.status === TEMPLATE_STATUS.published) return;
  throw new AppError('CONFLICT', 'the template is not published', { details: { coupon_id: template.id } });
}

/** All operations of one activity share it: one at a time. */
export function activityOperationKey(id: ActivityId): string {
  return `activity:${id}`;
}

export function newOperation(
  deps: { readonly ids: Ids },
  id: ActivityId,
  kind: OperationKind,
  payload: JsonObject,
): NewOperation {
  return {
    operationId: deps.ids.operationId(),
    kind,
    activityId: id,
    activeKey: activityOperationKey(id),
    state: 'created',
    payload,
  };
}

/** True while units may still be added. */
export function takesStock(activity: Activity, nowMs: number): boolean {
  return activity.status !== ACTIVITY_STATUS.ended && nowMs < activity.endMs;
}
