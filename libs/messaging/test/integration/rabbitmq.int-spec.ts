import { connect } from 'amqplib';
import { RabbitMqConsumer, RabbitMqPublisher, RabbitMqQueueInspector, workQueueTopology } from '../../src';
import type { OutgoingMessage, RabbitMqPublisherOptions, Topology } from '../../src';
import { describeEventTransport } from '../conformance/describe-event-transport';
import { silentLogger, startTestBroker } from '../support/broker';
import type { TestBroker } from '../support/broker';
import { soon } from '../support/soon';

const EXCHANGE = 'coupon.events';
const QUEUE = 'worker.claims';
const topology = workQueueTopology({ exchange: EXCHANGE, queue: QUEUE, routingKeys: ['claim.made.v1'] });

describeEventTransport('RabbitMQ', async () => {
  const broker = await startTestBroker();
  const publisher = new RabbitMqPublisher({
    connection: broker.connection('publisher'),
    logger: silentLogger,
    exchange: EXCHANGE,
    topology,
  });
  await publisher.start();
  await soon(() => publisher.status.state === 'open');
  return {
    publisher,
    consumer: (options) =>
      new RabbitMqConsumer({
        connection: broker.connection('consumer'),
        logger: silentLogger,
        queue: QUEUE,
        topology,
        ...options,
      }),
    routed: 'claim.made.v1',
    unrouted: 'nobody.listens.v1',
    queue: QUEUE,
    cutConnections: () => broker.proxy.cut(),
    silence: (silent) => broker.proxy.silenceServer(silent),
    close: () => broker.close(),
  };
});

describe('RabbitMQ adapter', () => {
  let broker: TestBroker;

  beforeEach(async () => {
    broker = await startTestBroker();
  });

  afterEach(async () => {
    await broker.close();
  });

  const publisherOf = async (more: Partial<RabbitMqPublisherOptions> = {}): Promise<RabbitMqPublisher> => {
    const publisher = new RabbitMqPublisher({
      connection: broker.connection(),
      logger: silentLogger,
      exchange: EXCHANGE,
      topology,
      ...more,
    });
    await publisher.start();
    await soon(() => publisher.status.state === 'open');
    return publisher;
  };
  const message = (n: number): OutgoingMessage => ({ id: `e-${n}`, type: 'claim.made.v1', body: '{}', timestampMs: n });

  it('refuses what a full queue does not take, and the broker drops nothing', async () => {
    const publisher = await publisherOf({ topology: limited(100) });
    const results = await publisher.publishBatch(Array.from({ length: 1000 }, (_, n) => message(n)));
    const confirmed = results.filter(({ kind }) => kind === 'confirmed').length;
    const refused = results.filter((result) => result.kind === 'failed' && !result.ambiguous).length;
    expect(confirmed + refused).toBe(1000);
    expect(refused).toBeGreaterThan(0);
    const inspector = new RabbitMqQueueInspector({ connection: broker.connection() });
    await soon(async () => (await inspector.ready(QUEUE)) === confirmed);
    await publisher.close();
  });

  it('invariant 5: publishes persistent messages', async () => {
    const publisher = await publisherOf();
    await publisher.publishBatch([message(1), { ...message(2), queue: QUEUE }]);
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    const modes: unknown[] = [];
    await channel.consume(QUEUE, (got) => got !== null && modes.push(got.properties.deliveryMode), { noAck: true });
    await soon(() => modes.length === 2);
    expect(modes).toEqual([2, 2]);
    await connection.close();
    await publisher.close();
  });

  it('says why it is not open when the broker has another queue of that name', async () => {
    const first = await publisherOf();
    const other = new RabbitMqPublisher({
      connection: broker.connection(),
      logger: silentLogger,
      exchange: EXCHANGE,
      topology: limited(5),
      readyTimeoutMs: 50,
    });
    await other.start();
    await soon(() => (other.status.reason ?? '').includes('inequivalent arg'));
    expect(await other.publishBatch([message(1)])).toMatchObject([{ kind: 'failed', ambiguous: false }]);
    await Promise.all([first.close(), other.close()]);
  });

  it('sends nothing while the broker blocks the connection', async () => {
    const publisher = await publisherOf({ readyTimeoutMs: 200 });
    broker.proxy.injectToClients(connectionMethod(60, Buffer.from('\x0blow on disk')));
    await soon(() => publisher.status.state === 'blocked');
    expect(publisher.status.reason).toBe('low on disk');
    expect(await publisher.publishBatch([message(1)])).toMatchObject([{ kind: 'failed', ambiguous: false }]);
    const waiting = publisher.publishBatch([message(2)]);
    broker.proxy.injectToClients(connectionMethod(61, Buffer.alloc(0)));
    expect(await waiting).toEqual([{ kind: 'confirmed' }]);
    await publisher.close();
  });

  it('gives up a channel on which no confirm arrives', async () => {
    const publisher = await publisherOf({ confirmTimeoutMs: 500 });
    broker.proxy.silenceServer(true);
    const [result] = await publisher.publishBatch([message(1)]);
    expect(result).toMatchObject({ kind: 'failed', ambiguous: true });
    broker.proxy.silenceServer(false);
    broker.proxy.cut();
    await soon(() => publisher.status.state === 'open');
    expect(await publisher.publishBatch([message(1)])).toEqual([{ kind: 'confirmed' }]);
    await publisher.close();
  });

  it('scans a queue: takes what the visitor wants and leaves the rest, without a visit twice', async () => {
    const publisher = await publisherOf();
    await publisher.publishBatch([1, 2, 3, 4].map(message));
    const inspector = new RabbitMqQueueInspector({ connection: broker.connection() });
    await soon(async () => (await inspector.ready(QUEUE)) === 4);
    const seen: string[] = [];
    const taken = await inspector.scan(QUEUE, async ({ id }) => {
      seen.push(id);
      await publisher.publishBatch([message(9)]);
      return id === 'e-2' || id === 'e-3' ? 'take' : 'keep';
    });
    expect(taken).toBe(2);
    expect(seen).toEqual(['e-1', 'e-2', 'e-3', 'e-4']);
    await soon(async () => (await inspector.ready(QUEUE)) === 6);
    expect(await inspector.ready('no-such-queue')).toBeNull();
    await publisher.close();
  });

  it('keeps trying to connect while there is no broker', async () => {
    await broker.proxy.close();
    const publisher = new RabbitMqPublisher({
      connection: broker.connection(),
      logger: silentLogger,
      exchange: EXCHANGE,
      readyTimeoutMs: 50,
    });
    await publisher.start();
    await soon(() => /ECONNREFUSED/.test(publisher.status.reason ?? ''));
    expect(await publisher.publishBatch([message(1)])).toMatchObject([{ kind: 'failed', ambiguous: false }]);
    await publisher.close();
  });
});

function limited(maxLength: number): Topology {
  return workQueueTopology({ exchange: EXCHANGE, queue: QUEUE, routingKeys: ['claim.made.v1'], maxLength });
}

/** A frame of the connection class: type 1, channel 0, size, class 10, method, arguments, end. */
function connectionMethod(method: number, args: Buffer): Buffer {
  const head = Buffer.alloc(11);
  head.writeUInt8(1, 0);
  head.writeUInt16BE(0, 1);
  head.writeUInt32BE(4 + args.length, 3);
  head.writeUInt16BE(10, 7);
  head.writeUInt16BE(method, 9);
  return Buffer.concat([head, args, Buffer.from([0xce])]);
}
