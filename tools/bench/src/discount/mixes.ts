import type { CalculationRequest, CouponTerms, Order, OwnedCoupon } from '@coupon/discount';

export const LINES = 50;
export const CANDIDATES = 20;
export const NOW_MS = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;

/** A whole number, bounds inclusive. */
export type RandomInt = (from: number, to: number) => number;

/** How the candidates relate to each other; each makes another part of the search hard. */
export const MIXES = {
  /** All rules, values, priorities and applicable categories at random, some exclusive groups. */
  distinct: (int: RandomInt) => coupons((index) => randomTerms(int, index), int),
  /** Five kinds, four times each: everything comes in ties of count and total. */
  identical: (int: RandomInt) => {
    const kinds = Array.from({ length: 5 }, (_, index) => randomTerms(int, index));
    return coupons((index) => kinds[index % 5] ?? randomTerms(int, index), int);
  },
  /** One value, but no two applied at the same place or to the same lines: totals tie, and no coupon stands in for another. */
  tied: (int: RandomInt) =>
    coupons((index) => ({ ...amountOff(1000), priority: index, excludedGoods: [String(1 + (index % 7))] }), int),
  /** One percentage under different priorities: later ones take less, which a bound sees late. */
  ratios: (int: RandomInt) => coupons((index) => ({ ...percentOff(500), priority: int(0, 9) + index }), int),
  /** Percentages of overlapping categories: what is left of each line decides. */
  overlapping: (int: RandomInt) =>
    coupons((index) => ({ ...percentOff(500 + 10 * (index % 4)), applicableCategories: twoOf(int) }), int),
  /** Any three or four of them make the goods free: more is never better. */
  saturated: (int: RandomInt) => coupons(() => amountOff(int(9, 12) * 25_000), int),
} as const satisfies Record<string, (int: RandomInt) => readonly OwnedCoupon[]>;

export type MixName = keyof typeof MIXES;

export function orderOf(int: RandomInt): Order {
  const lines = Array.from({ length: LINES }, (_, index) => ({
    goodsId: String(index + 1),
    categoryId: String(int(1, 6)),
    quantity: int(1, 3),
    priceMinor: BigInt(int(99, 19_999)),
  }));
  return { lines, shippingFeeMinor: BigInt(int(500, 2500)) };
}

export function requestOf(mix: MixName, int: RandomInt): CalculationRequest {
  return { order: orderOf(int), coupons: MIXES[mix](int), mode: 'best', nowMs: NOW_MS };
}

const BASE: CouponTerms = {
  type: 1,
  discountType: 1,
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
};

function amountOff(minor: number): CouponTerms {
  return { ...BASE, discountValueMinor: BigInt(minor) };
}

function percentOff(hundredths: number): CouponTerms {
  return { ...BASE, type: 2, discountType: 2, discountValueMinor: BigInt(hundredths) };
}

function randomTerms(int: RandomInt, index: number): CouponTerms {
  const scope = int(0, 2) === 0 ? null : twoOf(int);
  const placed = { applicableCategories: scope, priority: int(0, 2), stackGroup: int(0, 5) === 0 ? 'group' : null };
  switch (index % 10) {
    case 0:
      return { ...BASE, ...placed, type: 3, discountValueMinor: BigInt(int(0, 9) * 100) };
    case 1:
      return { ...BASE, ...placed, type: 4, ruleArgs: tiers(int) };
    case 2:
      return { ...BASE, ...placed, type: 5, ruleArgs: { buy_quantity: int(2, 9), get_quantity: 1 } };
    case 3:
    case 4:
    case 5:
      return {
        ...percentOff(int(100, 2500)),
        ...placed,
        maxDiscountMinor: int(0, 1) === 0 ? null : BigInt(int(9, 99) * 100),
      };
    default:
      return { ...amountOff(int(100, 20_000)), ...placed, minAmountMinor: BigInt(int(0, 50_000)) };
  }
}

function tiers(int: RandomInt): unknown {
  const off = int(5, 50);
  return {
    tiers: [1, 2, 3].map((step) => ({ min_amount: `${step * 100}.00`, discount_value: `${step * off}.00` })),
  };
}

function twoOf(int: RandomInt): readonly string[] {
  return [String(int(1, 6)), String(int(1, 6))];
}

function coupons(termsOf: (index: number) => CouponTerms, int: RandomInt): readonly OwnedCoupon[] {
  return Array.from({ length: CANDIDATES }, (_, index) => ({
    owned: true,
    id: String(1_000 + index * 13 + int(0, 12)),
    sn: null,
    templateId: null,
    status: 1,
    orderSn: null,
    validStartMs: NOW_MS - DAY_MS,
    validEndMs: NOW_MS + int(1, 3) * DAY_MS,
    templateStatus: 1,
    terms: termsOf(index),
  }));
}
