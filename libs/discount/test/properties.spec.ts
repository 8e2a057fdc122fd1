import fc from 'fast-check';
import { seededRandom } from '@coupon/testing';
import {
  agreesWithOracle,
  bestIsTheBest,
  largerCartGetsNoLess,
  orderDoesNotMatter,
  quoteOf,
  refundInPartsIsRefundOfAll,
  requestOf,
  sharesAreProportional,
  sumsAreExact,
} from './support/check-case';
import { admissible, checkCarts } from './support/check-carts';
import { randomCase } from './support/random-case';
import type { Draw, RandomCase } from './support/random-case';

/** A million by command: see README. */
const CARTS = 5_000;

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
    const random = seededRandom(5);
    const draw: Draw = (min, max) => random.int(min, max);
    checkCarts(CARTS, draw);
  }, 120_000);
});
