import type { ActivityId } from '@coupon/domain';

/**
 * Why Redis does not have an activity. NOT_READY: it is to be loaded, it is being rebuilt after a loss (an ended one, too: its winners may
 * still ask for their receipts), or nobody can say. ENDED: it is over for good.
 */
export type NotLoadedCode = 'ACTIVITY_NOT_FOUND' | 'NOT_READY' | 'ENDED';

/** Knows which activities exist, for those that Redis does not have. */
export interface ActivityDirectory {
  /** Never rejects. */
  whyNotLoaded(id: ActivityId): Promise<NotLoadedCode>;
}
