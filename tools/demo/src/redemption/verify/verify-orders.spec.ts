import { ABSENT } from '../story';
import { at, foundAfter, orderOf } from '../../../test/support/flawless-shop';
import type { Damage } from '../../../test/support/flawless-shop';

const DAMAGES: Damage[] = [
  [
    'an order without an end',
    (shop) => {
      orderOf(shop, 'unpaid').status = 'CANCELLING';
    },
    [['transient_order', 1]],
  ],
  [
    'an order that still waits for its payment',
    (shop) => {
      orderOf(shop, 'failed').status = 'AWAITING_PAYMENT';
    },
    [['transient_order', 1]],
  ],
  [
    'a saga without an end',
    (shop) => {
      shop.truth.unfinishedSagas.push({ gid: 'cancel-unpaid', state: 'RUNNING' });
    },
    [['unfinished_saga', 1]],
  ],
  [
    'events that were never published',
    (shop) => {
      shop.truth.unpublishedEvents = 3;
    },
    [['unpublished_event', 3]],
  ],
  [
    'an order that is another one than its client was told',
    (shop) => {
      at(shop.stories, 2).mayEndAs = ['PAID', 'REFUNDED'];
    },
    [['order_fate', 1]],
  ],
  [
    'an order that was accepted and is not there',
    (shop) => {
      shop.stories.push({ orderSn: 'lost', fate: 'paid', mayEndAs: ['PAID'] });
    },
    [['order_fate', 1]],
  ],
  [
    'an order that was refused and is there all the same',
    (shop) => {
      at(shop.stories, 3).mayEndAs = [ABSENT];
    },
    [['order_fate', 1]],
  ],
  [
    'an order that nobody placed',
    (shop) => {
      shop.stories.splice(3, 1);
    },
    [['order_fate', 1]],
  ],
];

describe('verifyRedemption, of orders', () => {
  it.each(DAMAGES)('finds %s, and nothing else', (_, damage, expected) => {
    expect(foundAfter(damage)).toEqual(expected);
  });
});
