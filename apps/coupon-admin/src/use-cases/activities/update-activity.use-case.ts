import { ACTIVITY_STATUS, AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import type { Activity, ActivityFields } from '../model';
import { foundTemplate, lockAfterTemplate, requireVersion } from '../not-found';
import type { AdminDatabase, AdminTables } from '../ports';
import type { ActivityView } from '../views/schemas';
import { activityView } from '../views/views';
import { writeOnce } from '../write';
import type { WriteRequest } from '../write';
import { checkActivity, tooFewUnits } from './create-activity.use-case';

/** The name at any time; everything else only while the activity is pending and not in Redis. @throws CONFLICT */
export async function updateActivity(
  deps: { readonly database: AdminDatabase },
  write: WriteRequest,
  command: { readonly id: ActivityId; readonly version: number; readonly change: Partial<ActivityFields> },
): Promise<ActivityView> {
  return writeOnce(deps.database, write, async (tables) => {
    const nowMs = await tables.nowMs();
    const before = await lockAfterTemplate(tables, command.id);
    requireVersion(before, command.version);
    const wanted = { ...before, ...command.change };
    if (limitsChange(before, wanted)) await changeLimits(tables, before, wanted, nowMs);
    const view = activityView(await tables.activities.update(command.id, command.change), nowMs);
    await tables.audit.append({
      actor: write.actor,
      action: write.action,
      entity: 'flash_sale_activity',
      entityId: view.id,
      before: activityView(before, nowMs),
      after: view,
    });
    return view;
  });
}

const FROZEN = {
  totalCount: 'total_count',
  perUserLimit: 'per_user_limit',
  startMs: 'start_time',
  endMs: 'end_time',
  hiddenPath: 'hidden_path',
} as const;

function limitsChange(before: Activity, wanted: ActivityFields): boolean {
  const changed = Object.entries(FROZEN).find(
    ([key]) => before[key as keyof typeof FROZEN] !== wanted[key as keyof typeof FROZEN],
  );
  if (changed === undefined) return false;
  if (before.status === ACTIVITY_STATUS.pending && before.loadedAtMs === null) return true;
  throw new AppError('CONFLICT', `${changed[1]}: cannot be changed any more, the activity is loaded or over`, {
    details: { field: changed[1] },
  });
}

async function changeLimits(
  tables: AdminTables,
  before: Activity,
  wanted: ActivityFields,
  nowMs: number,
): Promise<void> {
  const template = foundTemplate(await tables.templates.get(before.couponId), before.couponId);
  checkActivity(template, wanted, nowMs);
  const more = wanted.totalCount - before.totalCount;
  if (more > 0 && !(await tables.templates.allocate(before.couponId, more))) throw tooFewUnits(template);
  if (more < 0) await tables.templates.giveBack(before.couponId, -more);
}
