import type { CouponTerms, Order, OwnedCoupon } from '../../src/model';
import { NOW_MS } from './random-case';

// The rules a second time: every unit a BigInt of its own, every subset tried, nothing shared with src. Slow, and easy to read.

export interface Outcome {
  readonly discount: bigint;
  readonly shipping: bigint;
  /** By coupon id, in order of application, those with an amount. */
  readonly amounts: readonly (readonly [string, bigint])[];
  /** By coupon id: share of every unit of every line. */
  readonly shares: ReadonlyMap<string, readonly (readonly bigint[])[]>;
}

export function isApplicable(terms: CouponTerms, line: Order['lines'][number]): boolean {
  const inList = (list: readonly string[] | null, id: string | null): boolean =>
    id !== null && (list ?? []).includes(id);
  if (inList(terms.excludedGoods, line.goodsId) || inList(terms.excludedCategories, line.categoryId)) return false;
  if (terms.applicableGoods === null && terms.applicableCategories === null) return true;
  return inList(terms.applicableGoods, line.goodsId) || inList(terms.applicableCategories, line.categoryId);
}

export function inApplicationOrder(coupons: readonly OwnedCoupon[]): OwnedCoupon[] {
  return [...coupons].sort(
    (a, b) =>
      a.terms.priority - b.terms.priority || a.terms.type - b.terms.type || (BigInt(a.id) < BigInt(b.id) ? -1 : 1),
  );
}

/** Applies these coupons, whether they may be combined or not. */
export function price(order: Order, coupons: readonly OwnedCoupon[]): Outcome {
  const units = order.lines.map(({ quantity, priceMinor }) => new Array<bigint>(quantity).fill(priceMinor));
  let shippingLeft = order.shippingFeeMinor;
  const amounts: [string, bigint][] = [];
  const shares = new Map<string, bigint[][]>();
  for (const { id, terms } of inApplicationOrder(coupons)) {
    const lines = order.lines
      .map((line, index) => (isApplicable(terms, line) ? index : -1))
      .filter((index) => index >= 0);
    const lineLeft = units.map(sum);
    const base = terms.type === 3 ? shippingLeft : sum(lines.map((line) => lineLeft[line] ?? 0n));
    const amount = amountOf(terms, base, { order, lines, lineLeft });
    if (amount === 0n) continue;
    amounts.push([id, amount]);
    if (terms.type === 3) {
      shippingLeft -= amount;
      continue;
    }
    const lineShares = largestRemainder(
      amount,
      lines.map((line) => lineLeft[line] ?? 0n),
    );
    const unitShares = units.map((line) => line.map(() => 0n));
    lines.forEach((line, i) => {
      const taken = largestRemainder(lineShares[i] ?? 0n, units[line] ?? []);
      unitShares[line] = taken;
      units[line] = (units[line] ?? []).map((left, unit) => left - (taken[unit] ?? 0n));
    });
    shares.set(id, unitShares);
  }
  const shipping = order.shippingFeeMinor - shippingLeft;
  return { discount: sum(amounts.map(([, amount]) => amount)), shipping, amounts, shares };
}

interface Scope {
  readonly order: Order;
  readonly lines: readonly number[];
  readonly lineLeft: readonly bigint[];
}

function amountOf(terms: CouponTerms, base: bigint, { order, lines, lineLeft }: Scope): bigint {
  const value = terms.discountValueMinor;
  const subtotal = sum(lines.map((i) => (order.lines[i]?.priceMinor ?? 0n) * BigInt(order.lines[i]?.quantity ?? 0)));
  if (terms.type === 1) return min(value, base);
  if (terms.type === 2) return min((base * value + 5000n) / 10_000n, terms.maxDiscountMinor ?? base, base);
  if (terms.type === 3) return min(base, value > 0n ? value : base);
  const args = terms.ruleArgs as Record<string, never>;
  if (terms.type === 4) {
    const tiers = args['tiers'] as unknown as { min_amount: string; discount_value: string }[];
    const minor = (text: string): bigint => BigInt(text.replace('.', ''));
    const reached = tiers.filter((tier) => minor(tier.min_amount) <= subtotal).at(-1);
    return min(reached === undefined ? 0n : minor(reached.discount_value), base);
  }
  const [buy, get] = [Number(args['buy_quantity']), Number(args['get_quantity'])];
  const all = lines.flatMap((line) =>
    Array.from({ length: order.lines[line]?.quantity ?? 0 }, () => ({
      line,
      price: order.lines[line]?.priceMinor ?? 0n,
    })),
  );
  all.sort((a, b) => (a.price < b.price ? -1 : a.price > b.price ? 1 : a.line - b.line));
  const free = all.slice(0, get * Math.floor(all.length / (buy + get)));
  return sum(
    lines.map((line) => {
      const count = BigInt(free.filter((unit) => unit.line === line).length);
      const quantity = BigInt(order.lines[line]?.quantity ?? 1);
      return (2n * (lineLeft[line] ?? 0n) * count + quantity) / (2n * quantity);
    }),
  );
}

/** Eligible alone: owned and valid in these cases, so only use, lines, threshold and effect decide. */
export function isEligible(order: Order, coupon: OwnedCoupon): boolean {
  if (coupon.status === 3 || coupon.validEndMs <= NOW_MS) return false;
  const lines = order.lines.filter((line) => isApplicable(coupon.terms, line));
  const subtotal = sum(lines.map(({ priceMinor, quantity }) => priceMinor * BigInt(quantity)));
  return lines.length > 0 && subtotal >= coupon.terms.minAmountMinor && price(order, [coupon]).discount > 0n;
}

export function mayCombine(coupons: readonly OwnedCoupon[], most = 5): boolean {
  if (coupons.length > most) return false;
  return coupons.every((a) => coupons.every((b) => a === b || mayPair(a.terms, b.terms)));
}

function mayPair(a: CouponTerms, b: CouponTerms): boolean {
  if (a.stackGroup !== null && a.stackGroup === b.stackGroup) return false;
  const blocks = (x: CouponTerms, y: CouponTerms): boolean => {
    if (x.stackable) return false;
    if (x.type === 3) return true;
    return y.type !== 3 || !y.stackable;
  };
  return !blocks(a, b) && !blocks(b, a);
}

export interface BestOutcome extends Outcome {
  readonly ids: readonly string[];
}

/** Every admissible subset, compared by the whole ranking. */
export function bestOf(order: Order, coupons: readonly OwnedCoupon[], most = 5): BestOutcome {
  const eligible = coupons.filter((coupon) => isEligible(order, coupon));
  let best: { outcome: Outcome; subset: OwnedCoupon[] } = { outcome: price(order, []), subset: [] };
  for (let mask = 1; mask < 1 << eligible.length; mask += 1) {
    const subset = eligible.filter((_, i) => (mask >> i) & 1);
    if (!mayCombine(subset, most)) continue;
    const outcome = price(order, subset);
    if (ranksBefore({ outcome, subset }, best)) best = { outcome, subset };
  }
  return { ...best.outcome, ids: ascendingIds(best.subset) };
}

type Ranked = { readonly outcome: Outcome; readonly subset: readonly OwnedCoupon[] };

function ranksBefore(a: Ranked, b: Ranked): boolean {
  if (a.outcome.discount !== b.outcome.discount) return a.outcome.discount > b.outcome.discount;
  if (a.subset.length !== b.subset.length) return a.subset.length < b.subset.length;
  const end = ({ subset }: Ranked): number => Math.min(...subset.map(({ validEndMs }) => validEndMs));
  if (end(a) !== end(b)) return end(a) < end(b);
  const [x, y] = [ascendingIds(a.subset), ascendingIds(b.subset)];
  const differing = x.findIndex((id, i) => id !== y[i]);
  return differing >= 0 && BigInt(x[differing] ?? 0) < BigInt(y[differing] ?? 0);
}

export function ascendingIds(coupons: readonly { readonly id: string }[]): string[] {
  return coupons.map(({ id }) => id).sort((a, b) => Number(BigInt(a) - BigInt(b)));
}

function largestRemainder(amount: bigint, weights: readonly bigint[]): bigint[] {
  const total = sum(weights);
  if (total === 0n) return weights.map(() => 0n);
  const shares = weights.map((weight) => (amount * weight) / total);
  const order = weights
    .map((weight, index) => ({ index, remainder: (amount * weight) % total }))
    .sort((a, b) => (a.remainder > b.remainder ? -1 : a.remainder < b.remainder ? 1 : a.index - b.index));
  for (let missing = amount - sum(shares), i = 0; missing > 0n; missing -= 1n, i += 1) {
    const index = order[i]?.index ?? 0;
    shares[index] = (shares[index] ?? 0n) + 1n;
  }
  return shares;
}

export function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

function min(...values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b < a ? b : a));
}
