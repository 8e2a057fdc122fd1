import { calculate, parseOrder } from '@coupon/discount';
import type { Quote, Refusal } from '@coupon/discount';
import { USER_COUPON_STATUS } from '@coupon/domain';
import type { UserId } from '@coupon/domain';
import type { Clock } from '@coupon/service-kit';
import type { DisplayReads, OnStale } from '../display-reads';
import type { UserCoupon } from '../model';
import type { AdminDatabase, CouponWithTemplate } from '../ports';
import { ownedCoupon } from './candidates';

interface Deps {
  readonly database: AdminDatabase;
  readonly reads: DisplayReads;
  readonly clock: Clock;
}

/** Of the coupons a user holds, those that end soonest. */
const MOST_HELD = 200;

export interface AvailableCoupons {
  /** Usable alone, soonest end first. */
  readonly usable: readonly UserCoupon[];
  readonly unusable: readonly Refusal[];
  readonly best: Quote;
  readonly nowMs: number;
}

/** Which of the coupons a user holds may be used for an order, why not the others, and the best combination. */
export async function availableCoupons(
  deps: Deps,
  query: { readonly userId: UserId; readonly order: unknown },
  onStale?: OnStale,
): Promise<AvailableCoupons> {
  const order = parseOrder(query.order);
  const nowMs = deps.clock.nowMs();
  const held = await heldCoupons(deps, query.userId, nowMs, onStale);
  const best = calculate({ order, coupons: held.map(ownedCoupon), mode: 'best', nowMs });
  if (best.outcome !== 'priced') throw new Error(`mode best was refused with ${best.code}`);
  const unusable = best.refused.filter(isUnusableAlone);
  const unusableIds = new Set(unusable.map(({ id }) => id));
  const usable = held.map(({ coupon }) => coupon).filter(({ id }) => !unusableIds.has(id));
  return { usable, unusable, best, nowMs };
}

async function heldCoupons(
  { database, reads }: Deps,
  userId: UserId,
  nowMs: number,
  onStale: OnStale | undefined,
): Promise<CouponWithTemplate[]> {
  const all = await reads.coupons(userId, onStale);
  const known = all === null ? null : await reads.withTemplates(soonestEnd(all, nowMs), onStale);
  return known ?? (await database.coupons.findForDiscount(userId, { by: 'held', nowMs, limit: MOST_HELD }));
}

function soonestEnd(all: readonly UserCoupon[], nowMs: number): UserCoupon[] {
  const { unused, locked } = USER_COUPON_STATUS;
  return all
    .filter(({ status, validEndMs }) => (status === unused || status === locked) && validEndMs > nowMs)
    .sort((a, b) => a.validEndMs - b.validEndMs || (BigInt(a.id) < BigInt(b.id) ? -1 : 1))
    .slice(0, MOST_HELD);
}

/** The others were left out of the best combination only. */
function isUnusableAlone({ reason: { code } }: Refusal): boolean {
  return code !== 'NOT_IN_BEST' && code !== 'EXCLUSIVE_GROUP' && code !== 'NOT_STACKABLE';
}
