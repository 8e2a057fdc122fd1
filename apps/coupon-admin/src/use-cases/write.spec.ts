import fc from 'fast-check';
import { canonicalJson } from './write';

it('writes equal requests alike, whatever the order of their names', () => {
  expect(canonicalJson({ b: [1, { d: 2n, c: null }], a: 'x' })).toBe('{"a":"x","b":[1,{"c":null,"d":"2"}]}');
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalJson(reversed)).toBe(canonicalJson(value));
    }),
    { seed: 3 },
  );
});

it('tells different requests apart', () => {
  expect(canonicalJson({ a: [1, 2] })).not.toBe(canonicalJson({ a: [2, 1] }));
  expect(canonicalJson({ a: null })).not.toBe(canonicalJson({}));
});
