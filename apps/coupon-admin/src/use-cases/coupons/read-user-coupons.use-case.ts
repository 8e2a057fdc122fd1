import { AppError, effectiveCouponStatus } from '@coupon/domain';
import type { UserCouponStatus, UserId } from '@coupon/domain';
import { pageOf, pageView } from '@coupon/service-kit';
import type { Clock, Page, PageQuery, PageView } from '@coupon/service-kit';
import type { DisplayReads, OnStale } from '../display-reads';
import type { UserCoupon } from '../model';
import type { AdminDatabase, CouponFilter } from '../ports';
import type { CouponCountsView, CouponHistoryView, UserCouponView } from '../views/schemas';
import { couponHistoryView, userCouponView } from '../views/views';

interface Deps {
  readonly database: AdminDatabase;
  readonly reads: DisplayReads;
  readonly clock: Clock;
}

export interface ListUserCouponsQuery extends PageQuery {
  readonly userId: UserId;
  /** As shown: an unused coupon past its validity is expired. */
  readonly status?: UserCouponStatus | undefined;
}

/** Newest first. */
export async function listUserCoupons(
  deps: Deps,
  query: ListUserCouponsQuery,
  onStale?: OnStale,
): Promise<PageView<UserCouponView>> {
  const nowMs = deps.clock.nowMs();
  const page = pageOf(query);
  const all = await deps.reads.coupons(query.userId, onStale);
  const filter = { userId: query.userId, nowMs, ...(query.status === undefined ? {} : { status: query.status }) };
  const rows = all === null ? await deps.database.coupons.list(filter, page) : pageOfAll(all, filter, page);
  return pageView(rows, query, (row) => userCouponView(row, nowMs));
}

function pageOfAll(
  all: readonly UserCoupon[],
  { status, nowMs }: CouponFilter,
  { beforeId, limit }: Page,
): UserCoupon[] {
  const before = beforeId === null ? null : BigInt(beforeId);
  return all
    .filter((coupon) => before === null || BigInt(coupon.id) < before)
    .filter((coupon) => status === undefined || shownStatus(coupon, nowMs) === status)
    .slice(0, limit);
}

export async function countUserCoupons(deps: Deps, userId: UserId, onStale?: OnStale): Promise<CouponCountsView> {
  const nowMs = deps.clock.nowMs();
  const all = await deps.reads.coupons(userId, onStale);
  const counts = all === null ? await deps.database.coupons.countByStatus({ userId, nowMs }) : countsOf(all, nowMs);
  const of = (status: UserCouponStatus): number => counts.get(status) ?? 0;
  const view = { unused: of(1), locked: of(2), used: of(3), expired: of(4), void: of(5) };
  return { user_id: userId, total: Object.values(view).reduce((sum, count) => sum + count, 0), ...view };
}

function countsOf(all: readonly UserCoupon[], nowMs: number): ReadonlyMap<UserCouponStatus, number> {
  const counts = new Map<UserCouponStatus, number>();
  for (const coupon of all) {
    const status = shownStatus(coupon, nowMs);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return counts;
}

function shownStatus({ status, validEndMs }: UserCoupon, nowMs: number): UserCouponStatus {
  return effectiveCouponStatus(status, validEndMs, nowMs);
}

/** Letters and digits in practice; whatever else cannot be in the column. */
const COUPON_SN = /^[!-~]{1,32}$/;

/** A coupon of the user and every change of its status, oldest first. @throws NOT_FOUND, also for somebody else's */
export async function readCouponHistory(deps: Deps, userId: UserId, couponSn: string): Promise<CouponHistoryView> {
  const history = COUPON_SN.test(couponSn) ? await deps.database.coupons.history(userId, couponSn) : null;
  if (history === null) throw new AppError('NOT_FOUND', 'the user has no such coupon');
  return couponHistoryView(history, deps.clock.nowMs());
}
