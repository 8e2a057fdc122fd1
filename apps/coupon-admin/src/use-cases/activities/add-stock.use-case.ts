import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import { foundTemplate, lockAfterTemplate } from '../not-found';
import { requestOperation } from '../operations/request-operation';
import type { Plan } from '../operations/request-operation';
import { actorPayload } from '../operations/step';
import type { AdminTables } from '../ports';
import type { ActivityView } from '../views/schemas';
import { activityView } from '../views/views';
import type { WriteRequest } from '../write';
import { newOperation, takesStock } from './command-activity.use-case';
import type { ActivityDeps } from './command-activity.use-case';
import { tooFewUnits } from './create-activity.use-case';

/**
 * Adds units: MySQL counts them in the transaction that writes the operation down, Redis once per operation id afterwards. An activity
 * that is not loaded yet is done with the first. @throws ACTIVITY_NOT_FOUND, CONFLICT, ENDED, OUTCOME_UNKNOWN
 */
export async function addStock(
  deps: ActivityDeps,
  write: WriteRequest,
  command: { readonly id: ActivityId; readonly add: number },
): Promise<ActivityView> {
  const answer = await requestOperation(deps, write, (tables) => plan(deps, tables, write, command));
  return answer as ActivityView;
}

async function plan(
  deps: ActivityDeps,
  tables: AdminTables,
  write: WriteRequest,
  { id, add }: { readonly id: ActivityId; readonly add: number },
): Promise<Plan> {
  const nowMs = await tables.nowMs();
  const before = await lockAfterTemplate(tables, id);
  if (before.drainedAtMs !== null) throw new AppError('ENDED', 'the activity is over');
  if (!takesStock(before, nowMs)) {
    throw new AppError('CONFLICT', 'the activity is over', { details: { status_name: 'ended' } });
  }
  if (!(await tables.templates.allocate(before.couponId, add))) {
    throw tooFewUnits(foundTemplate(await tables.templates.get(before.couponId), before.couponId));
  }
  const after = await tables.activities.update(id, { totalCount: before.totalCount + add });
  await tables.audit.append({
    actor: write.actor,
    action: write.action,
    entity: 'flash_sale_activity',
    entityId: id,
    before: activityView(before, nowMs),
    after: activityView(after, nowMs),
  });
  if (before.loadedAtMs === null) return { kind: 'nothing_to_do', answer: activityView(after, nowMs) };
  const payload = { actor: actorPayload(write.actor), action: write.action, add };
  return { kind: 'operation', operation: newOperation(deps, id, 'stock', payload) };
}
