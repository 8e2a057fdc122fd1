import { calculate, parseInlineCoupons, parseOrder, stackingText } from '@coupon/discount';
import type { CalculationRequest, Locale, Mode, Quote } from '@coupon/discount';
import { AppError } from '@coupon/domain';
import type { UserId } from '@coupon/domain';
import type { Clock } from '@coupon/service-kit';
import type { AdminDatabase } from '../ports';
import { discountView } from '../views/discount-view';
import type { DiscountView } from '../views/schemas';
import { namedCandidates } from './candidates';
import type { Named } from './candidates';

interface Deps {
  readonly database: AdminDatabase;
  readonly clock: Clock;
}

export interface CalculateDiscountQuery {
  readonly userId: UserId;
  readonly coupons: Named;
  /** `{order_items, shipping_fee}`, unread. */
  readonly order: unknown;
  readonly mode: Mode;
}

/** @throws InvalidArgumentError; AppError with the code of the violation of stacking, in mode given. */
export async function calculateDiscount(
  { database, clock }: Deps,
  query: CalculateDiscountQuery,
  locale: Locale,
): Promise<Quote> {
  const order = parseOrder(query.order);
  const coupons = await namedCandidates(database, query.userId, query.coupons);
  return priced({ order, coupons, mode: query.mode, nowMs: clock.nowMs() }, locale);
}

export interface SimulateDiscountQuery {
  readonly nowMs: number | undefined;
  /** Unread. */
  readonly coupons: unknown;
  /** `{order_items, shipping_fee}`, unread. */
  readonly order: unknown;
  readonly mode: Mode;
}

/** The same without the database. */
export function simulateDiscount(
  { clock }: Pick<Deps, 'clock'>,
  query: SimulateDiscountQuery,
  locale: Locale,
): DiscountView {
  const order = parseOrder(query.order);
  const coupons = parseInlineCoupons(query.coupons);
  return discountView(
    priced({ order, coupons, mode: query.mode, nowMs: query.nowMs ?? clock.nowMs() }, locale),
    locale,
  );
}

function priced(request: CalculationRequest, locale: Locale): Quote {
  const calculation = calculate(request);
  if (calculation.outcome === 'priced') return calculation;
  const { code, couponIds } = calculation;
  throw new AppError(code, stackingText(calculation, locale), { details: { coupon_ids: couponIds } });
}
