import { AmqpConnection, RabbitMqPublisher, declareTopology } from '@coupon/messaging';
import { createLogger, systemClock } from '@coupon/service-kit';
import { eventually, useMysqlDatabase, useVhost } from '@coupon/testing';
import type { MysqlDatabase } from '@coupon/testing';
import { openShopDatabase } from '../../../src/adapters/databases';
import type { ShopDatabase } from '../../../src/adapters/databases';
import { MysqlOutbox } from '../../../src/outbox/adapters/mysql-outbox';
import {
  EVENTS_EXCHANGE,
  mustReachQueue,
  paymentDelayQueue,
  paymentTopology,
} from '../../../src/outbox/event-topology';
import type { Outbox } from '../../../src/outbox/use-cases/outbox';
import { OutboxRelay } from '../../../src/outbox/use-cases/outbox-relay';
import type { OutboxRelayOptions } from '../../../src/outbox/use-cases/outbox-relay';
import { BrokerTap } from '../../support/broker-tap';
import { unpublished } from '../../support/outbox-rows';
import { migrateShop } from '../../support/service-under-test';

const TIMEOUT_MS = 3_600_000;
const PATIENCE = { timeoutMs: 20_000 } as const;

export const DELAY_QUEUE = paymentDelayQueue(TIMEOUT_MS);

export interface RelayFixture {
  readonly database: MysqlDatabase;
  readonly shop: ShopDatabase;
  readonly brokerUrl: string;
  /** Hears of orders that are created or paid. */
  readonly tap: BrokerTap;
  /** From now on the tap hears these only. */
  listenTo(keys: readonly string[]): Promise<void>;
  /** Connections of their own to the same database. */
  openShop(): ShopDatabase;
  /** A relay as the module builds it, which ends with the test. */
  startRelay(options?: Partial<OutboxRelayOptions> & { readonly url?: string }): Promise<OutboxRelay>;
  /** Done when the test is over, the last one first. */
  afterwards(close: () => Promise<unknown>): void;
  allPublished(): Promise<unknown>;
  receivedAll(ids: readonly string[]): Promise<unknown>;
}

/** The same outbox, of which a test does one step otherwise. */
export function relayingBy(outbox: Outbox, relay: Outbox['relay']): Outbox {
  return { relay, backlog: () => outbox.backlog(), prune: (options) => outbox.prune(options) };
}

/** Relays from an outbox of database `shop`, empty before each test, to a broker that the test listens to. */
export function useOutboxRelay(server: 'mysql' | 'mariadb'): RelayFixture {
  const database = useMysqlDatabase({ server, migrate: migrateShop });
  const vhost = useVhost();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const closing: (() => Promise<unknown>)[] = [];
  let shop: ShopDatabase | undefined;
  let tap: BrokerTap | undefined;

  beforeAll(() => {
    shop = fixture.openShop();
  });
  afterAll(() => shop?.close());
  beforeEach(async () => {
    await database.query('DELETE FROM outbox');
    await fixture.listenTo(['order.paid.v1', 'order.created.v1']);
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await tap?.close();
  });

  const fixture: RelayFixture = {
    database,
    get shop() {
      return need(shop);
    },
    get brokerUrl() {
      return vhost.url;
    },
    get tap() {
      return need(tap);
    },
    listenTo: async (keys) => {
      await tap?.close();
      tap = await BrokerTap.open(vhost.url, keys);
    },
    openShop: () =>
      openShopDatabase(database.url, {
        ...{ poolSize: 5, poolIdle: 1, acquireTimeoutMs: 5_000, onConnectionError: () => undefined },
      }),
    startRelay: async ({ url = vhost.url, ...changes } = {}) => {
      const topology = paymentTopology(TIMEOUT_MS);
      const connection = new AmqpConnection({ url, name: 'test', logger, minDelayMs: 20, maxDelayMs: 100 });
      const publisher = new RabbitMqPublisher({ connection, logger, exchange: EVENTS_EXCHANGE, topology });
      closing.push(() => connection.close());
      closing.push(() => publisher.close());
      await publisher.start();
      const relay = new OutboxRelay({
        ...{ database: 'shop', outbox: new MysqlOutbox(need(shop).client), publisher, clock: systemClock, logger },
        ...{ random: Math.random, mustReachQueue, pollIntervalMs: 20, batchSize: 50 },
        metrics: { relayed: () => undefined, fault: () => undefined },
        restoreQueues: async () => declareTopology(await connection.whenUp(1_000), topology),
        ...changes,
      });
      closing.push(() => relay.drain());
      relay.start();
      return relay;
    },
    afterwards: (close) => void closing.push(close),
    allPublished: () => eventually(async () => (await unpublished(database)).length === 0, PATIENCE),
    receivedAll: (ids) =>
      eventually(() => expect([...new Set(need(tap).ids)].sort()).toEqual([...ids].sort()), PATIENCE),
  };
  return fixture;
}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('used before its hook');
  return value;
}
