import fc from 'fast-check';
import { InvalidArgumentError } from './app-error';
import { MAX_AMOUNT_MINOR, formatMoney, parseMoney } from './money';

const minorUnits = fc.bigInt({ min: 0n, max: MAX_AMOUNT_MINOR });

describe('money', () => {
  test('every amount survives being written and read, as text and as a JSON number', () => {
    fc.assert(
      fc.property(minorUnits, (minor) => {
        const text = formatMoney(minor);
        expect(parseMoney(text, 'price')).toBe(minor);
        expect(parseMoney(JSON.parse(text), 'price')).toBe(minor);
      }),
      { seed: 1 },
    );
  });

  test('a JSON number is accepted if and only if it is the double nearest to a two-decimal value', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (value) => {
        const nearest = Number(value.toFixed(2));
        if (Object.is(value, -0)) return;
        if (nearest === value) expect(parseMoney(value, 'price')).toBe(BigInt(Math.round(value * 100)));
        else expect(() => parseMoney(value, 'price')).toThrow(InvalidArgumentError);
      }),
      { seed: 2, numRuns: 1_000 },
    );
    expect(parseMoney(0.5 + 0.25, 'price')).toBe(75n);
    expect(() => parseMoney(0.1 + 0.2, 'price')).toThrow('price: must have at most two decimals');
  });

  test.each(['12.345', '-1', '+1', '1e3', '.5', '1.', '', ' 1', '1,50', '0x10', '١', '9'.repeat(40)])(
    'the text "%s" is refused by the name of the field, never rounded',
    (text) => {
      expect(() => parseMoney(text, 'order_items[2].price')).toThrow(/^order_items\[2\]\.price: /);
    },
  );

  test.each([[-1], [-0], [Number.NaN], [Number.POSITIVE_INFINITY], [1e300], [null], [undefined], [true], [{}]])(
    '%p is no amount',
    (value) => {
      expect(() => parseMoney(value, 'price')).toThrow(InvalidArgumentError);
    },
  );

  test('the largest amount is 99,999,999.99', () => {
    expect(parseMoney('99999999.99', 'price')).toBe(MAX_AMOUNT_MINOR);
    expect(() => parseMoney('100000000', 'price')).toThrow('at most 99999999.99');
    expect(formatMoney(-5n)).toBe('-0.05');
  });
});
