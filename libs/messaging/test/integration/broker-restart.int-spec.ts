import { useOwnServers } from '@coupon/testing';
import { AmqpConnection, RabbitMqConsumer, RabbitMqPublisher, workQueueTopology } from '../../src';
import type { OutgoingMessage } from '../../src';
import { silentLogger } from '../support/broker';
import { soon } from '../support/soon';

const own = useOwnServers(['rabbitmq']);
const EXCHANGE = 'coupon.events';
const QUEUE = 'worker.claims';
const SETTLE_MS = 4_000;
const topology = workQueueTopology({ exchange: EXCHANGE, queue: QUEUE, routingKeys: ['claim.made.v1'] });

jest.setTimeout(120_000);

it('loses nothing that was confirmed when the broker is killed and started again, and goes on by itself', async () => {
  const { url } = own.endpoints.rabbitmq;
  const connections = ['publisher', 'consumer'].map(
    (name) => new AmqpConnection({ url, name, logger: silentLogger, minDelayMs: 50, maxDelayMs: 500 }),
  );
  const [publishing, consuming] = connections as [AmqpConnection, AmqpConnection];
  const publisher = new RabbitMqPublisher({
    connection: publishing,
    logger: silentLogger,
    exchange: EXCHANGE,
    topology,
    readyTimeoutMs: 30_000,
  });
  await publisher.start();
  const seen = new Set<string>();
  const consumer = new RabbitMqConsumer({
    connection: consuming,
    logger: silentLogger,
    queue: QUEUE,
    topology,
    prefetch: 100,
    batchSize: 50,
    batchWaitMs: 10,
  });

  const confirmed = new Set<string>();
  let next = 0;
  const publishSome = async (): Promise<void> => {
    const messages: OutgoingMessage[] = Array.from({ length: 50 }, () => {
      next += 1;
      return { id: `e-${next}`, type: 'claim.made.v1', body: '{}', timestampMs: next };
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const results = await publisher.publishBatch(messages);
    messages.forEach(({ id }, index) => {
      if (results[index]?.kind === 'confirmed') confirmed.add(id);
    });
  };
  // RabbitMQ writes down that a quorum queue exists within a second or so; killed before that, it never again confirms anything for it. A
  // queue is declared once in its life: what is tested here is a broker that has had the time.
  const declaredMs = performance.now();
  while (performance.now() - declaredMs < SETTLE_MS) await publishSome();
  const killing = own.servers.rabbitmq.restart();
  for (let round = 0; round < 10; round += 1) await publishSome();
  await killing;
  for (let round = 0; round < 10; round += 1) await publishSome();
  expect(confirmed.size).toBeGreaterThanOrEqual(500);

  await consumer.start(async (batch) => {
    for (const { id } of batch.deliveries) seen.add(id);
    batch.ack(batch.deliveries);
  });
  await soon(() => seen.size >= confirmed.size);
  expect([...confirmed].filter((id) => !seen.has(id))).toEqual([]);
  await own.servers.rabbitmq.restart();
  const before = seen.size;
  await publishSome();
  await soon(() => seen.size > before);
  await consumer.stop();
  await Promise.all([consumer.close(), publisher.close()]);
  await Promise.all(connections.map((connection) => connection.close()));
});
