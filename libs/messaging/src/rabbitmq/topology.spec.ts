import { workQueueTopology } from './topology';

describe('workQueueTopology', () => {
  const { queues } = workQueueTopology({ exchange: 'e', queue: 'q', routingKeys: ['a.v1', 'b.v1'] });
  const queueOf = (name: string): (typeof queues)[number] | undefined => queues.find((queue) => queue.name === name);

  it('invariant 5: dead-letters at least once, and refuses instead of dropping when it is full', () => {
    expect(queueOf('q')?.arguments).toMatchObject({
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'q.dlq',
      'x-dead-letter-strategy': 'at-least-once',
    });
  });

  it('invariant 6: leaves the broker’s own delivery limit as a far net', () => {
    expect(queueOf('q')?.arguments['x-delivery-limit']).toBe(1_000);
  });

  it('keeps dead letters, however often somebody looks at them', () => {
    expect(queueOf('q.dlq')?.arguments).toMatchObject({ 'x-queue-type': 'quorum' });
    expect(Number(queueOf('q.dlq')?.arguments['x-delivery-limit'])).toBeGreaterThanOrEqual(1_000_000);
    expect(queueOf('q.dlq')?.arguments).not.toHaveProperty('x-max-length');
  });

  it('binds the work queue to every routing key, and declares the dead-letter queue before it', () => {
    expect(queueOf('q')?.bindings).toEqual([
      { exchange: 'e', routingKey: 'a.v1' },
      { exchange: 'e', routingKey: 'b.v1' },
    ]);
    expect(queues.map(({ name }) => name)).toEqual(['q.dlq', 'q']);
  });
});
