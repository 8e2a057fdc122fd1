import { AppError, TEMPLATE_STATUS } from '@coupon/domain';
import type { TemplateId } from '@coupon/domain';
import type { TemplateFields } from '../model';
import { foundTemplate, requireVersion } from '../not-found';
import type { AdminDatabase } from '../ports';
import { templateView } from '../views/views';
import type { TemplateView } from '../views/schemas';
import { writeOnce } from '../write';
import type { WriteRequest } from '../write';
import { checkFrozen, checkTemplate } from './template-rules';

/**
 * Changes the fields given. @throws CONFLICT for a version that is not current, a money field of a template that has been published, a
 * total below what is given out already, a limit below that of an activity.
 */
export async function updateTemplate(
  deps: { readonly database: AdminDatabase },
  write: WriteRequest,
  command: { readonly id: TemplateId; readonly version: number; readonly change: Partial<TemplateFields> },
): Promise<TemplateView> {
  return writeOnce(deps.database, write, async (tables) => {
    const before = foundTemplate(await tables.templates.lock(command.id), command.id);
    requireVersion(before, command.version);
    const wanted = { ...before, ...command.change };
    checkTemplate(wanted);
    if (before.status !== TEMPLATE_STATUS.draft) checkFrozen(before, wanted);
    if (wanted.totalCount < before.allocatedCount) {
      throw new AppError('CONFLICT', `total_count: ${before.allocatedCount} units are given out already`, {
        details: { field: 'total_count', allocated_count: before.allocatedCount },
      });
    }
    const largest = await tables.activities.largestLimit(command.id);
    if (wanted.perUserLimit < before.perUserLimit && wanted.perUserLimit < largest) {
      throw new AppError('CONFLICT', `per_user_limit: an activity allows ${largest} per user`, {
        details: { field: 'per_user_limit', activity_limit: largest },
      });
    }
    const view = templateView(await tables.templates.update(command.id, command.change));
    await tables.audit.append({
      actor: write.actor,
      action: write.action,
      entity: 'coupon_template',
      entityId: view.id,
      before: templateView(before),
      after: view,
    });
    return view;
  });
}
