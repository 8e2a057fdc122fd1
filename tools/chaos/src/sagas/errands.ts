import type { SeededRandom } from '@coupon/testing';
import type { Errand, Wish } from './errand';
import { BRANCH_POINTS } from './holds';
import type { BranchPoint } from './holds';
import type { OwnedCoupon, Product, Shelf } from './shelf';

const MIX: readonly Wish[] = [
  ...['pay', 'pay', 'pay', 'pay', 'pay-twice', 'decline', 'cancel', 'refund', 'leave', 'pay-cancelled'],
] as Wish[];

export function errand(
  shelf: Shelf,
  wish: Wish,
  coupons: readonly OwnedCoupon[],
  products: readonly Product[],
  more: Partial<Errand> = {},
): Errand {
  const [owner] = coupons;
  return {
    orderSn: shelf.orderSn(),
    userId: owner?.userId ?? '6999999',
    couponSns: coupons.map(({ sn }) => sn),
    items: products.map(({ id }, index) => ({ productId: id, quantity: 1 + (index % 2) })),
    shippingFee: '5.00',
    wish,
    copies: 1,
    mayFailWith: [],
    ...more,
  };
}

/** Everything that customers do, at random; every tenth order asks for what there is too little of. */
export async function mixedErrands(shelf: Shelf, random: SeededRandom, count = 32): Promise<Errand[]> {
  const [common, other, scarce] = [await shelf.product(), await shelf.product(), await shelf.product(1)];
  const people = [...(await shelf.coupons(count / 2)), ...(await shelf.coupons(count - count / 2, 2))];
  return people.map((coupons, index) => {
    if (index % 10 === 9) return errand(shelf, 'pay', coupons, [common, scarce], { mayFailWith: ['SOLD_OUT'] });
    const wish = MIX[index % MIX.length] ?? 'pay';
    return errand(shelf, wish, coupons, random.shuffle([common, other]));
  });
}

export async function sameWish(shelf: Shelf, wish: Wish, count = 24): Promise<Errand[]> {
  const product = await shelf.product();
  const isFree = wish === 'nothing-to-pay';
  const people = await shelf.coupons(count, 1, isFree ? 'free' : 'tenOff');
  return people.map((coupons) => errand(shelf, wish, coupons, [product], isFree ? { shippingFee: '0.00' } : {}));
}

const WISH_AT: Readonly<Record<BranchPoint['saga'], Wish>> = {
  checkout: 'pay',
  settle: 'pay',
  cancel: 'cancel',
  refund: 'refund',
  reacquire: 'pay-cancelled',
};

/** One order for every branch of every saga, stopped there. */
export async function errandsAtEveryBranch(shelf: Shelf): Promise<Errand[]> {
  const product = await shelf.product();
  const none = await shelf.product(0);
  const people = await shelf.coupons(BRANCH_POINTS.length);
  return BRANCH_POINTS.map((point, index) => {
    const isUndone = point.op === 'compensate';
    return errand(shelf, WISH_AT[point.saga], people[index] ?? [], isUndone ? [product, none] : [product], {
      point,
      mayFailWith: isUndone ? ['SOLD_OUT'] : [],
    });
  });
}
