import { PAYMENT_TIMEOUT_QUEUE, mustReachQueue, paymentTopology } from './event-topology';

describe('paymentTopology', () => {
  const { exchanges, queues } = paymentTopology(600_000);
  const delay = queues.find(({ name }) => name === 'saga.payment-delay.600000');

  it('makes an order wait for the time to pay, in a queue that loses nothing on the way out', () => {
    expect(delay).toEqual({
      name: 'saga.payment-delay.600000',
      arguments: {
        ...{ 'x-queue-type': 'quorum', 'x-message-ttl': 600_000, 'x-overflow': 'reject-publish' },
        ...{ 'x-dead-letter-exchange': 'coupon.events', 'x-dead-letter-routing-key': 'order.payment_timeout.v1' },
        'x-dead-letter-strategy': 'at-least-once',
      },
      bindings: [{ exchange: 'coupon.events', routingKey: 'order.created.v1' }],
    });
    expect(exchanges).toEqual([{ name: 'coupon.events', type: 'topic' }]);
  });

  it('declares what messages leave for before what they leave', () => {
    const names = queues.map(({ name }) => name);
    expect(names.indexOf('saga.payment-timeout.dlq')).toBeLessThan(names.indexOf(PAYMENT_TIMEOUT_QUEUE));
    expect(names.indexOf(PAYMENT_TIMEOUT_QUEUE)).toBeLessThan(names.indexOf('saga.payment-delay.600000'));
  });

  it('has a queue for every event that must reach one', () => {
    const bound = new Set(queues.flatMap(({ bindings }) => bindings.map(({ routingKey }) => routingKey)));
    expect(mustReachQueue('order.created.v1')).toBe(true);
    expect(mustReachQueue('order.paid.v1')).toBe(false);
    expect([...bound].filter(mustReachQueue)).toEqual(['order.created.v1']);
  });
});
