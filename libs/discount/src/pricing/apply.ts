import { LineAllocator, shareOverRuns } from '../arithmetic/largest-remainder';
import type { Run } from '../arithmetic/largest-remainder';
import type { Minor } from '../arithmetic/minor';
import type { LineShare } from '../model';
import type { Cart, PreparedCoupon } from './prepared';

export interface Application {
  readonly prepared: PreparedCoupon;
  readonly amount: Minor;
  readonly lines: readonly LineShare[];
}

export interface Applied {
  readonly applications: readonly Application[];
  /** Took 0, because earlier ones left nothing: not used. */
  readonly withoutEffect: readonly PreparedCoupon[];
  readonly goodsDiscount: Minor;
  readonly shippingDiscount: Minor;
}

/** Applies coupons one after the other, in the order given, down to every unit. */
export function applyAll(cart: Cart, coupons: readonly PreparedCoupon[]): Applied {
  const left = [...cart.lineTotals];
  const units: Run[][] = cart.prices.map((amount, line) => [{ count: cart.quantities[line] ?? 0, amount }]);
  const allocator = new LineAllocator(left.length);
  const applications: Application[] = [];
  const withoutEffect: PreparedCoupon[] = [];
  let goodsDiscount = 0;
  let shippingDiscount = 0;
  for (const prepared of coupons) {
    const isShipping = prepared.takesFrom === 'shipping';
    const base = isShipping ? cart.shippingFee - shippingDiscount : sumOver(prepared.lines, left);
    const amount = prepared.amountOf(base, left);
    if (amount === 0) {
      withoutEffect.push(prepared);
      continue;
    }
    if (isShipping) shippingDiscount += amount;
    else goodsDiscount += amount;
    const lines = isShipping ? [] : take({ amount, base, lines: prepared.lines, left, units, allocator });
    applications.push({ prepared, amount, lines });
  }
  return { applications, withoutEffect, goodsDiscount, shippingDiscount };
}

export function sumOver(lines: readonly number[], values: readonly Minor[]): Minor {
  let sum = 0;
  for (let i = 0; i < lines.length; i += 1) sum += values[lines[i] ?? 0] ?? 0;
  return sum;
}

interface Taking {
  readonly amount: Minor;
  readonly base: Minor;
  readonly lines: readonly number[];
  /** Left of every line; reduced. */
  readonly left: Minor[];
  /** Left of every unit; reduced. */
  readonly units: Run[][];
  readonly allocator: LineAllocator;
}

function take({ amount, base, lines, left, units, allocator }: Taking): LineShare[] {
  const shares = new Array<Minor>(lines.length).fill(0);
  allocator.share(amount, base, lines, left, shares);
  return lines.map((line, i) => {
    const share = shares[i] ?? 0;
    const before = units[line] ?? [];
    const taken = shareOverRuns(share, left[line] ?? 0, before);
    units[line] = merged(subtract(before, taken));
    left[line] = (left[line] ?? 0) - share;
    const runs = merged(taken).map(({ count, amount: each }) => ({ count, amountMinor: BigInt(each) }));
    return { index: line, amountMinor: BigInt(share), units: runs };
  });
}

/** What is left of each unit; `taken` is split at least wherever `before` is. */
function subtract(before: readonly Run[], taken: readonly Run[]): Run[] {
  let position = 0;
  let end = before[0]?.count ?? 0;
  let seen = 0;
  return taken.map(({ count, amount }) => {
    while (seen >= end) {
      position += 1;
      end += before[position]?.count ?? Infinity;
    }
    seen += count;
    return { count, amount: (before[position]?.amount ?? 0) - amount };
  });
}

function merged(runs: readonly Run[]): Run[] {
  const result: Run[] = [];
  for (const run of runs) {
    const last = result.at(-1);
    if (last?.amount === run.amount) result[result.length - 1] = { count: last.count + run.count, amount: run.amount };
    else result.push(run);
  }
  return result;
}
