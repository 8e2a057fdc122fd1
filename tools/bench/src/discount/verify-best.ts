import { calculate } from '@coupon/discount';
import type { CalculationRequest, OwnedCoupon, Quote } from '@coupon/discount';
import type { MixName } from './mixes';

const MOST_TOGETHER = 5;

/**
 * Prices every combination of up to five candidates one by one and compares by discount, number, earliest end and ids.
 * @throws when the search answered with another combination.
 */
export function verifyBest(mix: MixName, request: CalculationRequest): void {
  const answer = calculate(request);
  if (answer.outcome !== 'priced') throw new Error(`${mix}: refused with ${answer.code}`);
  const owned = request.coupons.filter((coupon) => coupon.owned);
  // Refused in itself: not part of any combination.
  const eligible = owned.filter((coupon) => {
    const alone = calculate({ ...request, coupons: [coupon], mode: 'given' });
    return alone.outcome === 'priced' && alone.applied.length === 1;
  });
  let best: Combination | undefined;
  for (const coupons of combinations(eligible, MOST_TOGETHER)) {
    const calculation = calculate({ ...request, coupons, mode: 'given' });
    if (calculation.outcome !== 'priced') continue;
    const combination = { quote: calculation, coupons };
    if (best === undefined || isBetter(combination, best)) best = combination;
  }
  const expected = idsOf(best?.coupons ?? []).join();
  const found = idsOf(owned.filter(({ id }) => answer.applied.some((one) => one.id === id))).join();
  if (expected !== found) throw new Error(`${mix}: the search found ${found}, trying all of them ${expected}`);
}

interface Combination {
  readonly quote: Quote;
  readonly coupons: readonly OwnedCoupon[];
}

function* combinations(coupons: readonly OwnedCoupon[], most: number): Generator<readonly OwnedCoupon[]> {
  yield [];
  if (most === 0) return;
  for (const [index, coupon] of coupons.entries()) {
    for (const rest of combinations(coupons.slice(index + 1), most - 1)) yield [coupon, ...rest];
  }
}

function isBetter(a: Combination, b: Combination): boolean {
  if (a.quote.discountMinor !== b.quote.discountMinor) return a.quote.discountMinor > b.quote.discountMinor;
  if (a.coupons.length !== b.coupons.length) return a.coupons.length < b.coupons.length;
  const end = ({ coupons }: Combination): number => Math.min(...coupons.map(({ validEndMs }) => validEndMs));
  if (end(a) !== end(b)) return end(a) < end(b);
  const [x, y] = [idsOf(a.coupons), idsOf(b.coupons)];
  const differing = x.findIndex((id, index) => id !== y[index]);
  return differing >= 0 && (x[differing] ?? 0n) < (y[differing] ?? 0n);
}

function idsOf(coupons: readonly OwnedCoupon[]): bigint[] {
  return coupons.map(({ id }) => BigInt(id)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
