import { useMysqlDatabase } from '@coupon/testing';
import { openShopDatabase } from '../../../src/adapters/databases';
import type { ShopDatabase } from '../../../src/adapters/databases';
import { MysqlOutbox } from '../../../src/outbox/adapters/mysql-outbox';
import { pruneOutbox } from '../../../src/outbox/use-cases/prune-outbox';
import { idsOf, writeEvents } from '../../support/outbox-rows';
import { migrateShop } from '../../support/service-under-test';

describe.each(['mysql', 'mariadb'] as const)('table of the outbox on %s', (server) => {
  const database = useMysqlDatabase({ server, migrate: migrateShop });
  let shop: ShopDatabase;
  let outbox: MysqlOutbox;

  beforeAll(() => {
    shop = openShopDatabase(database.url, {
      ...{ poolSize: 5, poolIdle: 1, acquireTimeoutMs: 5_000, onConnectionError: () => undefined },
    });
    outbox = new MysqlOutbox(shop.client);
  });

  afterAll(() => shop.close());

  beforeEach(() => database.query('DELETE FROM outbox'));

  it('says how many events wait, and since when', async () => {
    expect(await outbox.backlog()).toEqual({ events: 0, oldestAgeSeconds: 0 });
    await writeEvents(database, ['old', 'new', 'gone']);
    await database.query("UPDATE outbox SET published_at = NOW(3) WHERE event_id = 'gone'");
    await database.query("UPDATE outbox SET created_at = NOW(3) - INTERVAL 90 SECOND WHERE event_id = 'old'");
    const backlog = await outbox.backlog();
    expect(backlog.events).toBe(2);
    expect(Math.round(backlog.oldestAgeSeconds / 10)).toBe(9);
  });

  it('removes what was published before the retention, in steps, and nothing else', async () => {
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
});
