import { allocationOf, refundOf } from '../src/refund/refund';
import type { RefundRequest } from '../src/refund/refund';
import { amountOff, anOrder, freeShipping, percentOff, priceWith } from './support/builders';

const order = anOrder(
  [
    [100, 3],
    [50, 2],
  ],
  700,
);
const quote = priceWith(order, [amountOff(1, 100), percentOff(2, 3333), freeShipping(3, { discountValueMinor: 300n })]);
const allocation = allocationOf(order, quote);

describe('refund', () => {
  test('all units and the fee return exactly what was paid', () => {
    const all = {
      units: [
        { index: 0, from: 0, count: 3 },
        { index: 1, from: 0, count: 2 },
      ],
      shipping: true,
    };
    expect(refundOf(allocation, all)).toEqual({ paidMinor: quote.finalMinor, discountMinor: quote.discountMinor });
  });

  test('each unit returns its own share, however often the parts are cut', () => {
    const single = [0, 1, 2].map((from) =>
      refundOf(allocation, { units: [{ index: 0, from, count: 1 }], shipping: false }),
    );
    const shares = quote.applied.flatMap(({ lines }) => lines.filter(({ index }) => index === 0));
    const expected = shares.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
    expect(single.reduce((sum, { discountMinor }) => sum + discountMinor, 0n)).toBe(expected);
    expect(single.every(({ paidMinor, discountMinor }) => paidMinor + discountMinor === 100n)).toBe(true);
  });

  test('the shipping discount goes with the fee and with nothing else', () => {
    expect(refundOf(allocation, { units: [], shipping: true })).toEqual({ paidMinor: 400n, discountMinor: 300n });
    const goods = refundOf(allocation, {
      units: [
        { index: 0, from: 0, count: 3 },
        { index: 1, from: 0, count: 2 },
      ],
      shipping: false,
    });
    expect(goods.discountMinor).toBe(quote.discountMinor - 300n);
  });

  test.each<[string, RefundRequest['units'], string]>([
    ['a line that is not there', [{ index: 2, from: 0, count: 1 }], 'units[0].index: '],
    ['more units than there are', [{ index: 0, from: 2, count: 2 }], 'units[0]: '],
    ['no unit', [{ index: 0, from: 0, count: 0 }], 'units[0]: '],
    ['half a unit', [{ index: 0, from: 0, count: 0.5 }], 'units[0]: '],
    [
      'a unit twice',
      [
        { index: 0, from: 0, count: 2 },
        { index: 0, from: 1, count: 1 },
      ],
      'units[1]: names a unit twice',
    ],
  ])('%s is refused', (_, units, message) => {
    expect(() => refundOf(allocation, { units, shipping: false })).toThrow(message);
  });
});
