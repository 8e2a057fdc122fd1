import type { SeededRandom } from '@coupon/testing';
import type { Fate } from './story';

/** Somebody who won in the sale, with every coupon that is theirs. */
export interface Winner {
  readonly userId: string;
  /** 20.00 off from 100.00 on. */
  readonly saleSn: string;
  /** Further coupons they may stack on it. */
  readonly furtherSns: readonly string[];
  /** Makes any order free; few have one. */
  readonly giftSn: string | undefined;
}

export interface ShelfProduct {
  readonly id: string;
  readonly priceMinor: bigint;
  readonly isScarce: boolean;
}

export type Refusal = 'unknown_coupon' | 'foreign_coupon' | 'six_coupons' | 'below_minimum';

export interface PlannedOrder {
  readonly orderSn: string;
  readonly userId: string;
  readonly fate: Fate;
  readonly couponSns: readonly string[];
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  readonly shippingFee: string;
  /** It may be refused because somebody else was faster. */
  readonly mayBeSoldOut: boolean;
  /** Why it must be refused; orders of fate `refused` only. */
  readonly refusal: Refusal | undefined;
  /** How often the same checkout is sent at once. */
  readonly checkouts: number;
  /** How often the same notification is sent at once. */
  readonly notifications: number;
  /** The provider takes the money a second time, under another reference. */
  readonly isCapturedTwice: boolean;
}

/** Shares of the winners; the others pay. */
const SHARES: readonly (readonly [Fate, number])[] = [
  ['refused', 0.08],
  ['declined', 0.08],
  ['timed_out', 0.08],
  ['late', 0.05],
  ['late_and_taken', 0.02],
  ['cancelled', 0.04],
  ['refunded', 0.08],
];
const REFUSALS: readonly Refusal[] = ['unknown_coupon', 'foreign_coupon', 'six_coupons', 'below_minimum'];
const REPEATED_SHARE = 0.06;
const CAPTURED_TWICE_SHARE = 0.02;
const SCARCE_SHARE = 0.05;
/** The sale's coupon wants 100.00, in goods. */
const MINIMUM_MINOR = 10_000n;
const SHIPPING_FEES = ['0.00', '6.00', '12.50'] as const;
const MOST_COUPONS = 6;

export interface PlanInput {
  readonly winners: readonly Winner[];
  readonly products: readonly ShelfProduct[];
  /** Begins every order number. All numbers of a run have one length: see libs/saga about the gids of DTM's boltdb. */
  readonly prefix: string;
  readonly random: SeededRandom;
}

/** What every winner does with their coupons, in a random order; the same seed gives the same plan. */
export function planOrders({ winners, products, prefix, random }: PlanInput): PlannedOrder[] {
  const fates = random.shuffle(fatesOf(winners));
  const orders = winners.map((winner, index) => {
    const fate: Fate = winner.giftSn === undefined ? (fates.pop() ?? 'paid') : 'free';
    const other = winners[(index + 1) % winners.length] ?? winner;
    return planOrder({ winner, other, fate, products, random, index, orderSn: `${prefix}-${digits(index)}-1` });
  });
  return random.shuffle(orders);
}

/** The number of the order that the same person places after the first one was cancelled. */
export function nextOrderSn(orderSn: string): string {
  return `${orderSn.slice(0, -1)}2`;
}

function digits(index: number): string {
  return String(index).padStart(6, '0');
}

function fatesOf(winners: readonly Winner[]): Fate[] {
  const count = winners.filter(({ giftSn }) => giftSn === undefined).length;
  return SHARES.flatMap(([fate, share]) => Array.from({ length: Math.max(1, Math.round(share * count)) }, () => fate))
    .concat(Array.from({ length: count }, () => 'paid' as const))
    .slice(0, count);
}

interface OrderInput {
  readonly winner: Winner;
  /** Whose coupon is tried for `foreign_coupon`. */
  readonly other: Winner;
  readonly fate: Fate;
  readonly products: readonly ShelfProduct[];
  readonly random: SeededRandom;
  readonly index: number;
  readonly orderSn: string;
}

function planOrder(input: OrderInput): PlannedOrder {
  const { winner, fate, random, orderSn, index } = input;
  const refusal = fate === 'refused' ? REFUSALS[index % REFUSALS.length] : undefined;
  const wantsScarce = fate === 'paid' && random.next() < SCARCE_SHARE;
  const isRepeated = random.next() < REPEATED_SHARE;
  const isCapturedTwice = fate === 'paid' && random.next() < CAPTURED_TWICE_SHARE;
  return {
    orderSn,
    userId: winner.userId,
    fate,
    couponSns: couponsFor(input, refusal),
    items: planItems(input.products, random, { wantsScarce, isSmall: refusal === 'below_minimum' }),
    shippingFee: fate === 'free' ? '0.00' : random.pick(SHIPPING_FEES),
    mayBeSoldOut: wantsScarce,
    refusal,
    checkouts: isRepeated ? 3 : 1,
    notifications: isRepeated ? 3 : 1,
    isCapturedTwice,
  };
}

function couponsFor({ winner, other, random }: OrderInput, refusal: Refusal | undefined): string[] {
  const own = [winner.saleSn, ...winner.furtherSns];
  switch (refusal) {
    case 'unknown_coupon':
      return [...own, madeUpSn(winner.saleSn, 999)];
    case 'foreign_coupon':
      return [...own, other.saleSn];
    case 'six_coupons':
      return [...own, ...Array.from({ length: MOST_COUPONS }, (_, n) => madeUpSn(winner.saleSn, 900 + n))].slice(
        0,
        MOST_COUPONS,
      );
    case 'below_minimum':
      return [winner.saleSn];
    case undefined:
      return random.shuffle(winner.giftSn === undefined ? own : [winner.saleSn, winner.giftSn]);
  }
}

/** Has the form of a serial number, and is nobody's: the last three digits count the units of one claim. */
function madeUpSn(sn: string, unit: number): string {
  return `${sn.slice(0, -3)}${unit}`;
}

function planItems(
  products: readonly ShelfProduct[],
  random: SeededRandom,
  { wantsScarce, isSmall }: { wantsScarce: boolean; isSmall: boolean },
): { productId: string; quantity: number }[] {
  const plain = products.filter(({ isScarce }) => !isScarce);
  const cheapest = plain.reduce((least, one) => (one.priceMinor < least.priceMinor ? one : least));
  if (isSmall) return [{ productId: cheapest.id, quantity: 1 }];
  const lines = new Map<string, number>();
  let total = 0n;
  const put = ({ id, priceMinor }: ShelfProduct, quantity: number): void => {
    lines.set(id, (lines.get(id) ?? 0) + quantity);
    total += priceMinor * BigInt(quantity);
  };
  const scarce = products.filter(({ isScarce }) => isScarce);
  if (wantsScarce && scarce.length > 0) put(random.pick(scarce), 1);
  do put(random.pick(plain), random.int(1, 3));
  while (total < MINIMUM_MINOR || (lines.size < 3 && random.next() < 0.4));
  return [...lines].map(([productId, quantity]) => ({ productId, quantity }));
}
