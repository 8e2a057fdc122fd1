import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import type { ConservationReport } from '@coupon/persistence';
import type { ReadReconciliation } from './ports';

/** The conservation report. @throws ACTIVITY_NOT_FOUND */
export async function getReconciliation(
  deps: { readonly readReconciliation: ReadReconciliation },
  id: ActivityId,
): Promise<ConservationReport> {
  const report = await deps.readReconciliation(id);
  if (report === null) {
    throw new AppError('ACTIVITY_NOT_FOUND', `activity ${id} does not exist`, { details: { activity_id: id } });
  }
  return report;
}
