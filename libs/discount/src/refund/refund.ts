import { InvalidArgumentError } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import type { Order, Quote, UnitRun } from '../model';
import { unless } from '../rules/rule';

/** What has to be kept of a priced order to refund parts of it, by line and unit. */
export interface Allocation {
  readonly lines: readonly AllocatedLine[];
  readonly shippingFeeMinor: bigint;
  readonly shippingDiscountMinor: bigint;
}

export interface AllocatedLine {
  readonly priceMinor: bigint;
  readonly quantity: number;
  /** What all coupons together took off each unit, in unit order. */
  readonly discounts: readonly UnitRun[];
}

/** Units `from` .. `from + count - 1` of a line, counted from 0. */
export interface UnitRange {
  readonly index: number;
  readonly from: number;
  readonly count: number;
}

export interface RefundRequest {
  readonly units: readonly UnitRange[];
  /** The shipping fee, and with it the shipping discount. */
  readonly shipping: boolean;
}

export interface Refund {
  /** Money that goes back: what was charged, less the discount. */
  readonly paidMinor: bigint;
  /** The part of the discount that these units (and the shipping fee) carried. */
  readonly discountMinor: bigint;
}

export function allocationOf(order: Order, quote: Quote): Allocation {
  const lines = order.lines.map(({ priceMinor, quantity }, index) => {
    const shares = quote.applied.flatMap((coupon) => coupon.lines.filter((line) => line.index === index));
    const none: readonly UnitRun[] = [{ count: quantity, amountMinor: 0n }];
    return { priceMinor, quantity, discounts: shares.reduce((sum, { units }) => addRuns(sum, units), none) };
  });
  return {
    lines,
    shippingFeeMinor: order.shippingFeeMinor,
    shippingDiscountMinor: quote.shippingDiscountMinor,
  };
}

/**
 * What a refund of some units returns: exactly their shares. Parts add up to the whole, whichever units come in whichever order; the caller
 * remembers which units have been refunded.
 * @throws InvalidArgumentError naming `units[i]`: a unit that is not there, or named twice.
 */
export function refundOf(allocation: Allocation, { units, shipping }: RefundRequest): Refund {
  checkRanges(allocation, units);
  let chargedMinor = shipping ? allocation.shippingFeeMinor : 0n;
  let discountMinor = shipping ? allocation.shippingDiscountMinor : 0n;
  for (const { index, from, count } of units) {
    const line = allocation.lines[index];
    if (line === undefined) continue;
    chargedMinor += line.priceMinor * BigInt(count);
    discountMinor += sumOfUnits(line.discounts, from, count);
  }
  return { paidMinor: chargedMinor - discountMinor, discountMinor };
}

function checkRanges({ lines }: Allocation, units: readonly UnitRange[]): void {
  const violations: FieldViolation[] = [];
  const seen = new Map<number, UnitRange[]>();
  units.forEach((range, position) => {
    const { index, from, count } = range;
    const path = `units[${position}]`;
    const line = lines[index];
    if (line === undefined) {
      violations.push({ field: `${path}.index`, message: 'is no line of the order' });
      return;
    }
    const isWithin = Number.isInteger(from) && Number.isInteger(count) && from >= 0 && count >= 1;
    violations.push(...unless(isWithin && from + count <= line.quantity, path, 'names units the line does not have'));
    const others = seen.get(index) ?? [];
    const overlaps = others.some((other) => from < other.from + other.count && other.from < from + count);
    violations.push(...unless(!overlaps, path, 'names a unit twice'));
    seen.set(index, [...others, range]);
  });
  if (violations.length > 0) throw new InvalidArgumentError(violations);
}

function sumOfUnits(runs: readonly UnitRun[], from: number, count: number): bigint {
  let sum = 0n;
  let start = 0;
  for (const run of runs) {
    const within = Math.min(start + run.count, from + count) - Math.max(start, from);
    if (within > 0) sum += run.amountMinor * BigInt(within);
    start += run.count;
  }
  return sum;
}

/** Unit by unit; both cover the same units. */
function addRuns(a: readonly UnitRun[], b: readonly UnitRun[]): UnitRun[] {
  const sum: UnitRun[] = [];
  let [i, j, usedA, usedB] = [0, 0, 0, 0];
  for (let x = a[i], y = b[j]; x !== undefined && y !== undefined; x = a[i], y = b[j]) {
    const count = Math.min(x.count - usedA, y.count - usedB);
    pushRun(sum, { count, amountMinor: x.amountMinor + y.amountMinor });
    usedA += count;
    usedB += count;
    if (usedA === x.count) [i, usedA] = [i + 1, 0];
    if (usedB === y.count) [j, usedB] = [j + 1, 0];
  }
  return sum;
}

function pushRun(runs: UnitRun[], run: UnitRun): void {
  const last = runs.at(-1);
  if (last?.amountMinor !== run.amountMinor) runs.push(run);
  else runs[runs.length - 1] = { count: last.count + run.count, amountMinor: run.amountMinor };
}
