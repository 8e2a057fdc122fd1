import { InvalidArgumentError } from '@coupon/domain';
import { calculate } from '../src/calculate';
import { parseInlineCoupons } from '../src/input/parse-coupons';
import { parseOrder } from '../src/input/parse-order';
import { amountOff, anOrder, percentOff } from './support/builders';
import { NOW_MS } from './support/random-case';

const line = { goods_id: 1, category_id: '2', quantity: 1, price: '10.00' };
const body = (changes: object = {}, item: object = {}): unknown => ({
  order_items: [line, { ...line, ...item }],
  shipping_fee: 5,
  ...changes,
});

describe('an order as requests carry it', () => {
  test('amounts as text or number, ids as number or text, category and fee left out', () => {
    const order = parseOrder({ order_items: [{ goods_id: '9', quantity: 3, price: 0.1 }, line], more: 1 });
    expect(order).toEqual({
      lines: [
        { goodsId: '9', categoryId: null, quantity: 3, priceMinor: 10n },
        { goodsId: '1', categoryId: '2', quantity: 1, priceMinor: 1000n },
      ],
      shippingFeeMinor: 0n,
    });
  });

  test.each<[string, unknown, string]>([
    ['a negative price', body({}, { price: -1 }), 'order_items[1].price'],
    ['a negative price as text', body({}, { price: '-1.00' }), 'order_items[1].price'],
    ['three decimals', body({}, { price: 0.001 }), 'order_items[1].price'],
    ['three decimals as text', body({}, { price: '0.001' }), 'order_items[1].price'],
    ['a double that is no two-decimal value', body({}, { price: 0.1 + 0.2 }), 'order_items[1].price'],
    ['no price', body({}, { price: undefined }), 'order_items[1].price'],
    ['a negative fee', body({ shipping_fee: '-0.01' }), 'shipping_fee'],
    ['a fee with three decimals', body({ shipping_fee: 1.005 }), 'shipping_fee'],
    ['no quantity', body({}, { quantity: undefined }), 'order_items[1].quantity'],
    ['quantity 0', body({}, { quantity: 0 }), 'order_items[1].quantity'],
    ['half a unit', body({}, { quantity: 1.5 }), 'order_items[1].quantity'],
    ['a quantity as text', body({}, { quantity: '1' }), 'order_items[1].quantity'],
    ['over a million units', body({}, { quantity: 1_000_001 }), 'order_items[1].quantity'],
    ['a goods id with a leading zero', body({}, { goods_id: '01' }), 'order_items[1].goods_id'],
    ['no goods id', body({}, { goods_id: null }), 'order_items[1].goods_id'],
    ['no lines', body({ order_items: [] }), 'order_items'],
    ['no list', body({ order_items: {} }), 'order_items'],
    ['a line that is no object', body({ order_items: [1] }), 'order_items[0]'],
    ['501 lines', body({ order_items: new Array(501).fill(line) }), 'order_items'],
    [
      'a total over 99,999,999.99',
      body({ order_items: [{ ...line, price: 99_999_999.99 }], shipping_fee: 0.01 }),
      'order_items',
    ],
    ['a million expensive units', body({}, { quantity: 1_000_000, price: '99999999.99' }), 'order_items'],
    ['no body', null, 'body'],
  ])('%s is refused by the name of the field', (_, value, field) => {
    expect(() => parseOrder(value)).toThrow(InvalidArgumentError);
    expect(() => parseOrder(value)).toThrow(new RegExp(`^${field.replace(/[[\].]/g, '\\$&')}: `));
  });

  test('500 lines and the largest total are accepted', () => {
    const free = { ...line, price: 0 };
    const order_items = [{ ...line, price: '99999999.98' }, ...new Array<object>(499).fill(free)];
    expect(parseOrder({ order_items, shipping_fee: '0.01' }).lines).toHaveLength(500);
  });

  test('everything that is wrong is told at once', () => {
    const error = (() => {
      try {
        return parseOrder(body({ shipping_fee: -1 }, { price: '', quantity: 0 }));
      } catch (caught) {
        return caught;
      }
    })();
    expect((error as InvalidArgumentError).violations.map(({ field }) => field)).toEqual([
      'order_items[1].quantity',
      'order_items[1].price',
      'shipping_fee',
    ]);
  });
});

describe('coupons given inline', () => {
  const coupon = {
    id: 5,
    type: 1,
    discount_type: 1,
    discount_value: '1.50',
    valid_start_time: '2026-11-21T00:00:00Z',
    valid_end_time: '2026-11-22T00:00:00+08:00',
  };

  test('absent columns have their defaults', () => {
    expect(parseInlineCoupons([coupon])).toEqual([
      {
        owned: true,
        id: '5',
        sn: null,
        templateId: null,
        status: 1,
        orderSn: null,
        validStartMs: Date.UTC(2026, 10, 21),
        validEndMs: Date.UTC(2026, 10, 21, 16),
        templateStatus: 1,
        terms: {
          type: 1,
          discountType: 1,
          discountValueMinor: 150n,
          minAmountMinor: 0n,
          maxDiscountMinor: null,
          ruleArgs: null,
          applicableGoods: null,
          applicableCategories: null,
          excludedGoods: [],
          excludedCategories: [],
          priority: 0,
          stackGroup: null,
          stackable: true,
        },
      },
    ]);
  });

  test('every column is read', () => {
    const [read] = parseInlineCoupons([
      {
        ...coupon,
        type: 2,
        discount_type: 2,
        discount_value: 12.5,
        min_amount: 3,
        max_discount: '4.00',
        applicable_goods: [1, '2'],
        applicable_categories: [],
        excluded_goods: ['3'],
        excluded_categories: null,
        priority: -4,
        stack_group: 'g',
        stackable: false,
        status: 2,
      },
    ]);
    expect(read?.templateStatus).toBe(2);
    expect(read?.terms).toEqual({
      type: 2,
      discountType: 2,
      discountValueMinor: 1250n,
      minAmountMinor: 300n,
      maxDiscountMinor: 400n,
      ruleArgs: null,
      applicableGoods: ['1', '2'],
      applicableCategories: [],
      excludedGoods: ['3'],
      excludedCategories: [],
      priority: -4,
      stackGroup: 'g',
      stackable: false,
    });
  });

  test.each<[string, object, string]>([
    ['an unknown type', { type: 9 }, 'coupons[0].type'],
    ['type and discount_type that disagree', { discount_type: 2 }, 'coupons[0].discount_type'],
    ['max_discount on another type than 2', { max_discount: 1 }, 'coupons[0].max_discount'],
    ['a ratio over 100', { type: 2, discount_type: 2, discount_value: 100.01 }, 'coupons[0].discount_value'],
    ['a ratio of 0', { type: 2, discount_type: 2, discount_value: 0 }, 'coupons[0].discount_value'],
    ['a negative value', { discount_value: -1 }, 'coupons[0].discount_value'],
    ['a value with three decimals', { discount_value: '1.005' }, 'coupons[0].discount_value'],
    ['a negative min_amount', { min_amount: '-1' }, 'coupons[0].min_amount'],
    ['no id', { id: undefined }, 'coupons[0].id'],
    ['a time without zone', { valid_end_time: '2026-11-22T00:00:00' }, 'coupons[0].valid_end_time'],
    ['no time', { valid_start_time: undefined }, 'coupons[0].valid_start_time'],
    ['a list that holds no ids', { applicable_goods: ['x'] }, 'coupons[0].applicable_goods[0]'],
    ['goods that are no list', { excluded_goods: 5 }, 'coupons[0].excluded_goods'],
    ['an empty group', { stack_group: '' }, 'coupons[0].stack_group'],
    ['a status no template has', { status: 3 }, 'coupons[0].status'],
    ['a priority that is no integer', { priority: 0.5 }, 'coupons[0].priority'],
    ['stackable as a number', { stackable: 1 }, 'coupons[0].stackable'],
    ['tiers without order', { type: 4, discount_value: 0, rule_args: { tiers: [] } }, 'coupons[0].rule_args.tiers'],
  ])('%s is refused by the name of the field', (_, changes, field) => {
    const parse = (): unknown => parseInlineCoupons([{ ...coupon, ...changes }]);
    expect(parse).toThrow(InvalidArgumentError);
    expect(parse).toThrow(`${field}: `);
  });

  test('the same id twice is refused, also as number and text', () => {
    expect(() => parseInlineCoupons([coupon, { ...coupon, id: '5' }])).toThrow('coupons[1]: is in the list twice');
  });

  test.each([undefined, null, {}])('%p is no list', (value) => {
    expect(() => parseInlineCoupons(value)).toThrow('coupons: ');
  });
});

describe('what reaches the calculator by other ways is checked, too', () => {
  const request = { order: anOrder([[100]]), coupons: [], mode: 'given', nowMs: NOW_MS } as const;

  test.each([
    [{ order: { lines: [], shippingFeeMinor: 0n } }, 'order_items: '],
    [{ order: anOrder([[-1]]) }, 'order_items[0].price: '],
    [{ order: anOrder([[1, 0]]) }, 'order_items[0].quantity: '],
    [{ order: anOrder([[1]], -1) }, 'shipping_fee: '],
    [{ order: anOrder([[9_999_999_999, 2]]) }, 'order_items: '],
    [{ coupons: [amountOff(1, 1), amountOff(1, 2)] }, 'coupons[1]: is in the list twice'],
    [
      {
        coupons: [
          { owned: false, id: null, sn: 'x' },
          { ...amountOff(1, 1), sn: 'x' },
        ] as const,
      },
      'coupons[1]: ',
    ],
    [{ coupons: [percentOff(1, 0)] }, 'coupons[0].discount_value: '],
    [{ coupons: [amountOff(1, 1, { type: 7 })] }, 'coupons[0].type: '],
  ])('%#', (changes, message) => {
    expect(() => calculate({ ...request, ...changes })).toThrow(InvalidArgumentError);
    expect(() => calculate({ ...request, ...changes })).toThrow(message);
  });
});
