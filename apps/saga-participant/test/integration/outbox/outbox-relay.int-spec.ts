import { AmqpConnection, RabbitMqPublisher, declareTopology } from '@coupon/messaging';
import type { EventPublisher } from '@coupon/messaging';
import { createLogger, systemClock } from '@coupon/service-kit';
import { TcpProxy, eventually, useMysqlDatabase, useVhost } from '@coupon/testing';
import { openShopDatabase } from '../../../src/adapters/databases';
import type { ShopDatabase } from '../../../src/adapters/databases';
import { MysqlOutbox } from '../../../src/outbox/adapters/mysql-outbox';
import {
  EVENTS_EXCHANGE,
  mustReachQueue,
  paymentDelayQueue,
  paymentTopology,
} from '../../../src/outbox/event-topology';
import { OutboxRelay } from '../../../src/outbox/use-cases/outbox-relay';
import type { OutboxRelayOptions } from '../../../src/outbox/use-cases/outbox-relay';
import { pruneOutbox } from '../../../src/outbox/use-cases/prune-outbox';
import { BrokerTap } from '../../support/broker-tap';
import { idsOf, orderCreatedBody, unpublished, writeEvents } from '../../support/outbox-rows';
import { migrateShop } from '../../support/service-under-test';

const TIMEOUT_MS = 3_600_000;
const DELAY_QUEUE = paymentDelayQueue(TIMEOUT_MS);
const logger = createLogger({ name: 'test', level: 'silent' });

describe('outbox relay', () => {
  const database = useMysqlDatabase({ migrate: migrateShop });
  const vhost = useVhost();
  let shop: ShopDatabase;
  let tap: BrokerTap;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(() => {
    shop = openShop();
  });

  afterAll(() => shop.close());

  beforeEach(async () => {
    await database.query('DELETE FROM outbox');
    tap = await BrokerTap.open(vhost.url, ['order.paid.v1', 'order.created.v1']);
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await tap.close();
  });

  function openShop(): ShopDatabase {
    return openShopDatabase(database.url, {
      ...{ poolSize: 5, poolIdle: 1, acquireTimeoutMs: 5_000, onConnectionError: () => undefined },
    });
  }

  /** A relay as the module builds it, which ends with the test. */
  async function startRelay(options: Partial<OutboxRelayOptions> & { url?: string } = {}): Promise<OutboxRelay> {
    const { url = vhost.url, ...changes } = options;
    const topology = paymentTopology(TIMEOUT_MS);
    const connection = new AmqpConnection({ url, name: 'test', logger, minDelayMs: 20, maxDelayMs: 100 });
    const publisher = new RabbitMqPublisher({ connection, logger, exchange: EVENTS_EXCHANGE, topology });
    closing.push(() => connection.close());
    closing.push(() => publisher.close());
    await publisher.start();
    const relay = new OutboxRelay({
      ...{ database: 'shop', outbox: new MysqlOutbox(shop.client), publisher, clock: systemClock, logger },
      ...{ random: Math.random, mustReachQueue, pollIntervalMs: 20, batchSize: 50 },
      metrics: { relayed: () => undefined, fault: () => undefined },
      restoreQueues: async () => declareTopology(await connection.whenUp(1_000), topology),
      ...changes,
    });
    closing.push(() => relay.drain());
    relay.start();
    return relay;
  }

  const allPublished = () => eventually(async () => (await unpublished(database)).length === 0, { timeoutMs: 20_000 });
  const receivedAll = (ids: readonly string[]) =>
    eventually(() => expect([...new Set(tap.ids)].sort()).toEqual([...ids].sort()), { timeoutMs: 20_000 });

  it('publishes what was committed, in the order of ids, as it was written', async () => {
    const ids = idsOf('in-order', 170);
    await writeEvents(database, ids, { body: { amount: '1.00' } });
    await startRelay();
    await allPublished();
    await receivedAll(ids);
    expect(tap.ids).toEqual(ids);
    expect(tap.received[0]).toMatchObject({
      ...{ type: 'order.paid.v1', key: 'order.paid.v1', body: { amount: '1.00', event_id: 'in-order-0' } },
      headers: { event_id: 'in-order-0', traceparent: 'trace-in-order-0', timestamp: expect.any(Number) as number },
    });
  });

  it('leaves what was rolled back, and finds what was committed late under a lower id', async () => {
    await startRelay();
    await expect(
      shop.client.$transaction(async (tx) => {
        await tx.$executeRaw`INSERT INTO outbox (event_id, routing_key, headers, body) VALUES ('undone', 'order.paid.v1', '{}', '{}')`;
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    await shop.client.$transaction(async (tx) => {
      await tx.$executeRaw`INSERT INTO outbox (event_id, routing_key, headers, body) VALUES ('slow', 'order.paid.v1', '{}', '{}')`;
      await writeEvents(database, ['quick']);
      await receivedAll(['quick']);
    });
    await receivedAll(['quick', 'slow']);
  });

  it('does not wait for listeners of announcements, and delivers what must reach a queue into it', async () => {
    await writeEvents(database, idsOf('unheard', 30), { routingKey: 'coupon.locked.v1' });
    await writeEvents(database, ['created-1'], { routingKey: 'order.created.v1', body: orderCreatedBody('o-1') });
    await startRelay();
    await allPublished();
    expect((await tap.drain(DELAY_QUEUE)).map(({ id }) => id)).toEqual(['created-1']);
  });

  it('declares a queue again that somebody has removed, and holds nothing else up meanwhile', async () => {
    await startRelay();
    await eventually(() => tap.ready(DELAY_QUEUE));
    // The tap hears the event, too; only without it does the broker return it.
    await tap.close();
    tap = await BrokerTap.open(vhost.url, ['order.paid.v1']);
    await tap.remove(DELAY_QUEUE);
    await writeEvents(database, ['created-2'], { routingKey: 'order.created.v1', body: orderCreatedBody('o-2') });
    await writeEvents(database, idsOf('others', 120));
    await receivedAll(idsOf('others', 120));
    await allPublished();
    expect((await tap.drain(DELAY_QUEUE)).map(({ id }) => id)).toEqual(['created-2']);
  });

  it('passes by what cannot be published, and tries it again', async () => {
    const returned: string[] = [];
    await writeEvents(database, idsOf('nowhere', 60), { routingKey: 'order.nowhere.v1' });
    await writeEvents(database, idsOf('behind', 60));
    await startRelay({
      mustReachQueue: (key) => key === 'order.nowhere.v1',
      restoreQueues: async () => void returned.push('again'),
    });
    await receivedAll(idsOf('behind', 60));
    await eventually(() => returned.length >= 4);
    await eventually(async () => expect(await unpublished(database)).toEqual(idsOf('nowhere', 60)));
  });

  it('works with another relay on one table: every event once', async () => {
    const other = openShop();
    closing.push(() => other.close());
    const ids = idsOf('shared', 600);
    const [one, two] = [new Set<string>(), new Set<string>()];
    await writeEvents(database, ids);
    const noting = (outbox: MysqlOutbox, taken: Set<string>) => ({
      backlog: () => outbox.backlog(),
      prune: (options: Parameters<MysqlOutbox['prune']>[0]) => outbox.prune(options),
      relay: (batch: Parameters<MysqlOutbox['relay']>[0], publish: Parameters<MysqlOutbox['relay']>[1]) =>
        outbox.relay(batch, (events) => {
          for (const { eventId } of events) taken.add(eventId);
          return publish(events);
        }),
    });
    await Promise.all([
      startRelay({ batchSize: 20, outbox: noting(new MysqlOutbox(shop.client), one) }),
      startRelay({ batchSize: 20, outbox: noting(new MysqlOutbox(other.client), two) }),
    ]);
    await allPublished();
    await receivedAll(ids);
    expect(tap.ids).toHaveLength(ids.length);
    expect([one.size > 0, two.size > 0, one.size + two.size]).toEqual([true, true, ids.length]);
  });

  it('publishes again, under the same id, what a relay had published and not marked when it was killed', async () => {
    const ids = idsOf('killed', 40);
    await writeEvents(database, ids);
    const dying = openShop();
    closing.push(() => dying.close());
    let killed = false;
    const outbox = new MysqlOutbox(dying.client);
    await startRelay({
      outbox: {
        backlog: () => outbox.backlog(),
        prune: (options) => outbox.prune(options),
        relay: (batch, publish) =>
          outbox.relay(batch, async (events) => {
            const published = await publish(events);
            if (!killed) await killOpenTransactions();
            killed = true;
            return published;
          }),
      },
    });
    await allPublished();
    await eventually(() => expect(tap.ids).toEqual([...ids, ...ids]));
    expect(killed).toBe(true);
  });

  /** As the server does it when the process at the other end of the connection is gone. */
  async function killOpenTransactions(): Promise<void> {
    const open = await database.query<{ id: string }>(
      `SELECT t.trx_mysql_thread_id AS id FROM information_schema.innodb_trx t
       JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE()`,
    );
    expect(open).not.toHaveLength(0);
    for (const { id } of open) await database.query(`KILL ${Number(id)}`);
  }

  it('takes the events of a relay that is frozen with their rows locked', async () => {
    await writeEvents(database, idsOf('frozen', 10));
    const frozen = openShop();
    let thaw = (): void => undefined;
    const begun = new Promise<void>((begin) => {
      const ice = new Promise<void>((resolve) => {
        thaw = resolve;
      });
      const hold = new MysqlOutbox(frozen.client, 1).relay({ afterId: 0n, limit: 100 }, async () => {
        begin();
        await ice;
        return [];
      });
      closing.push(async () => {
        thaw();
        await hold.catch(() => undefined);
        await frozen.close();
      });
    });
    await begun;
    await startRelay();
    await receivedAll(idsOf('frozen', 10));
    await allPublished();
  });

  it('loses nothing when the way to the broker breaks again and again, and its answers are lost', async () => {
    const proxy = await TcpProxy.inFrontOf(vhost.url);
    closing.push(() => proxy.stop());
    const ids: string[] = [];
    await startRelay({ url: proxy.url, batchSize: 10 });
    for (let round = 0; round < 5; round += 1) {
      const more = idsOf(`broken-${round}`, 100);
      ids.push(...more);
      await writeEvents(database, more);
      await eventually(async () => (await unpublished(database)).length < 90);
      proxy.setMode('drop-replies');
      proxy.cut();
      proxy.setMode('pass');
    }
    await allPublished();
    await receivedAll(ids);
  });

  it('goes when it is woken, long before it would look', async () => {
    const relay = await startRelay({ pollIntervalMs: 3_600_000 });
    await writeEvents(database, ['first']);
    await eventually(() => {
      relay.wake();
      return tap.ids.includes('first');
    });
    for (const id of idsOf('woken', 10)) {
      await writeEvents(database, [id]);
      relay.wake();
      await eventually(() => tap.ids.includes(id));
    }
  });

  it('finishes the batch in hand when it is stopped, and takes no other', async () => {
    await writeEvents(database, idsOf('stopping', 100));
    let relay: OutboxRelay | undefined;
    const outbox = new MysqlOutbox(shop.client);
    relay = await startRelay({
      batchSize: 10,
      outbox: {
        backlog: () => outbox.backlog(),
        prune: (options) => outbox.prune(options),
        relay: (batch, publish) =>
          outbox.relay(batch, (events) => {
            relay?.stopIntake();
            return publish(events);
          }),
      },
    });
    await eventually(async () => (await unpublished(database)).length < 100);
    await relay.drain();
    expect(await unpublished(database)).toEqual(idsOf('stopping', 100).slice(10));
  });

  it('goes on after faults of the database', async () => {
    let faults = 0;
    const outbox = new MysqlOutbox(shop.client);
    await writeEvents(database, ['after-faults']);
    await startRelay({
      metrics: { relayed: () => undefined, fault: () => void (faults += 1) },
      outbox: {
        backlog: () => outbox.backlog(),
        prune: (options) => outbox.prune(options),
        relay: (batch, publish) =>
          faults < 3 ? Promise.reject(new Error('the database is away')) : outbox.relay(batch, publish),
      },
    });
    await allPublished();
    expect(faults).toBe(3);
  });

  it('says how many events wait, and since when', async () => {
    const outbox = new MysqlOutbox(shop.client);
    expect(await outbox.backlog()).toEqual({ events: 0, oldestAgeSeconds: 0 });
    await writeEvents(database, ['old', 'new', 'gone']);
    await database.query("UPDATE outbox SET published_at = NOW(3) WHERE event_id = 'gone'");
    await database.query("UPDATE outbox SET created_at = NOW(3) - INTERVAL 90 SECOND WHERE event_id = 'old'");
    const backlog = await outbox.backlog();
    expect(backlog.events).toBe(2);
    expect(Math.round(backlog.oldestAgeSeconds / 10)).toBe(9);
  });

  it('removes what was published before the retention, in steps, and nothing else', async () => {
    const outbox = new MysqlOutbox(shop.client);
    await writeEvents(database, [...idsOf('expired', 2_300), 'fresh', 'waiting']);
    await database.query(
      "UPDATE outbox SET published_at = NOW(3) - INTERVAL 61 SECOND WHERE event_id LIKE 'expired-%'",
    );
    await database.query("UPDATE outbox SET published_at = NOW(3) - INTERVAL 30 SECOND WHERE event_id = 'fresh'");
    await database.query("UPDATE outbox SET created_at = NOW(3) - INTERVAL 1 DAY WHERE event_id = 'waiting'");
    const steps: number[] = [];
    const counting = {
      prune: async (options: Parameters<MysqlOutbox['prune']>[0]) => {
        const count = await outbox.prune(options);
        steps.push(count);
        return count;
      },
    };
    expect(await pruneOutbox(counting, 60_000, () => false)).toBe(2_300);
    expect(steps).toEqual([1_000, 1_000, 300]);
    const left = await database.query<{ event_id: string }>('SELECT event_id FROM outbox ORDER BY id');
    expect(left.map(({ event_id }) => event_id)).toEqual(['fresh', 'waiting']);
    expect(await pruneOutbox(counting, 60_000, () => true)).toBe(0);
  });

  it('waits for a broker that is not there, without touching the table', async () => {
    const relayed = jest.fn();
    const away: EventPublisher = {
      ...{ status: { state: 'connecting' }, start: async () => undefined, close: async () => undefined },
      publishBatch: () => Promise.reject(new Error('must not be called')),
    };
    const outbox = { relay: relayed, backlog: jest.fn(), prune: jest.fn() };
    let looks = 0;
    const watched = new Proxy(away, {
      get: (target, key, receiver) => {
        if (key === 'status') looks += 1;
        return Reflect.get(target, key, receiver) as unknown;
      },
    });
    await startRelay({ outbox, publisher: watched });
    await eventually(() => looks >= 3);
    expect(relayed).not.toHaveBeenCalled();
  });
});
