import fc from 'fast-check';
import { seededRandom } from '@coupon/testing';
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
} from './support/check-case';
import { isEligible, mayCombine } from './support/oracle';
import { randomCase, shuffled } from './support/random-case';
import type { Draw, RandomCase } from './support/random-case';

/** `DISCOUNT_CARTS=1000000 npx jest -c libs/discount/jest.config.js properties` prices that many on top. */
const CARTS = Number(process.env['DISCOUNT_CARTS'] ?? '5000');

/** A property over random cases that shrink. */
function forAll(
  numRuns: number,
  most: { lines: number; coupons: number },
  holds: (one: RandomCase, draw: Draw) => void,
) {
  fc.assert(
    fc.property(fc.gen(), (gen) => {
      const draw: Draw = (min, max) => gen(fc.integer, { min, max });
      holds(randomCase(draw, most), draw);
    }),
    { seed: 5, numRuns },
  );
}

/** A subset of the coupons that may be used together, so that mode given prices it. */
function admissible({ order, coupons }: RandomCase, draw: Draw): RandomCase {
  const chosen: RandomCase['coupons'][number][] = [];
  for (const coupon of shuffled(coupons, draw)) {
    const eligible = [...chosen, coupon].filter((one) => isEligible(order, one));
    if (mayCombine(eligible)) chosen.push(coupon);
  }
  return { order, coupons: chosen };
}

describe('properties of the calculator', () => {
  test('every amount, line share and unit share is what a plain second calculation gives', () => {
    forAll(600, { lines: 6, coupons: 6 }, (one, draw) => {
      const { order, coupons } = admissible(one, draw);
      agreesWithOracle(order, coupons);
    });
  });

  test('sums are exact and nothing is ever negative', () => {
    forAll(600, { lines: 6, coupons: 6 }, (one, draw) => {
      const given = admissible(one, draw);
      sumsAreExact(one.order, quoteOf(requestOf(given, 'given')));
      sumsAreExact(one.order, quoteOf(requestOf(one, 'best')));
    });
  });

  test('the order in which coupons come changes nothing', () => {
    forAll(400, { lines: 5, coupons: 8 }, (one, draw) => {
      orderDoesNotMatter(requestOf(one, 'given'), draw);
      orderDoesNotMatter(requestOf(one, 'best'), draw);
    });
  });

  test('a larger cart never gets less from full reduction, nor from tiers', () => {
    forAll(500, { lines: 5, coupons: 4 }, largerCartGetsNoLess);
  });

  test('refunds of parts add up to the refund of all, in any partition and order', () => {
    forAll(500, { lines: 5, coupons: 6 }, (one, draw) => {
      refundInPartsIsRefundOfAll(one.order, quoteOf(requestOf(one, 'best')), draw);
    });
  });

  test('every share is within one minor unit of the proportional one', () => {
    forAll(500, { lines: 6, coupons: 6 }, (one) => sharesAreProportional(one.order, quoteOf(requestOf(one, 'best'))));
  });

  test('best is the combination that trying all of them finds, ties included', () => {
    forAll(800, { lines: 4, coupons: 7 }, (one) => bestIsTheBest(one));
  });

  test('best is exact under any limit of the stack', () => {
    forAll(300, { lines: 4, coupons: 7 }, (one, draw) => bestIsTheBest(one, draw(0, 7)));
  });

  test(`${CARTS} random carts keep every property`, () => {
    const draw: Draw = seededRandom(5).int;
    for (let cart = 0; cart < CARTS; cart += 1) {
      try {
        checkEverything(draw, cart);
      } catch (cause) {
        throw new Error(`cart ${cart}`, { cause });
      }
    }
  }, 3_600_000);
});

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
