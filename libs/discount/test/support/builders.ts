import type { CalculationRequest, CouponTerms, Order, OwnedCoupon, Quote } from '../../src/model';
import { calculate } from '../../src/calculate';
import { NOW_MS } from './random-case';

/** `[price in cents, quantity?, category?]` per line; goods ids are 1, 2, …, the category is "10" unless given. */
export type LineSpec = readonly [price: number, quantity?: number, category?: string | null];

export function anOrder(lines: readonly LineSpec[], shippingCents = 0): Order {
  return {
    lines: lines.map(([price, quantity = 1, category = '10'], index) => ({
      goodsId: String(index + 1),
      categoryId: category,
      quantity,
      priceMinor: BigInt(price),
    })),
    shippingFeeMinor: BigInt(shippingCents),
  };
}

export type CouponSpec = Partial<Omit<OwnedCoupon, 'terms' | 'id'>> & { terms?: Partial<CouponTerms> };

export function aCoupon(id: number | string, { terms, ...rest }: CouponSpec = {}): OwnedCoupon {
  const type = terms?.type ?? 1;
  return {
    owned: true,
    id: String(id),
    sn: null,
    templateId: '7',
    status: 1,
    orderSn: null,
    validStartMs: NOW_MS - 1000,
    validEndMs: NOW_MS + 1000,
    templateStatus: 1,
    ...rest,
    terms: {
      type,
      discountType: type === 2 ? 2 : 1,
      discountValueMinor: 0n,
      minAmountMinor: 0n,
      maxDiscountMinor: null,
      ruleArgs: null,
      applicableGoods: null,
      applicableCategories: null,
      excludedGoods: [],
      excludedCategories: [],
      priority: 0,
      stackGroup: null,
      stackable: true,
      ...terms,
    },
  };
}

export function amountOff(id: number | string, cents: number, terms: Partial<CouponTerms> = {}): OwnedCoupon {
  return aCoupon(id, { terms: { discountValueMinor: BigInt(cents), ...terms } });
}

/** `percent` in hundredths: 2000 = 20 %. */
export function percentOff(id: number | string, percent: number, terms: Partial<CouponTerms> = {}): OwnedCoupon {
  return aCoupon(id, { terms: { type: 2, discountValueMinor: BigInt(percent), ...terms } });
}

export function freeShipping(id: number | string, terms: Partial<CouponTerms> = {}): OwnedCoupon {
  return aCoupon(id, { terms: { type: 3, ...terms } });
}

export function priceWith(
  order: Order,
  coupons: CalculationRequest['coupons'],
  more: Partial<CalculationRequest> = {},
): Quote {
  const calculation = calculate({ order, coupons, mode: 'given', nowMs: NOW_MS, ...more });
  if (calculation.outcome !== 'priced') throw new Error(`refused: ${calculation.code} ${calculation.couponIds.join()}`);
  return calculation;
}

export function codesOf({ refused }: Quote): readonly string[] {
  return refused.map(({ id, reason }) => `${id ?? '-'} ${reason.code}`);
}

export function amountsOf({ applied }: Quote): readonly string[] {
  return applied.map(({ id, amountMinor }) => `${id}: ${amountMinor}`);
}
