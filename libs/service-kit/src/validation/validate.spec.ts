import { InvalidArgumentError } from '@coupon/domain';
import { z } from 'zod';
import { jsonPath, validate } from './validate';

const schema = z.strictObject({
  name: z.string().max(5),
  order_items: z.array(z.strictObject({ price: z.number() })),
});

function violationsOf(value: unknown): string[] {
  try {
    validate(schema, value);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return error.violations.map(({ field, message }) => `${field}: ${message}`);
  }
}

describe('validate', () => {
  it('names every field with its JSON path', () => {
    expect(violationsOf({ name: 'too long', order_items: [{ price: 1 }, { price: 'x' }, {}] })).toEqual([
      expect.stringMatching(/^name: /) as string,
      expect.stringMatching(/^order_items\[1\]\.price: /) as string,
      'order_items[2].price: is required',
    ]);
  });

  it('names unknown fields, also inside a list', () => {
    expect(violationsOf({ name: 'a', order_items: [{ price: 1, colour: 2 }], extra: 1 })).toEqual(
      expect.arrayContaining(['order_items[0].colour: is not a known field', 'extra: is not a known field']),
    );
  });

  it.each([undefined, null, [], 'text', 7])('names the body when it is %p', (value) => {
    expect(violationsOf(value)[0]).toMatch(/^body: /);
  });

  it('gives back what the schema made of the value', () => {
    expect(validate(z.object({ n: z.coerce.number() }), { n: '7' })).toEqual({ n: 7 });
  });
});

describe('jsonPath', () => {
  it('writes keys with dots and indexes with brackets', () => {
    expect(jsonPath(['order_items', 2, 'price'])).toBe('order_items[2].price');
    expect(jsonPath([])).toBe('');
  });
});
