import type { RedemptionTruth } from '@coupon/demo';
import type { SagaTruth } from './saga-truth';
import { verifySagas } from './verify-sagas';

type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;

interface Story {
  sagas: Mutable<SagaTruth>;
  orders: { orderSn: string; status: string }[];
  transitions: { couponId: string; from: number; to: number; orderSn: string | null }[];
}

/** Orders of every end, and one that was cancelled and paid all the same; coupon 1 was used, 2 was used and given back. */
function aQuietStory(): Story {
  return {
    sagas: {
      runs: [
        { gid: 'checkout-p', orderSn: 'p', state: 'SUCCEEDED' },
        { gid: 'checkout-f', orderSn: 'f', state: 'FAILED' },
      ],
      transactions: [
        { gid: 'checkout-p', status: 'succeed' },
        { gid: 'checkout-f', status: 'failed' },
      ],
      barriers: [
        { gid: 'checkout-p', branchId: '01', op: 'action' },
        { gid: 'checkout-f', branchId: '01', op: 'action' },
        { gid: 'checkout-f', branchId: '01', op: 'compensate' },
      ],
      orderEvents: [
        { orderSn: 'p', type: 'order.created.v1' },
        { orderSn: 'p', type: 'order.paid.v1' },
        { orderSn: 'c', type: 'order.created.v1' },
        { orderSn: 'c', type: 'order.cancelled.v1' },
        { orderSn: 'l', type: 'order.created.v1' },
        { orderSn: 'l', type: 'order.cancelled.v1' },
        { orderSn: 'l', type: 'order.paid.v1' },
        { orderSn: 'r', type: 'order.refunded.v1' },
      ],
      couponEvents: [
        { couponId: '1', type: 'coupon.locked.v1' },
        { couponId: '1', type: 'coupon.used.v1' },
        { couponId: '2', type: 'coupon.reverted.v1' },
        { couponId: '2', type: 'coupon.unlocked.v1' },
      ],
    },
    orders: [
      { orderSn: 'p', status: 'PAID' },
      { orderSn: 'f', status: 'FAILED' },
      { orderSn: 'c', status: 'CANCELLED' },
      { orderSn: 'l', status: 'PAID' },
      { orderSn: 'r', status: 'REFUNDED' },
      { orderSn: 't', status: 'SETTLING' },
    ],
    transitions: [
      { couponId: '1', from: 1, to: 2, orderSn: 'p' },
      { couponId: '1', from: 2, to: 3, orderSn: 'p' },
      { couponId: '2', from: 3, to: 1, orderSn: 'r' },
      { couponId: '2', from: 2, to: 1, orderSn: 'r' },
    ],
  };
}

const kinds = ({ sagas, orders, transitions }: Story): [string, number][] =>
  verifySagas(sagas, { orders, transitions } as unknown as RedemptionTruth).map(({ kind, count }) => [kind, count]);

const at = <T>(rows: readonly T[], index: number): T => rows[index] as T;

describe('verifySagas', () => {
  it('finds nothing where everything is right', () => {
    expect(kinds(aQuietStory())).toEqual([]);
  });

  it.each<[string, (story: Story) => void, string]>([
    [
      'a saga that DTM has rolled back and the shop calls a success',
      (s) => (at(s.sagas.transactions, 0).status = 'failed'),
      'saga_state saga_barrier',
    ],
    [
      'a saga that DTM does not know',
      (s) => s.sagas.runs.push({ gid: 'settle-x', orderSn: 'p', state: 'SUCCEEDED' }),
      'saga_state',
    ],
    ['a saga of nobody', (s) => s.sagas.transactions.push({ gid: 'x', status: 'succeed' }), 'saga_state'],
    [
      'a saga without an end',
      (s) => {
        at(s.sagas.runs, 0).state = 'RUNNING';
        at(s.sagas.transactions, 0).status = 'submitted';
      },
      'saga_state',
    ],
    [
      'a branch that ran after the rollback',
      (s) => s.sagas.barriers.push({ gid: 'checkout-f', branchId: '03', op: 'action' }),
      'saga_barrier',
    ],
    [
      'a branch that was undone although the saga succeeded',
      (s) => s.sagas.barriers.push({ gid: 'checkout-p', branchId: '01', op: 'compensate' }),
      'saga_barrier',
    ],
    [
      'an order that was paid twice',
      (s) => s.sagas.orderEvents.push({ orderSn: 'p', type: 'order.paid.v1' }),
      'order_end',
    ],
    [
      'a paid order that also said it was refunded',
      (s) => s.sagas.orderEvents.push({ orderSn: 'p', type: 'order.refunded.v1' }),
      'order_end',
    ],
    ['a paid order that said nothing of it', (s) => s.sagas.orderEvents.splice(1, 1), 'order_end'],
    [
      'a failed order that said it was created',
      (s) => s.sagas.orderEvents.push({ orderSn: 'f', type: 'order.created.v1' }),
      'order_end',
    ],
    [
      'an event of an order of nobody',
      (s) => s.sagas.orderEvents.push({ orderSn: 'x', type: 'order.created.v1' }),
      'order_end',
    ],
    [
      'a coupon event that was told twice',
      (s) => s.sagas.couponEvents.push({ couponId: '1', type: 'coupon.used.v1' }),
      'coupon_event',
    ],
    ['a move of a coupon that was never told', (s) => s.sagas.couponEvents.splice(0, 2), 'coupon_event'],
  ])('finds %s', (_, damage, expected) => {
    const story = aQuietStory();
    damage(story);
    expect(kinds(story)).toEqual(expected.split(' ').map((kind) => [kind, 1]));
  });
});
