import { aCoupon } from '../../test/support/builders';
import type { CouponTerms, OwnedCoupon } from '../model';
import type { PreparedCoupon } from '../pricing/prepared';
import { contestantsOf } from './contestants';

function prepared(coupon: OwnedCoupon, lines: readonly number[] = [0]): PreparedCoupon {
  return {
    coupon,
    idNumber: BigInt(coupon.id),
    takesFrom: 'goods',
    lines,
    amountOf: (base) => base,
    readsLines: false,
  };
}

const ids = [1, 2, 3];
const afterOf = (coupons: readonly PreparedCoupon[]): readonly number[] =>
  contestantsOf(coupons).map(({ after }) => after);

describe('twins', () => {
  test('wait for the smaller ids, but for the one that ends first', () => {
    expect(afterOf(ids.map((id) => prepared(aCoupon(id))))).toEqual([-1, -1, 1]);
    expect(afterOf(ids.map((id) => prepared(aCoupon(id, id === 3 ? { validEndMs: 1 } : {}))))).toEqual([-1, 0, -1]);
  });

  test.each<[string, (id: number) => Partial<CouponTerms>]>([
    ['value', (id) => ({ discountValueMinor: BigInt(id) })],
    ['cap', (id) => ({ maxDiscountMinor: BigInt(id) })],
    ['priority', (id) => ({ priority: id })],
    ['parameters', (id) => ({ ruleArgs: { buy_quantity: id } })],
    ['group', (id) => ({ stackGroup: String(id) })],
  ])('differ in nothing: not in %s', (_, termsOf) => {
    expect(afterOf(ids.map((id) => prepared(aCoupon(id, { terms: termsOf(id) }))))).toEqual([-1, -1, -1]);
  });

  test('apply to the same lines', () => {
    expect(afterOf(ids.map((id) => prepared(aCoupon(id), [id])))).toEqual([-1, -1, -1]);
  });

  test('follow each other in the order of application', () => {
    const other = prepared(aCoupon(9, { terms: { discountValueMinor: 1n } }));
    const [a, b, c] = ids.map((id) => prepared(aCoupon(id))) as [PreparedCoupon, PreparedCoupon, PreparedCoupon];
    expect(afterOf([a, other, b, c])).toEqual([-1, -1, -1, -1]);
  });
});
