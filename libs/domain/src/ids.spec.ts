import fc from 'fast-check';
import { isIdText, parseId } from './ids';

describe('ids', () => {
  test('every positive 64-bit integer is an id as text; as a number only while it is exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), (id) => {
        expect(parseId(String(id), 'id')).toBe(String(id));
        const asNumber = Number(id);
        if (Number.isSafeInteger(asNumber)) expect(parseId(asNumber, 'id')).toBe(String(id));
        else expect(() => parseId(asNumber, 'id')).toThrow('decimal string');
      }),
      { seed: 1 },
    );
  });

  test.each(['0', '-1', '01', '1.0', ' 1', '1 ', '', '9223372036854775808', '1'.repeat(20), '1}{2', "1'--", '１'])(
    'the text "%s" is no id',
    (text) => {
      expect(isIdText(text)).toBe(false);
      expect(() => parseId(text, 'user_id')).toThrow(/^user_id: /);
    },
  );

  test('what is missing is said to be missing', () => {
    expect(() => parseId(undefined, 'user_id')).toThrow('user_id: is required');
    expect(() => parseId(null, 'user_id')).toThrow('user_id: is required');
    expect(() => parseId([1], 'user_id')).toThrow('user_id: must be a positive integer');
    expect(() => parseId(1.5, 'user_id')).toThrow('user_id: must be a positive integer');
  });
});
