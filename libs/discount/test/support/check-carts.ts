import {
  agreesWithOracle,
  bestIsNotBelow,
  bestIsTheBest,
  largerCartGetsNoLess,
  orderDoesNotMatter,
  quoteOf,
  refundInPartsIsRefundOfAll,
  requestOf,
  sharesAreProportional,
  sumsAreExact,
} from './check-case';
import { isEligible, mayCombine } from './oracle';
import { randomCase, shuffled } from './random-case';
import type { Draw, RandomCase } from './random-case';

/** @throws Error naming the first cart, counted from 0, that does not keep a property. */
export function checkCarts(carts: number, draw: Draw): void {
  for (let cart = 0; cart < carts; cart += 1) {
    try {
      checkEverything(draw, cart);
    } catch (cause) {
      throw new Error(`cart ${cart}`, { cause });
    }
  }
}

/** A subset of the coupons that may be used together, so that mode given prices it. */
export function admissible({ order, coupons }: RandomCase, draw: Draw): RandomCase {
  const chosen: RandomCase['coupons'][number][] = [];
  for (const coupon of shuffled(coupons, draw)) {
    const eligible = [...chosen, coupon].filter((one) => isEligible(order, one));
    if (mayCombine(eligible)) chosen.push(coupon);
  }
  return { order, coupons: chosen };
}

/** All of them on each cart, but for the exhaustive comparison, which every 20th gets. */
function checkEverything(draw: Draw, cart: number): void {
  const one = randomCase(draw, { lines: 5, coupons: 5 });
  const { order } = one;
  const best = quoteOf(requestOf(one, 'best'));
  sumsAreExact(order, best);
  sharesAreProportional(order, best);
  refundInPartsIsRefundOfAll(order, best, draw);
  bestIsNotBelow(one, best, draw);
  const given = admissible(one, draw);
  sumsAreExact(order, agreesWithOracle(order, given.coupons));
  orderDoesNotMatter(requestOf(given, 'given'), draw);
  largerCartGetsNoLess(given, draw);
  if (cart % 20 === 0) bestIsTheBest(one);
}
