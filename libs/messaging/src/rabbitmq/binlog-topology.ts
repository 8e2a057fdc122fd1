import { BINLOG_EXCHANGE, BINLOG_L2_QUEUE, CACHE_EXCHANGE } from '@coupon/contracts';
import { deadLetterQueueOf, workQueueTopology } from './topology';
import type { Topology } from './topology';

/**
 * The bus of the caches: both fanout exchanges, the durable queue of the process that drops the shared level, and its dead-letter queue.
 * Declared by whoever publishes and by whoever consumes. One consumer at a time: changes are handled in their order. Every further
 * listener binds an exclusive queue of its own.
 */
export function binlogTopology(): Topology {
  const work = workQueueTopology({ exchange: BINLOG_EXCHANGE, queue: BINLOG_L2_QUEUE, routingKeys: [''] });
  return {
    exchanges: [
      { name: BINLOG_EXCHANGE, type: 'fanout' },
      { name: CACHE_EXCHANGE, type: 'fanout' },
    ],
    queues: work.queues.map((queue) =>
      queue.name === deadLetterQueueOf(BINLOG_L2_QUEUE)
        ? queue
        : { ...queue, arguments: { ...queue.arguments, 'x-single-active-consumer': true } },
    ),
  };
}
