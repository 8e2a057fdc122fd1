import { calculate, parseOrder } from '@coupon/discount';
import type { Quote, Refusal } from '@coupon/discount';
import type { UserId } from '@coupon/domain';
import type { Clock } from '@coupon/service-kit';
import type { UserCoupon } from '../model';
import type { AdminDatabase } from '../ports';
import { ownedCoupon } from './candidates';

interface Deps {
  readonly database: AdminDatabase;
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
  { database, clock }: Deps,
  query: { readonly userId: UserId; readonly order: unknown },
): Promise<AvailableCoupons> {
  const order = parseOrder(query.order);
  const nowMs = clock.nowMs();
  const held = await database.coupons.findForDiscount(query.userId, { by: 'held', nowMs, limit: MOST_HELD });
  const best = calculate({ order, coupons: held.map(ownedCoupon), mode: 'best', nowMs });
  if (best.outcome !== 'priced') throw new Error(`mode best was refused with ${best.code}`);
  const unusable = best.refused.filter(isUnusableAlone);
  const unusableIds = new Set(unusable.map(({ id }) => id));
  const usable = held.map(({ coupon }) => coupon).filter(({ id }) => !unusableIds.has(id));
  return { usable, unusable, best, nowMs };
}

/** The others were left out of the best combination only. */
function isUnusableAlone({ reason: { code } }: Refusal): boolean {
  return code !== 'NOT_IN_BEST' && code !== 'EXCLUSIVE_GROUP' && code !== 'NOT_STACKABLE';
}
