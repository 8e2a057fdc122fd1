import type { TemplateStatus } from '@coupon/domain';
import type { TemplateFields } from '../model';
import type { AdminDatabase } from '../ports';
import { templateView } from '../views/views';
import type { TemplateView } from '../views/schemas';
import { writeOnce } from '../write';
import type { WriteRequest } from '../write';
import { checkTemplate } from './template-rules';

export async function createTemplate(
  deps: { readonly database: AdminDatabase },
  write: WriteRequest,
  command: { readonly fields: TemplateFields; readonly status: TemplateStatus },
): Promise<TemplateView> {
  checkTemplate(command.fields);
  return writeOnce(deps.database, write, async (tables) => {
    const view = templateView(await tables.templates.insert(command.fields, command.status));
    await tables.audit.append({
      actor: write.actor,
      action: write.action,
      entity: 'coupon_template',
      entityId: view.id,
      before: null,
      after: view,
    });
    return view;
  });
}
