import { TcpProxy, eventually } from '@coupon/testing';
import { MysqlOutbox } from '../../../src/outbox/adapters/mysql-outbox';
import { idsOf, unpublished, writeEvents } from '../../support/outbox-rows';
import { relayingBy, useOutboxRelay } from './outbox-relay-fixture';

describe.each(['mysql', 'mariadb'] as const)('outbox relay among others and among faults on %s', (server) => {
  const relays = useOutboxRelay(server);
  const { database, startRelay, allPublished, receivedAll } = relays;

  it('works with another relay on one table: every event once', async () => {
    const other = relays.openShop();
    relays.afterwards(() => other.close());
    const ids: string[] = [];
    const [one, two] = [new Set<string>(), new Set<string>()];
    const noting = (outbox: MysqlOutbox, taken: Set<string>) =>
      relayingBy(outbox, (batch, publish) =>
        outbox.relay(batch, (events) => {
          for (const { eventId } of events) taken.add(eventId);
          return publish(events);
        }),
      );
    await Promise.all([
      startRelay({ batchSize: 20, outbox: noting(new MysqlOutbox(relays.shop.client), one) }),
      startRelay({ batchSize: 20, outbox: noting(new MysqlOutbox(other.client), two) }),
    ]);
    // Until both have had a share.
    await eventually(
      async () => {
        const more = idsOf(`shared-${ids.length}`, 100);
        ids.push(...more);
        await writeEvents(database, more);
        return one.size > 0 && two.size > 0;
      },
      { timeoutMs: 20_000 },
    );
    await allPublished();
    await receivedAll(ids);
    expect(relays.tap.ids).toHaveLength(ids.length);
    expect(one.size + two.size).toBe(ids.length);
  });

  it('publishes again, under the same id, what a relay had published and not marked when it was killed', async () => {
    const ids = idsOf('killed', 40);
    await writeEvents(database, ids);
    const dying = relays.openShop();
    relays.afterwards(() => dying.close());
    let killed = false;
    const outbox = new MysqlOutbox(dying.client);
    await startRelay({
      outbox: relayingBy(outbox, (batch, publish) =>
        outbox.relay(batch, async (events) => {
          const published = await publish(events);
          if (!killed) await killOpenTransactions();
          killed = true;
          return published;
        }),
      ),
    });
    await allPublished();
    await eventually(() => expect(relays.tap.ids).toEqual([...ids, ...ids]));
    expect(killed).toBe(true);
  });

  it('takes the events of a relay that is frozen with their rows locked', async () => {
    await writeEvents(database, idsOf('frozen', 10));
    const frozen = relays.openShop();
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
      relays.afterwards(async () => {
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
    const proxy = await TcpProxy.inFrontOf(relays.brokerUrl);
    relays.afterwards(() => proxy.stop());
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

  it('goes on after faults of the database', async () => {
    let faults = 0;
    const outbox = new MysqlOutbox(relays.shop.client);
    await writeEvents(database, ['after-faults']);
    await startRelay({
      metrics: { relayed: () => undefined, fault: () => void (faults += 1) },
      outbox: relayingBy(outbox, (batch, publish) =>
        faults < 3 ? Promise.reject(new Error('the database is away')) : outbox.relay(batch, publish),
      ),
    });
    await allPublished();
    expect(faults).toBe(3);
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
});
