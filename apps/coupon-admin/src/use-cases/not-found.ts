import { AppError } from '@coupon/domain';
import type { ActivityId, TemplateId } from '@coupon/domain';
import type { Activity, Template } from './model';
import type { AdminTables } from './ports';

export function foundTemplate(template: Template | null, id: TemplateId): Template {
  if (template !== null) return template;
  throw new AppError('NOT_FOUND', `coupon template ${id} does not exist`, { details: { coupon_id: id } });
}

export function foundActivity(activity: Activity | null, id: ActivityId): Activity {
  if (activity !== null) return activity;
  throw new AppError('ACTIVITY_NOT_FOUND', `activity ${id} does not exist`, { details: { activity_id: id } });
}

/** @throws CONFLICT when the caller has seen another version than the stored one. */
export function requireVersion(stored: { readonly version: number }, seen: number): void {
  if (stored.version === seen) return;
  throw new AppError('CONFLICT', `version ${seen} is not the current one (${stored.version}): read again`, {
    details: { field: 'version', version: stored.version },
  });
}

/**
 * The activity's row together with its template's, template first: workers that store coupons hold the template (by its foreign key) when
 * they ask for the activity, so the other order would deadlock with every batch of a running sale.
 */
export async function lockAfterTemplate(tables: AdminTables, id: ActivityId): Promise<Activity> {
  const { couponId } = foundActivity(await tables.activities.get(id), id);
  await tables.templates.lock(couponId);
  return foundActivity(await tables.activities.lock(id), id);
}
