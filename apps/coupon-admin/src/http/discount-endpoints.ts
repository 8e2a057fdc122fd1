import { requireActsFor, requireMayRead } from '@coupon/service-kit';
import { availableCoupons } from '../use-cases/discounts/available-coupons.use-case';
import { calculateDiscount, simulateDiscount } from '../use-cases/discounts/calculate-discount.use-case';
import { couponRefusalView, discountView } from '../use-cases/views/discount-view';
import { availableCouponsSchema, discountSchema } from '../use-cases/views/schemas';
import { userCouponView } from '../use-cases/views/views';
import { endpoint } from './endpoint';
import type { Endpoint } from './endpoint';
import type { UseCaseDeps } from './endpoints';
import * as requests from './requests';

const STACKING_CODES = ['TOO_MANY_COUPONS', 'EXCLUSIVE_GROUP', 'NOT_STACKABLE'] as const;

/** What coupons take off an order. */
export function discountEndpoints(deps: UseCaseDeps): Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/api/v1/discounts/calculate',
      summary: 'What coupons of a user take off an order; mode best: the combination that takes most',
      role: 'user',
      body: requests.calculateDiscountBody,
      answer: discountSchema,
      codes: STACKING_CODES,
      handle: async ({ body, identity, locale }) => {
        const { user_id: userId, coupon_sns: names, mode = 'given' } = body;
        requireActsFor(identity, userId);
        const query = { userId, coupons: { by: 'sns', names }, order: body, mode } as const;
        return discountView(await calculateDiscount(deps, query, locale), locale);
      },
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/discounts/simulate',
      summary: 'The same for coupons given inline, without the database',
      role: 'user',
      body: requests.simulateDiscountBody,
      answer: discountSchema,
      codes: STACKING_CODES,
      handle: async ({ body, locale }) => {
        const { now: nowMs, coupons, mode = 'given' } = body;
        return simulateDiscount(deps, { nowMs, coupons, order: body, mode }, locale);
      },
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/users/:id/coupons/available',
      summary:
        'Which of the coupons a user holds may be used for an order, why not the others, and the best combination',
      role: 'user',
      body: requests.availableCouponsBody,
      answer: availableCouponsSchema,
      handle: async ({ body, id, identity, locale, onStale }) => {
        const userId = id<'user'>('id');
        requireMayRead(identity, userId);
        const { usable, unusable, best, nowMs } = await availableCoupons(deps, { userId, order: body }, onStale);
        return {
          usable: usable.map((coupon) => userCouponView(coupon, nowMs)),
          unusable: unusable.map((refusal) => couponRefusalView(refusal, locale)),
          best: discountView(best, locale),
        };
      },
    }),
  ];
}
