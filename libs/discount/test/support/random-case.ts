import type { CouponTerms, Order, OwnedCoupon } from '../../src/model';

/** Where random choices come from: fast-check (shrinking), or a seeded generator (fast). Bounds are inclusive. */
export type Draw = (min: number, max: number) => number;

export interface RandomCase {
  readonly order: Order;
  readonly coupons: readonly OwnedCoupon[];
}

export const NOW_MS = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;

/** Small on purpose: few goods and values make coincidences (equal lines, equal coupons, equal totals, empty lines) common. */
export function randomCase(draw: Draw, most: { lines: number; coupons: number }): RandomCase {
  const order = randomOrder(draw, most.lines);
  const count = draw(0, most.coupons);
  const coupons: OwnedCoupon[] = [];
  for (let i = 0; i < count; i += 1) {
    const id = String(coupons.length * 7 + draw(1, 7));
    const twin = coupons[draw(0, Math.max(coupons.length - 1, 0))];
    const isTwin = twin !== undefined && draw(0, 4) === 0;
    coupons.push(isTwin ? { ...twin, id, sn: `sn-${id}`, validEndMs: randomEnd(draw) } : randomCoupon(draw, id));
  }
  return { order, coupons };
}

function randomOrder(draw: Draw, mostLines: number): Order {
  const scale = draw(0, 9);
  const mostPrice = scale < 6 ? 40 : scale < 9 ? 20_000 : 9_999_999;
  const mostQuantity = scale < 9 ? 4 : 40;
  const count = draw(1, mostLines);
  const lines = Array.from({ length: count }, () => ({
    goodsId: String(draw(1, 6)),
    categoryId: draw(0, 4) === 0 ? null : String(draw(1, 3)),
    quantity: draw(1, mostQuantity),
    priceMinor: BigInt(draw(0, 7) === 0 ? 0 : draw(0, mostPrice)),
  }));
  return { lines, shippingFeeMinor: BigInt(draw(0, 2) === 0 ? 0 : draw(0, 1500)) };
}

function randomCoupon(draw: Draw, id: string): OwnedCoupon {
  return {
    owned: true,
    id,
    sn: `sn-${id}`,
    templateId: '1',
    status: draw(0, 15) === 0 ? 3 : 1,
    orderSn: null,
    validStartMs: NOW_MS - DAY_MS,
    validEndMs: randomEnd(draw),
    templateStatus: 1,
    terms: randomTerms(draw),
  };
}

function randomEnd(draw: Draw): number {
  return NOW_MS + draw(1, 3) * DAY_MS;
}

const TYPES = [1, 1, 1, 2, 2, 2, 3, 3, 4, 5] as const;

export function randomTerms(draw: Draw, type: number = TYPES[draw(0, 9)] ?? 1): CouponTerms {
  const ids = (most: number): string[] => Array.from({ length: draw(0, 3) }, () => String(draw(1, most)));
  return {
    type,
    discountType: type === 2 ? 2 : 1,
    ...randomValue(draw, type),
    applicableGoods: draw(0, 2) === 0 ? ids(6) : null,
    applicableCategories: draw(0, 2) === 0 ? ids(3) : null,
    excludedGoods: draw(0, 3) === 0 ? ids(6) : [],
    excludedCategories: draw(0, 5) === 0 ? ids(3) : [],
    priority: draw(0, 3) === 0 ? draw(-1, 1) : 0,
    stackGroup: draw(0, 4) === 0 ? (['a', 'b'][draw(0, 1)] ?? null) : null,
    stackable: draw(0, 6) !== 0,
  };
}

type Value = Pick<CouponTerms, 'discountValueMinor' | 'minAmountMinor' | 'maxDiscountMinor' | 'ruleArgs'>;

function randomValue(draw: Draw, type: number): Value {
  const minAmountMinor = BigInt(draw(0, 2) === 0 ? draw(1, 60) : 0);
  const value = (discountValueMinor: number, ruleArgs: unknown = null): Value => ({
    discountValueMinor: BigInt(discountValueMinor),
    minAmountMinor,
    maxDiscountMinor: null,
    ruleArgs,
  });
  if (type === 1) return value(draw(0, 3) === 0 ? draw(1, 5000) : draw(1, 12));
  if (type === 2) {
    const percent = [1000, 2000, 3333, 5000, 10_000, 1][draw(0, 5)] ?? 1000;
    return { ...value(percent), maxDiscountMinor: draw(0, 2) === 0 ? BigInt(draw(1, 30)) : null };
  }
  if (type === 3) return value(draw(0, 1) === 0 ? 0 : draw(1, 900));
  if (type === 4) return { ...value(0, { tiers: randomTiers(draw) }), minAmountMinor: 0n };
  return value(0, { buy_quantity: draw(1, 3), get_quantity: draw(1, 2) });
}

function randomTiers(draw: Draw): unknown[] {
  let min = 0;
  let off = 0;
  return Array.from({ length: draw(1, 3) }, () => {
    min += draw(1, 30);
    off += draw(1, 9);
    return { min_amount: cents(min), discount_value: cents(off) };
  });
}

function cents(minor: number): string {
  return `${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, '0')}`;
}

export function shuffled<T>(items: readonly T[], draw: Draw): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = draw(0, i);
    const held = result[i] as T;
    result[i] = result[j] as T;
    result[j] = held;
  }
  return result;
}
