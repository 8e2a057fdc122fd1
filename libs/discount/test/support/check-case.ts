import { isDeepStrictEqual } from 'node:util';
import { calculate } from '../../src/calculate';
import type { CalculationRequest, Order, OwnedCoupon, Quote, UnitRun } from '../../src/model';
import { allocationOf, refundOf } from '../../src/refund/refund';
import type { UnitRange } from '../../src/refund/refund';
import { ascendingIds, bestOf, isEligible, mayCombine, price, sum } from './oracle';
import { NOW_MS, shuffled } from './random-case';
import type { Draw, RandomCase } from './random-case';

// The properties, each a function that fails by throwing. Plain comparisons: expect is too slow for a million carts.

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

export function requestOf({ order, coupons }: RandomCase, mode: 'given' | 'best'): CalculationRequest {
  return { order, coupons, mode, nowMs: NOW_MS };
}

export function quoteOf(request: CalculationRequest): Quote {
  const calculation = calculate(request);
  if (calculation.outcome !== 'priced') throw new Error(`refused: ${calculation.code}`);
  return calculation;
}

/** Coupons = lines = units, and everything fits into what there is. */
export function sumsAreExact(order: Order, quote: Quote): void {
  const unitsTaken = order.lines.map(({ quantity }) => new Array<bigint>(quantity).fill(0n));
  let shipping = 0n;
  for (const { amountMinor, lines, facts } of quote.applied) {
    demand(amountMinor > 0n, 'an applied coupon takes something');
    if (facts.rule === 'free_shipping') {
      demand(lines.length === 0, 'a shipping discount belongs to no line');
      shipping += amountMinor;
      continue;
    }
    demand(sum(lines.map((line) => line.amountMinor)) === amountMinor, 'lines add up to the coupon');
    for (const { index, amountMinor: lineAmount, units } of lines) {
      const each = eachUnit(units);
      demand(each.length === order.lines[index]?.quantity, 'the runs cover the units of the line');
      demand(each.every((amount) => amount >= 0n) && sum(each) === lineAmount, 'units add up to the line');
      each.forEach((amount, unit) => {
        const taken = unitsTaken[index];
        if (taken !== undefined) taken[unit] = (taken[unit] ?? 0n) + amount;
      });
    }
  }
  unitsTaken.forEach((taken, index) =>
    demand(
      taken.every((amount) => amount <= (order.lines[index]?.priceMinor ?? 0n)),
      'no unit below zero',
    ),
  );
  demand(shipping === quote.shippingDiscountMinor && shipping <= order.shippingFeeMinor, 'shipping not below zero');
  demand(sum(quote.applied.map(({ amountMinor }) => amountMinor)) === quote.discountMinor, 'coupons add up');
  demand(quote.finalMinor === quote.originalMinor - quote.discountMinor && quote.finalMinor >= 0n, 'never negative');
}

export function orderDoesNotMatter(request: CalculationRequest, draw: Draw): void {
  const again = calculate({ ...request, coupons: shuffled(request.coupons, draw) });
  demand(isDeepStrictEqual(again, calculate(request)), 'the order of the coupons changes nothing');
}

/** Exactly what the oracle takes, down to the unit. */
export function agreesWithOracle(order: Order, coupons: readonly OwnedCoupon[]): Quote {
  const eligible = coupons.filter((coupon) => isEligible(order, coupon));
  const quote = quoteOf({ order, coupons, mode: 'given', nowMs: NOW_MS });
  const expected = price(order, eligible);
  const amounts = quote.applied.map(({ id, amountMinor }) => [id, amountMinor] as const);
  if (!isDeepStrictEqual(amounts, expected.amounts)) {
    throw new Error(`amounts ${text(amounts)}, expected ${text(expected.amounts)}`);
  }
  demand(quote.shippingDiscountMinor === expected.shipping, 'shipping discount');
  for (const { id, lines } of quote.applied) {
    for (const { index, units } of lines) {
      const each = eachUnit(units);
      const shares = expected.shares.get(id)?.[index] ?? [];
      const isSame = each.length === shares.length && each.every((share, unit) => share === shares[unit]);
      if (!isSame) throw new Error(`coupon ${id} line ${index}: ${text(each)}, expected ${text(shares)}`);
    }
  }
  return quote;
}

export function refundInPartsIsRefundOfAll(order: Order, quote: Quote, draw: Draw): void {
  const allocation = allocationOf(order, quote);
  const parts: { units: UnitRange[]; shipping: boolean }[] = Array.from({ length: draw(1, 4) }, () => ({
    units: [],
    shipping: false,
  }));
  const part = (): (typeof parts)[number] => parts[draw(0, parts.length - 1)] as (typeof parts)[number];
  part().shipping = true;
  const ranges = order.lines.flatMap(({ quantity }, index) => {
    const cuts: UnitRange[] = [];
    for (let from = 0; from < quantity;) {
      const count = draw(1, quantity - from);
      cuts.push({ index, from, count });
      from += count;
    }
    return cuts;
  });
  for (const range of shuffled(ranges, draw)) part().units.push(range);
  const refunds = parts.map((one) => refundOf(allocation, one));
  demand(
    refunds.every(({ paidMinor, discountMinor }) => paidMinor >= 0n && discountMinor >= 0n),
    'refunds not negative',
  );
  demand(
    sum(refunds.map(({ discountMinor }) => discountMinor)) === quote.discountMinor,
    'shares add up to the discount',
  );
  demand(sum(refunds.map(({ paidMinor }) => paidMinor)) === quote.finalMinor, 'refunds add up to what was paid');
}

/** Each line's share is within one minor unit of its proportional one; so is each unit's of its line's. */
export function sharesAreProportional(order: Order, quote: Quote): void {
  const left = order.lines.map(({ quantity, priceMinor }) => new Array<bigint>(quantity).fill(priceMinor));
  for (const { amountMinor, lines } of quote.applied) {
    const lineLeft = lines.map(({ index }) => sum(left[index] ?? []));
    const base = sum(lineLeft);
    lines.forEach((line, i) => {
      demand(isWithinOne(line.amountMinor, amountMinor * (lineLeft[i] ?? 0n), base), 'line share is proportional');
      const each = eachUnit(line.units);
      each.forEach((amount, unit) => {
        const weight = left[line.index]?.[unit] ?? 0n;
        demand(isWithinOne(amount, line.amountMinor * weight, lineLeft[i] ?? 0n), 'unit share is proportional');
      });
      left[line.index] = (left[line.index] ?? []).map((value, unit) => value - (each[unit] ?? 0n));
    });
  }
}

function isWithinOne(share: bigint, dividend: bigint, divisor: bigint): boolean {
  if (divisor === 0n) return share === 0n;
  const difference = share * divisor - dividend;
  return -divisor < difference && difference < divisor;
}

/** The same combination as trying all of them. */
export function bestIsTheBest({ order, coupons }: RandomCase, maxStackCount = 5): Quote {
  const quote = quoteOf({ order, coupons, mode: 'best', nowMs: NOW_MS, maxStackCount });
  const expected = bestOf(order, coupons, maxStackCount);
  const ids = ascendingIds(quote.applied);
  demand(quote.discountMinor === expected.discount, `best takes ${quote.discountMinor}, oracle ${expected.discount}`);
  demand(text(ids) === text(expected.ids), `best is ${text(ids)}, oracle ${text(expected.ids)}`);
  demand(quote.optimal && quote.boundMinor === quote.discountMinor, 'the answer is exact');
  return quote;
}

/** Not below a few random admissible subsets: what a million carts can afford. */
export function bestIsNotBelow({ order, coupons }: RandomCase, best: Quote, draw: Draw): void {
  for (let i = 0; i < 3; i += 1) {
    const subset = coupons.filter(() => draw(0, 1) === 0);
    const eligible = subset.filter((coupon) => isEligible(order, coupon));
    if (!mayCombine(eligible)) continue;
    demand(price(order, eligible).discount <= best.discountMinor, 'no admissible subset takes more than the best');
  }
}

/** Adding to a cart: full reduction and tiers alone never take less. */
export function largerCartGetsNoLess({ order, coupons }: RandomCase, draw: Draw): void {
  const at = draw(0, order.lines.length - 1);
  const lines = order.lines.map((line, index) =>
    index === at
      ? { ...line, quantity: line.quantity + draw(0, 2), priceMinor: line.priceMinor + BigInt(draw(0, 9)) }
      : line,
  );
  const added = draw(0, 1) === 0 ? [] : [{ ...order.lines[at], quantity: 1, priceMinor: BigInt(draw(0, 50)) }];
  const larger = { ...order, lines: [...lines, ...added] as Order['lines'] };
  for (const coupon of coupons.filter(({ terms }) => terms.type === 1 || terms.type === 4)) {
    const before = quoteOf(requestOf({ order, coupons: [coupon] }, 'given')).discountMinor;
    const after = quoteOf(requestOf({ order: larger, coupons: [coupon] }, 'given')).discountMinor;
    demand(after >= before, `a larger cart gets ${after}, the smaller one ${before}`);
  }
}

function eachUnit(runs: readonly UnitRun[]): bigint[] {
  const each: bigint[] = [];
  for (const { count, amountMinor } of runs) for (let unit = 0; unit < count; unit += 1) each.push(amountMinor);
  return each;
}

/** Comparable text of values with bigints. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one));
}
