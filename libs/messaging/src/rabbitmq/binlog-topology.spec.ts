import { binlogTopology } from './binlog-topology';

it('binds one durable queue with a single active consumer to the fanout of changes', () => {
  const { exchanges, queues } = binlogTopology();
  expect(exchanges).toEqual([
    { name: 'coupon.binlog', type: 'fanout' },
    { name: 'coupon.cache', type: 'fanout' },
  ]);
  expect(queues.map(({ name }) => name)).toEqual(['coupon.binlog.l2.dlq', 'coupon.binlog.l2']);
  expect(queues[1]).toMatchObject({
    arguments: { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-single-active-consumer': true },
    bindings: [{ exchange: 'coupon.binlog', routingKey: '' }],
  });
  expect(queues[0]?.arguments).not.toHaveProperty('x-single-active-consumer');
});
