import { at, foundAfter } from '../../../test/support/flawless-shop';
import type { Damage } from '../../../test/support/flawless-shop';

const DAMAGES: Damage[] = [
  [
    'a unit that is nowhere',
    (shop) => {
      at(shop.truth.products, 0).stock -= 1;
    },
    [['stock', 1]],
  ],
  [
    'a unit that was sold twice',
    (shop) => {
      at(shop.truth.products, 1).stock += 1;
    },
    [['stock', 1]],
  ],
  [
    'units that are still held for an order that was cancelled',
    (shop) => {
      at(shop.truth.reservations, 3).state = 'RESERVED';
      Object.assign(at(shop.truth.products, 0), { stock: 96, reserved: 2 });
    },
    [['stock_reserved', 2]],
  ],
  [
    'a paid order that did not get all it paid for',
    (shop) => {
      at(shop.truth.reservations, 0).quantity = 1;
      at(shop.truth.products, 0).stock = 99;
    },
    [['reservation', 1]],
  ],
  [
    'a refunded order that kept its goods',
    (shop) => {
      at(shop.truth.reservations, 2).state = 'COMMITTED';
      at(shop.truth.products, 0).stock = 96;
    },
    [['reservation', 1]],
  ],
  [
    'goods that were sold to an order that does not exist',
    (shop) => {
      shop.truth.reservations.push({ orderSn: 'nobody', productId: '10', quantity: 1, state: 'COMMITTED' });
      at(shop.truth.products, 0).stock = 97;
    },
    [['reservation', 1]],
  ],
];

describe('verifyRedemption, of stock', () => {
  it.each(DAMAGES)('finds %s, and nothing else', (_, damage, expected) => {
    expect(foundAfter(damage)).toEqual(expected);
  });
});
