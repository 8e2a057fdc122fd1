import { AppError, InvalidArgumentError, TEMPLATE_STATUS } from '@coupon/domain';
import type { TemplateId } from '@coupon/domain';
import type { ActivityFields, Template } from '../model';
import { foundTemplate } from '../not-found';
import type { AdminDatabase } from '../ports';
import type { ActivityView } from '../views/schemas';
import { activityView } from '../views/views';
import { writeOnce } from '../write';
import type { WriteRequest } from '../write';

/** Takes the activity's total out of the template's. @throws NOT_FOUND, CONFLICT */
export async function createActivity(
  deps: { readonly database: AdminDatabase },
  write: WriteRequest,
  command: { readonly couponId: TemplateId; readonly fields: ActivityFields },
): Promise<ActivityView> {
  return writeOnce(deps.database, write, async (tables) => {
    const nowMs = await tables.nowMs();
    const template = foundTemplate(await tables.templates.lock(command.couponId), command.couponId);
    checkActivity(template, command.fields, nowMs);
    if (!(await tables.templates.allocate(command.couponId, command.fields.totalCount))) throw tooFewUnits(template);
    const view = activityView(await tables.activities.insert(command.couponId, command.fields), nowMs);
    await tables.audit.append({
      actor: write.actor,
      action: write.action,
      entity: 'flash_sale_activity',
      entityId: view.id,
      before: null,
      after: view,
    });
    return view;
  });
}

/** @throws InvalidArgumentError for a window that is over or upside down, CONFLICT for what the template does not allow. */
export function checkActivity(template: Template, fields: ActivityFields, nowMs: number): void {
  if (fields.endMs <= fields.startMs) throw InvalidArgumentError.of('end_time', 'must be after start_time');
  if (fields.endMs <= nowMs) throw InvalidArgumentError.of('end_time', 'must be in the future');
  if (template.status !== TEMPLATE_STATUS.published) {
    throw new AppError('CONFLICT', 'the template is not published', { details: { field: 'coupon_id' } });
  }
  if (fields.perUserLimit > template.perUserLimit) {
    throw new AppError('CONFLICT', `per_user_limit: the template allows ${template.perUserLimit} per user`, {
      details: { field: 'per_user_limit', template_limit: template.perUserLimit },
    });
  }
  if (fields.startMs >= template.validEndMs) {
    throw new AppError('CONFLICT', 'start_time: the coupons have expired by then', {
      details: { field: 'start_time' },
    });
  }
}

export function tooFewUnits(template: Template): AppError {
  const left = template.totalCount - template.allocatedCount;
  return new AppError('CONFLICT', `total_count: the template has ${left} units left`, {
    details: { field: 'total_count', available: left },
  });
}
