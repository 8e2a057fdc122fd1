import { AppError, TEMPLATE_STATUS, activityStatusName, canMoveTemplate, templateStatusName } from '@coupon/domain';
import type { TemplateId } from '@coupon/domain';
import { foundTemplate, requireVersion } from '../not-found';
import type { AdminDatabase, AdminTables } from '../ports';
import { templateView } from '../views/views';
import type { TemplateView } from '../views/schemas';
import { writeOnce } from '../write';
import type { WriteRequest } from '../write';

/**
 * Publishes or disables; a template that is there already is answered as it is. A template that is on sale cannot be disabled.
 * @throws CONFLICT
 */
export async function moveTemplate(
  deps: { readonly database: AdminDatabase },
  write: WriteRequest,
  command: { readonly id: TemplateId; readonly to: 'published' | 'disabled'; readonly version: number | undefined },
): Promise<TemplateView> {
  const to = TEMPLATE_STATUS[command.to];
  return writeOnce(deps.database, write, async (tables) => {
    const before = foundTemplate(await tables.templates.lock(command.id), command.id);
    if (command.version !== undefined) requireVersion(before, command.version);
    if (before.status === to) return templateView(before);
    if (!canMoveTemplate(before.status, to)) {
      throw new AppError('CONFLICT', `a ${templateStatusName(before.status)} template cannot become ${command.to}`, {
        details: { status_name: templateStatusName(before.status) },
      });
    }
    if (command.to === 'disabled') await requireNotOnSale(tables, command.id);
    const view = templateView(await tables.templates.update(command.id, { status: to }));
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

const NAMED_AT_MOST = 100;

/**
 * Buyers are let in by Redis, which knows nothing of templates: disabling one would look like a stop and be none. Whoever loads an activity
 * locks the template first, so none is loaded while we look.
 */
async function requireNotOnSale(tables: AdminTables, id: TemplateId): Promise<void> {
  const activities = await tables.activities.onSale(id, NAMED_AT_MOST);
  if (activities.length === 0) return;
  const nowMs = await tables.nowMs();
  throw new AppError(
    'CONFLICT',
    `on sale in ${activities.map((one) => one.id).join(', ')}: end these activities first`,
    {
      details: { activities: activities.map((one) => ({ id: one.id, status_name: activityStatusName(one, nowMs) })) },
    },
  );
}
