import { seededRandom } from '@coupon/testing';
import { nextOrderSn, planOrders } from './plan-orders';
import type { PlannedOrder, Winner } from './plan-orders';

const winners: Winner[] = Array.from({ length: 500 }, (_, index) => ({
  userId: String(1_000 + index),
  saleSn: `SALE${String(index).padStart(22, '0')}001`,
  furtherSns: [`RATIO${index}`, `SHIP${index}`].slice(0, index % 3),
  giftSn: index % 50 === 0 ? `GIFT${index}` : undefined,
}));
const products = [
  { id: '1', priceMinor: 499n, isScarce: false },
  { id: '2', priceMinor: 5995n, isScarce: false },
  { id: '3', priceMinor: 24950n, isScarce: false },
  { id: '4', priceMinor: 14900n, isScarce: true },
];
const plan = (seed: number, of = winners): PlannedOrder[] =>
  planOrders({ winners: of, products, prefix: 'dx', random: seededRandom(seed) });
const priceOf = new Map(products.map(({ id, priceMinor }) => [id, priceMinor]));
const goodsTotal = ({ items }: PlannedOrder): bigint =>
  items.reduce((total, { productId, quantity }) => total + (priceOf.get(productId) ?? 0n) * BigInt(quantity), 0n);

describe('planOrders', () => {
  const orders = plan(1);
  const of = (fate: PlannedOrder['fate']): PlannedOrder[] => orders.filter((order) => order.fate === fate);

  it('gives the same orders for the same seed and others for another', () => {
    expect(plan(1)).toEqual(orders);
    expect(plan(2)).not.toEqual(orders);
  });

  it('lets every winner order once, under numbers of one length that are nobody else’s', () => {
    expect(new Set(orders.map(({ userId }) => userId)).size).toBe(500);
    expect(new Set(orders.map(({ orderSn }) => orderSn)).size).toBe(500);
    expect(new Set([...orders.map(({ orderSn }) => orderSn.length), nextOrderSn('dx-000001-1').length]).size).toBe(1);
    expect(orders.some(({ orderSn }) => orderSn === nextOrderSn(orders[0]?.orderSn ?? ''))).toBe(false);
  });

  it.each([
    ['refused', 39],
    ['declined', 39],
    ['timed_out', 39],
    ['late', 25],
    ['late_and_taken', 10],
    ['cancelled', 20],
    ['refunded', 39],
    ['free', 10],
  ] as const)('has orders of fate %s', (fate, times) => {
    expect(of(fate)).toHaveLength(times);
  });

  it('has one to three coupons of the buyer in every order that is not to be refused', () => {
    const numbers = new Set(orders.filter(({ refusal }) => !refusal).map(({ couponSns }) => couponSns.length));
    expect([...numbers].sort()).toEqual([1, 2, 3]);
  });

  it('has every kind of refusal, each with what makes it one', () => {
    const refused = new Map(of('refused').map((order) => [order.refusal, order]));
    expect([...refused.keys()].sort()).toEqual(['below_minimum', 'foreign_coupon', 'six_coupons', 'unknown_coupon']);
    const everybodys = new Set(winners.flatMap(({ saleSn, furtherSns }) => [saleSn, ...furtherSns]));
    const all = of('refused');
    const owners = new Map(winners.map(({ saleSn, userId }) => [saleSn, userId]));
    for (const order of all) {
      const { couponSns, userId } = order;
      expect(new Set(couponSns).size).toBe(couponSns.length);
      if (order.refusal === 'six_coupons') expect(couponSns).toHaveLength(6);
      if (order.refusal === 'below_minimum') expect(goodsTotal(order)).toBeLessThan(10_000n);
      if (order.refusal === 'unknown_coupon') expect(couponSns.some((sn) => !everybodys.has(sn))).toBe(true);
      if (order.refusal === 'foreign_coupon') {
        expect(couponSns.some((sn) => owners.has(sn) && owners.get(sn) !== userId)).toBe(true);
      }
    }
  });

  it('has enough in every cart for the coupon of the sale otherwise', () => {
    expect(orders.filter(({ refusal }) => refusal !== 'below_minimum').every((o) => goodsTotal(o) >= 10_000n)).toBe(
      true,
    );
  });

  it('has repeated checkouts and notifications, second captures, and orders that may come too late for the stock', () => {
    expect(orders.some(({ checkouts }) => checkouts === 3)).toBe(true);
    expect(of('paid').some(({ isCapturedTwice }) => isCapturedTwice)).toBe(true);
    expect(of('paid').some(({ mayBeSoldOut }) => mayBeSoldOut)).toBe(true);
  });

  it('does with few winners, and with none', () => {
    expect(plan(1, winners.slice(1, 4))).toHaveLength(3);
    expect(plan(1, [])).toEqual([]);
  });
});
