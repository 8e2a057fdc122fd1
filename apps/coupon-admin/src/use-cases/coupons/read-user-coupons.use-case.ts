import { AppError } from '@coupon/domain';
import type { UserCouponStatus, UserId } from '@coupon/domain';
import { pageOf, pageView } from '@coupon/service-kit';
import type { Clock, PageQuery, PageView } from '@coupon/service-kit';
import type { AdminDatabase } from '../ports';
import type { CouponCountsView, CouponHistoryView, UserCouponView } from '../views/schemas';
import { couponHistoryView, userCouponView } from '../views/views';

interface Deps {
  readonly database: AdminDatabase;
  readonly clock: Clock;
}

export interface ListUserCouponsQuery extends PageQuery {
  readonly userId: UserId;
  /** As shown: an unused coupon past its validity is expired. */
  readonly status?: UserCouponStatus | undefined;
}

/** Newest first. */
export async function listUserCoupons(deps: Deps, query: ListUserCouponsQuery): Promise<PageView<UserCouponView>> {
  const nowMs = deps.clock.nowMs();
  const filter = { userId: query.userId, nowMs, ...(query.status === undefined ? {} : { status: query.status }) };
  const rows = await deps.database.coupons.list(filter, pageOf(query));
  return pageView(rows, query, (row) => userCouponView(row, nowMs));
}

export async function countUserCoupons(deps: Deps, userId: UserId): Promise<CouponCountsView> {
  const counts = await deps.database.coupons.countByStatus({ userId, nowMs: deps.clock.nowMs() });
  const of = (status: UserCouponStatus): number => counts.get(status) ?? 0;
  const view = { unused: of(1), locked: of(2), used: of(3), expired: of(4), void: of(5) };
  return { user_id: userId, total: Object.values(view).reduce((sum, count) => sum + count, 0), ...view };
}

/** Letters and digits in practice; whatever else cannot be in the column. */
const COUPON_SN = /^[!-~]{1,32}$/;

/** A coupon of the user and every change of its status, oldest first. @throws NOT_FOUND, also for somebody else's */
export async function readCouponHistory(deps: Deps, userId: UserId, couponSn: string): Promise<CouponHistoryView> {
  const history = COUPON_SN.test(couponSn) ? await deps.database.coupons.history(userId, couponSn) : null;
  if (history === null) throw new AppError('NOT_FOUND', 'the user has no such coupon');
  return couponHistoryView(history, deps.clock.nowMs());
}
