import { pino } from 'pino';
import { OutboxStream, createClaimRedis } from '@coupon/lua';
import { AmqpConnection, RabbitMqPublisher } from '@coupon/messaging';
import type { EventPublisher, PublishResult } from '@coupon/messaging';
import { systemClock } from '@coupon/service-kit';
import { TcpProxy, eventually, useRedisDatabase, useVhost } from '@coupon/testing';
import { EVENTS_EXCHANGE, claimTopology } from '../../src/claim-queue';
import type { Worker } from '../../src/create-worker';
import { RelayOutbox } from '../../src/use-cases/relay-outbox.use-case';
import type { RelayOptions } from '../../src/use-cases/relay-outbox.use-case';
import { BrokerProbe } from '../support/broker';
import { useWorkerDatabase } from '../support/database';
import { TestSale } from '../support/sale';
import { startWorker, stopAll } from '../support/worker';

const db = useWorkerDatabase();
const vhost = useVhost();
const database = useRedisDatabase();
const workers: Worker[] = [];
const soon = <T>(check: () => T | Promise<T>): Promise<T> => eventually(check, { timeoutMs: 30_000, intervalMs: 50 });
const silent = pino({ level: 'silent' });

let redis: ReturnType<typeof createClaimRedis>;
let probe: BrokerProbe;
let outbox: OutboxStream;

beforeAll(async () => {
  redis = createClaimRedis(database.url);
  await redis.connect();
  outbox = new OutboxStream(redis);
  probe = await new BrokerProbe(vhost.url).open();
});
afterEach(async () => {
  await stopAll(workers);
});
afterAll(async () => {
  await probe.close();
  redis.disconnect();
});

const start = async (environment: Record<string, string> = {}, amqpUrl = vhost.url): Promise<Worker> => {
  const worker = await startWorker({ mysqlUrl: db.database.url, redisUrl: database.url, amqpUrl }, environment);
  workers.push(worker);
  return worker;
};
const openSale = async (total = 10_000): Promise<TestSale> =>
  new TestSale(redis, await db.anActivity({ total })).open({ total });

it('brings every claim of a sale into MySQL, marks it persisted, and finds a new activity within a second', async () => {
  await Promise.all([start(), start()]);
  const sale = await openSale();
  const startedMs = performance.now();
  await sale.claim(1);
  await soon(async () => expect((await db.totals(sale.id)).coupons).toBe(1));
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  await sale.claim(2000, 100);
  await soon(async () => {
    expect(await db.totals(sale.id)).toEqual({ success_count: 2001, coupons: 2001, live: 2001, events: 2001 });
    expect(await sale.store.snapshot(sale.id)).toMatchObject({
      eventSeq: 2001,
      persistedEvents: 2001,
      persistedUnits: 2001,
    });
    expect(await outbox.pending(sale.id)).toEqual({ length: 0, pending: 0 });
  });
  expect(await probe.deadLetters()).toEqual([]);
});

it('stores the release of a claim after the claim, whichever instance handles which', async () => {
  await Promise.all([start(), start()]);
  const sale = await openSale(50);
  const claims = await sale.claim(50);
  for (const [index, claimId] of claims.slice(0, 20).entries()) {
    const settled = await sale.store.settle(sale.id, {
      op: 'release',
      claimId,
      userId: String(index + 1) as never,
      epoch: 1,
      reason: 'changed mind',
    });
    expect(settled.kind).toBe('released');
  }
  await sale.claim(20, 1000);
  await soon(async () => {
    expect(await db.totals(sale.id)).toEqual({ success_count: 50, coupons: 70, live: 50, events: 90 });
    expect(await sale.store.snapshot(sale.id)).toMatchObject({ claimed: 50, persistedEvents: 90, persistedUnits: 50 });
  });
  expect(await probe.deadLetters()).toEqual([]);
});

it('takes over what a dead relay had read, and publishes it under the same ids', async () => {
  const sale = await openSale();
  await sale.claim(300);
  const read = await outbox.read(sale.id, { consumer: 'dead-relay', count: 200 });
  expect(read).toHaveLength(200);
  const publisher = new Recorder();
  const relay = newRelay(publisher, { staleMs: 200, staleCheckMs: 100 });
  relay.setActivities([sale.id]);
  relay.start();
  await soon(async () => expect(await outbox.pending(sale.id)).toEqual({ length: 0, pending: 0 }));
  await relay.stop();
  expect(new Set(publisher.ids)).toEqual(new Set(Array.from({ length: 300 }, (_, n) => `${sale.id}-1-${n + 1}`)));
});

it('invariant 1: an entry leaves the outbox only after its confirm; what is returned or fails stays and is published again', async () => {
  const sale = await openSale();
  await sale.claim(30);
  const publisher = new Recorder((id, times) => {
    if (id.endsWith('-7') && times < 3) return { kind: 'returned', reason: 'NO_ROUTE' };
    if (id.endsWith('-9') && times < 2) return { kind: 'failed', ambiguous: true, error: new Error('lost') };
    return { kind: 'confirmed' };
  });
  const relay = newRelay(publisher);
  relay.setActivities([sale.id]);
  relay.start();
  await soon(() => publisher.times(`${sale.id}-1-7`) >= 1);
  await soon(async () => expect(await outbox.pending(sale.id)).toEqual({ length: 0, pending: 0 }));
  await relay.stop();
  expect(publisher.times(`${sale.id}-1-7`)).toBe(3);
  expect(publisher.times(`${sale.id}-1-9`)).toBe(2);
  expect(publisher.times(`${sale.id}-1-1`)).toBe(1);
});

it('invariant 4: publishes with the same id again when the confirms are lost on the way', async () => {
  const proxy = await TcpProxy.inFrontOf(vhost.url);
  const connection = new AmqpConnection({
    url: proxy.url,
    name: 'relay',
    logger: silent,
    minDelayMs: 20,
    maxDelayMs: 200,
  });
  const publisher = new RabbitMqPublisher({
    connection,
    logger: silent,
    exchange: EVENTS_EXCHANGE,
    topology: claimTopology(),
  });
  await publisher.start();
  await soon(() => publisher.status.state === 'open');
  const sale = await openSale();
  await sale.claim(100);
  proxy.setMode('drop-replies');
  const relay = newRelay(publisher);
  relay.setActivities([sale.id]);
  relay.start();
  await soon(async () => expect(await probe.ready()).toBe(100));
  expect((await outbox.pending(sale.id)).length).toBe(100);
  proxy.setMode('pass');
  proxy.cut();
  await soon(async () => expect(await outbox.pending(sale.id)).toEqual({ length: 0, pending: 0 }));
  await relay.stop();
  await publisher.close();
  await connection.close();
  await proxy.stop();
  // All of them are there twice, and it makes no difference.
  expect(await probe.ready()).toBe(200);
  await start({ WORKER_ROLES: 'consumer' });
  await soon(async () => {
    expect(await db.totals(sale.id)).toEqual({ success_count: 100, coupons: 100, live: 100, events: 100 });
    expect(await probe.ready()).toBe(0);
  });
});

it('leaves nothing behind when it is stopped in the middle, and reads no more', async () => {
  const sale = await openSale();
  await sale.claim(2000);
  const publisher = new Recorder();
  const relay = newRelay(publisher, { batchSize: 50 });
  relay.setActivities([sale.id]);
  relay.start();
  await soon(() => publisher.ids.length > 0);
  await relay.stop();
  const { length, pending } = await outbox.pending(sale.id);
  expect(pending).toBe(0);
  expect(length + new Set(publisher.ids).size).toBe(2000);
});

function newRelay(publisher: EventPublisher, over: Partial<RelayOptions> = {}): RelayOutbox {
  return new RelayOutbox({
    outbox,
    publisher,
    clock: systemClock,
    logger: silent,
    metrics: { relayed: () => undefined, notConfirmed: () => undefined, takenOver: () => undefined },
    random: Math.random,
    consumer: 'relay-under-test',
    ...over,
  });
}

/** A publisher that answers as it is told and remembers what it was given. */
class Recorder implements EventPublisher {
  readonly ids: string[] = [];
  readonly status = { state: 'open' as const };

  constructor(private readonly verdict: (id: string, times: number) => PublishResult = () => ({ kind: 'confirmed' })) {}

  times(id: string): number {
    return this.ids.filter((one) => one === id).length;
  }

  async publishBatch(messages: readonly { readonly id: string }[]): Promise<PublishResult[]> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return messages.map(({ id }) => {
      this.ids.push(id);
      return this.verdict(id, this.times(id));
    });
  }

  async start(): Promise<void> {
    // Always ready.
  }

  async close(): Promise<void> {
    // Holds nothing.
  }
}
