import { found, named } from '../../verify/violation';
import type { Violation } from '../../verify/violation';
import { ABSENT } from '../story';
import type { OrderStory } from '../story';
import { FINAL_STATUSES } from '../truth';
import type { RedemptionTruth } from '../truth';

/** Nothing is under way any more, and every order ended as its client was told or may expect; none is there that nobody placed. */
export function verifyOrders(truth: RedemptionTruth, stories: readonly OrderStory[]): Violation[] {
  const transient = truth.orders.filter(({ status }) => !FINAL_STATUSES.has(status));
  return found(
    named(
      'transient_order',
      transient.map(({ orderSn, status }) => `${orderSn} ${status}`),
      'orders without an end',
    ),
    named(
      'unfinished_saga',
      truth.unfinishedSagas.map(({ gid, state }) => `${gid} ${state}`),
      'sagas without an end',
    ),
    {
      kind: 'unpublished_event',
      count: truth.unpublishedEvents,
      detail: 'events that were written with an order or coupon and never published',
    },
    named('order_fate', wrongFates(truth, stories), 'orders that ended otherwise than their clients may expect'),
  );
}

function wrongFates({ orders }: RedemptionTruth, stories: readonly OrderStory[]): string[] {
  const statuses = new Map(orders.map(({ orderSn, status }) => [orderSn, status]));
  const told = new Set(stories.map(({ orderSn }) => orderSn));
  const strangers = orders.filter(({ orderSn }) => !told.has(orderSn)).map(({ orderSn }) => `${orderSn}: of nobody`);
  const wrong = stories.flatMap(({ orderSn, fate, mayEndAs }) => {
    const status = statuses.get(orderSn) ?? ABSENT;
    // An order without an end has been reported as such.
    const isOpen = status !== ABSENT && !FINAL_STATUSES.has(status);
    return isOpen || mayEndAs.includes(status) ? [] : [`${orderSn} (${fate}): ${status}`];
  });
  return [...strangers, ...wrong];
}
