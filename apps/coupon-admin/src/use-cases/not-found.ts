import { AppError } from '@coupon/domain';
import type { ActivityId, TemplateId } from '@coupon/domain';
import type { Activity, Template } from './model';

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
