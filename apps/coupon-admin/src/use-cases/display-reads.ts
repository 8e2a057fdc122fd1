import type { ActivityId, TemplateId, UserId } from '@coupon/domain';
import type { Activity, Template, UserCoupon } from './model';
import type { CouponWithTemplate } from './ports';

/** Called when an answer is the last one known, because the database could not be read. */
export type OnStale = () => void;

/**
 * Reads for people to look at: what was committed and announced. Whatever decides money or state reads the tables. A process that has
 * written something is not answered with anything older.
 * @throws AppError NOT_READY
 */
export interface DisplayReads {
  template(id: TemplateId, onStale?: OnStale): Promise<Template | null>;
  activity(id: ActivityId, onStale?: OnStale): Promise<Activity | null>;
  /** All coupons of the user, newest first; null when they are too many for that. */
  coupons(userId: UserId, onStale?: OnStale): Promise<readonly UserCoupon[] | null>;
  /** The same coupons with the terms of their templates, in the same order; null when a template is not there. */
  withTemplates(coupons: readonly UserCoupon[], onStale?: OnStale): Promise<CouponWithTemplate[] | null>;
}
