import { eventually, useOwnServers, useRedisDatabase } from '@coupon/testing';
import { CanalDouble, Origin, startDropper, startInstance, untilFresh } from '../support/bus-world';

jest.setTimeout(120_000);

/** A quorum queue of one node that is killed right after its first declaration may come back and never confirm (README of messaging). */
const SETTLE_MS = 4_000;
const own = useOwnServers(['rabbitmq']);
const database = useRedisDatabase();

test('when the broker is killed the caches are bypassed, and nothing of before is answered when it is back', async () => {
  const { url } = own.endpoints.rabbitmq;
  const startedMs = performance.now();
  const origin = new Origin();
  const canal = new CanalDouble(() => url);
  await canal.connect();
  const shared = await startDropper(url, database.url);
  const one = await startInstance({ amqp: url, redisUrl: database.url, origin });
  try {
    canal.beat();
    await untilFresh(one);
    origin.write('id', 1);
    await eventually(async () => expect(await one.read('id')).toEqual([1, 'l1']));
    await eventually(() => performance.now() - startedMs > SETTLE_MS, { timeoutMs: 2 * SETTLE_MS });
    await own.servers.rabbitmq.kill();
    await eventually(() => !one.bus.stats().fresh);
    origin.write('id', 2);
    expect(await one.read('id')).toEqual([2, 'l3']);
    await own.servers.rabbitmq.start();
    // What was changed meanwhile is announced when the sender is back.
    await eventually(
      async () => {
        await canal.connect();
        await canal.changed('id');
      },
      { timeoutMs: 30_000, intervalMs: 500 },
    );
    await eventually(() => one.bus.stats().fresh, { timeoutMs: 30_000 });
    await eventually(async () => expect(await one.read('id')).toEqual([2, 'l1']));
    const late = await startInstance({ amqp: url, redisUrl: database.url, origin });
    await untilFresh(late);
    await eventually(async () => expect(await late.read('id')).toEqual([2, 'l1']));
    await late.close();
    expect(one.bus.stats().lost_queues).toBeGreaterThan(0);
  } finally {
    await one.close();
    await shared.close();
    await canal.close();
  }
});
