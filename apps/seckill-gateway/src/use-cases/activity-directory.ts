import type { ActivityId } from '@coupon/domain';

/** Knows which activities exist, for those that Redis does not have. */
export interface ActivityDirectory {
  /** NOT_READY when the activity exists but is not loaded, and when nobody can say. Never rejects. */
  whyNotLoaded(id: ActivityId): Promise<'ACTIVITY_NOT_FOUND' | 'NOT_READY'>;
}
