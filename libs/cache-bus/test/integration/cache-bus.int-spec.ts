import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { BINLOG_L2_QUEUE, HEARTBEAT_TABLE } from '@coupon/contracts';
import {
  AmqpConnection,
  RabbitMqQueueInspector,
  binlogTopology,
  deadLetterQueueOf,
  declareTopology,
} from '@coupon/messaging';
import { TcpProxy, createVhost, eventually, useRedisDatabase } from '@coupon/testing';
import { CacheBus, L2Dropper, columnOf } from '../../src';
import {
  CanalDouble,
  ITEM_TABLE,
  Origin,
  silentLogger,
  startDropper,
  startInstance,
  untilFresh,
  itemTables,
} from '../support/bus-world';
import type { Instance, RunningDropper } from '../support/bus-world';

jest.setTimeout(20_000);

const database = useRedisDatabase();
let vhost: Awaited<ReturnType<typeof createVhost>>;
let canal: CanalDouble;
let origin: Origin;
let closing: (() => Promise<unknown>)[];

beforeEach(async () => {
  vhost = await createVhost();
  canal = new CanalDouble(() => vhost.url);
  await canal.connect();
  origin = new Origin();
  closing = [() => canal.close()];
  // The first one may have to start the server, or to build its image.
}, 900_000);
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await vhost.remove();
});

const instance = async (amqp = vhost.url): Promise<Instance> => {
  const started = await startInstance({ amqp, redisUrl: database.url, origin });
  closing.push(() => started.close());
  return started;
};
const dropper = async (redisUrl = database.url): Promise<RunningDropper> => {
  const started = await startDropper(vhost.url, redisUrl);
  closing.push(() => started.close());
  return started;
};
const proxied = async (url: string): Promise<TcpProxy & { readonly url: string }> => {
  const proxy = await TcpProxy.inFrontOf(url);
  closing.push(() => proxy.stop());
  return proxy;
};
/** What it has found at the start is made up for. */
const restored = async ({ dropper: one }: RunningDropper): Promise<void> => {
  await eventually(() => one.stats().confirmations > 0 && one.stats().unsettled === 0);
};
/** Keys that no other test has in L2. */
let ids = 0;
const newId = (): string => {
  ids += 1;
  return `k${ids}`;
};
/** Nothing is read from anywhere but L1. */
const inL1 = async (one: Instance, id: string, value: number): Promise<void> => {
  await eventually(async () => expect(await one.read(id)).toEqual([value, 'l1']));
};

describe('a change that was announced', () => {
  test('is dropped from L1 in every instance and from L2 by one process', async () => {
    const shared = await dropper();
    const fleet = [await instance(), await instance(), await instance()];
    canal.beat();
    await untilFresh(...fleet);
    const id = newId();
    origin.write(id, 1);
    for (const one of fleet) await inL1(one, id, 1);
    expect(origin.loads).toBe(1);
    origin.write(id, 2);
    await canal.changed(id);
    for (const one of fleet) await inL1(one, id, 2);
    // One load for the fleet, and another one if the change was settled meanwhile.
    expect(origin.loads).toBeGreaterThanOrEqual(2);
    expect(origin.loads).toBeLessThanOrEqual(3);
    const versions = (): string[] => shared.calls.filter(([key]) => key === id).map(([, version]) => version);
    // And again when it is settled.
    await eventually(() => versions().length === 2);
    const [version] = versions();
    expect(version).toMatch(/^[\w-]{16}$/);
    expect(versions()).toEqual([version, `${version}+`]);
  });

  test('before it can be read is dropped again when it can: from L1, from L2, by whoever had not heard of it', async () => {
    await dropper();
    const one = await instance();
    canal.beat();
    await untilFresh(one);
    const id = newId();
    origin.write(id, 1);
    await inL1(one, id, 1);
    canal.holdCommits();
    const { loads } = origin;
    await canal.changed(id);
    await eventually(() => one.bus.stats().changes === 1);
    await eventually(async () => {
      expect(await one.read(id)).toEqual([1, expect.any(String)]);
      expect(origin.loads).toBeGreaterThan(loads);
    });
    origin.write(id, 2);
    canal.letCommit();
    await inL1(one, id, 2);
    const late = await instance();
    await untilFresh(late);
    await inL1(late, id, 2);
  });

  test('leaves other keys and tables alone', async () => {
    await dropper();
    const one = await instance();
    canal.beat();
    await untilFresh(one);
    const [kept, changed] = [newId(), newId()];
    origin.write(kept, 1);
    origin.write(changed, 1);
    await inL1(one, kept, 1);
    await inL1(one, changed, 1);
    await canal.publish(canal.message('another_table', 'UPDATE', [{ id: kept }]));
    origin.write(changed, 2);
    await canal.changed(changed);
    await inL1(one, changed, 2);
    expect(await one.read(kept)).toEqual([1, 'l1']);
  });

  test('that comes again does not drop what was read since', async () => {
    const shared = await dropper();
    const one = await instance();
    canal.beat();
    await untilFresh(one);
    const id = newId();
    origin.write(id, 1);
    const body = canal.message(ITEM_TABLE, 'UPDATE', [{ id }]);
    await canal.publish(body);
    await eventually(() => shared.calls.some(([key]) => key === id));
    await inL1(one, id, 1);
    const loads = origin.loads;
    await canal.publish(body);
    await eventually(() => shared.calls.filter(([key]) => key === id).length >= 2);
    await eventually(() => one.bus.stats().changes === 2);
    // L1 does not know that it is the same change; L2 does.
    expect((await one.read(id))[0]).toBe(1);
    expect(origin.loads).toBe(loads);
  });

  test('comes to L1 in the order of the changes', async () => {
    const seen: string[] = [];
    const cache = {
      name: 'spy',
      drop: (keys: readonly string[]) => void seen.push(...keys),
      dropAll: () => void seen.push('all'),
    };
    const freshness = {
      sent: () => undefined,
      heard: () => undefined,
      sharedTierReached: () => undefined,
      lost: () => undefined,
      isFresh: () => true,
    };
    const tables = [
      { table: ITEM_TABLE, keys: (row: Readonly<Record<string, string | null>>) => [columnOf(row, 'id')] },
    ];
    const bus = new CacheBus({
      url: vhost.url,
      name: 'spy',
      caches: [{ cache, tables }],
      freshness,
      logger: silentLogger,
    });
    closing.push(() => bus.close());
    await bus.start();
    await eventually(() => bus.stats().state === 'open');
    const wanted: string[] = [];
    for (let n = 0; n < 300; n += 1) {
      if (n % 50 === 49) await canal.publish(canal.message(ITEM_TABLE, 'TRUNCATE', null));
      else await canal.changed(`a${n}`, `b${n}`);
      wanted.push(...(n % 50 === 49 ? ['all'] : [`a${n}`, `b${n}`]));
    }
    await eventually(() => seen.length >= wanted.length);
    expect(seen).toEqual(wanted);
  });

  test('as a real Canal server has written it drops the keys of its rows', async () => {
    const file = join(__dirname, '../../../contracts/test/fixtures/canal-flat-samples.json');
    const { samples } = JSON.parse(readFileSync(file, 'utf8')) as {
      samples: { value: { table: string; isDdl: boolean; data: { user_id: string }[] | null } }[];
    };
    const seen: string[] = [];
    const cache = {
      name: 'spy',
      drop: (keys: readonly string[]) => void seen.push(keys.join()),
      dropAll: () => void seen.push('all'),
    };
    const freshness = {
      sent: () => undefined,
      heard: () => undefined,
      sharedTierReached: () => undefined,
      lost: () => undefined,
      isFresh: () => true,
    };
    const tables = [
      { table: 'user_coupon', keys: (row: Readonly<Record<string, string | null>>) => [columnOf(row, 'user_id')] },
    ];
    const bus = new CacheBus({
      url: vhost.url,
      name: 'spy',
      caches: [{ cache, tables }],
      freshness,
      logger: silentLogger,
    });
    closing.push(() => bus.close());
    await bus.start();
    await eventually(() => bus.stats().state === 'open');
    for (const { value } of samples) await canal.publish(JSON.stringify(value));
    await eventually(() => bus.stats().changes === samples.length);
    const wanted = samples
      .map(({ value }) => value)
      .filter(({ table }) => table === 'user_coupon')
      .map(({ isDdl, data }) => (isDdl ? 'all' : [...new Set((data ?? []).map((row) => row.user_id))].join()));
    expect(seen).toEqual(wanted);
    expect(wanted.length).toBeGreaterThan(10);
  });
});

describe('changes of nobody knows what', () => {
  test.each([
    ['TRUNCATE', (one: CanalDouble) => one.message(ITEM_TABLE, 'TRUNCATE', null)],
    ['ALTER', (one: CanalDouble) => one.message(ITEM_TABLE, 'ALTER', null)],
    ['a row without its key', (one: CanalDouble) => one.message(ITEM_TABLE, 'INSERT', [{ name: 'x' }])],
    [
      'a broken message of the table',
      (one: CanalDouble) => one.message(ITEM_TABLE, 'UPDATE', [{ id: '1' }], { old: 7 }),
    ],
    ['a message that is no JSON', () => '{"table":"it'],
  ])('%s drops everything, in L1 and in L2', async (_what, bodyOf) => {
    const shared = await dropper();
    const one = await instance();
    canal.beat();
    await untilFresh(one);
    const id = newId();
    origin.write(id, 1);
    await inL1(one, id, 1);
    await restored(shared);
    const { dropped_caches: before } = shared.dropper.stats();
    origin.write(id, 2);
    await canal.publish(bodyOf(canal));
    await inL1(one, id, 2);
    await eventually(() => shared.dropper.stats().dropped_caches === before + 2);
    // Another process, which has not heard of it, finds nothing old in L2.
    const late = await instance();
    await untilFresh(late);
    await inL1(late, id, 2);
  });

  test('a message that cannot be read is parked once, with its reason; one of a foreign table drops nothing', async () => {
    const shared = await dropper();
    const fleet = [await instance(), await instance()];
    canal.beat();
    await untilFresh(...fleet);
    const broken = canal.message('another_table', 'UPDATE', null, { isDdl: false });
    await canal.publish('rubbish');
    await canal.publish(broken);
    await eventually(() => shared.dropper.stats().parked === 2);
    const connection = new AmqpConnection({ url: vhost.url, name: 'inspector', logger: silentLogger });
    await connection.start();
    const inspector = new RabbitMqQueueInspector({ connection });
    const parked: [string, unknown][] = [];
    await eventually(async () => {
      parked.length = 0;
      await inspector.scan(deadLetterQueueOf(BINLOG_L2_QUEUE), (delivery) => {
        parked.push([delivery.body.toString(), delivery.headers['code']]);
        return Promise.resolve('keep');
      });
      return parked.length === 2;
    });
    await inspector.close();
    await connection.close();
    expect(parked).toEqual([
      ['rubbish', 'NOT_JSON'],
      [broken, 'INVALID_CANAL_MESSAGE'],
    ]);
    for (const one of fleet) expect(one.bus.stats()).toMatchObject({ unreadable: 1, dropped_caches: 1 });
    // The gap at the very start, and the rubbish; each once more when it is settled.
    await eventually(() => shared.dropper.stats().dropped_caches === 4);
  });
});

describe('freshness', () => {
  test('needs heartbeats, and the word of the one that drops L2', async () => {
    const one = await instance();
    canal.beat();
    const id = newId();
    origin.write(id, 1);
    await eventually(() => one.bus.stats().heartbeats > 5);
    expect(one.bus.stats().fresh).toBe(false);
    expect(await one.read(id)).toEqual([1, 'l3']);
    await dropper();
    await untilFresh(one);
    await inL1(one, id, 1);
    canal.stopBeating();
    await eventually(() => !one.bus.stats().fresh);
    expect(await one.read(id)).toEqual([1, 'l3']);
  });

  test('ends while L2 cannot be told, and what was announced meanwhile is not read from it afterwards', async () => {
    const proxy = await proxied(database.url);
    const shared = await dropper(proxy.url);
    const one = await instance();
    canal.beat();
    await untilFresh(one);
    const id = newId();
    origin.write(id, 1);
    await inL1(one, id, 1);
    proxy.setMode('refuse');
    proxy.cut();
    origin.write(id, 2);
    await canal.changed(id);
    await eventually(() => !one.bus.stats().fresh);
    expect(await one.read(id)).toEqual([2, 'l3']);
    expect(shared.calls.filter(([key]) => key === id)).toHaveLength(0);
    proxy.setMode('pass');
    await eventually(() => shared.calls.some(([key]) => key === id), { timeoutMs: 15_000 });
    await untilFresh(one);
    const late = await instance();
    await untilFresh(late);
    await inL1(late, id, 2);
  });
});

test('a heartbeat is confirmed when what came before it is dropped, and not sooner', async () => {
  const gates = new Map<string, () => void>();
  const dropped = new L2Dropper({
    url: vhost.url,
    name: 'gated',
    logger: silentLogger,
    caches: [
      {
        name: 'item',
        tables: itemTables,
        tier: {
          invalidate: (key) => new Promise<void>((resolve) => gates.set(key, resolve)),
          invalidateAll: () => Promise.resolve(),
        },
      },
    ],
  });
  closing.push(() => dropped.close());
  await dropped.start();
  await eventually(() => dropped.stats().state === 'open');
  await canal.changed('first');
  await eventually(() => gates.has('first'));
  // Both wait behind the first and are handled together.
  await canal.changed('second');
  await canal.publish(canal.message(HEARTBEAT_TABLE, 'UPDATE', [{ source: 'test', beat: '1', acknowledged: '0' }]));
  gates.get('first')?.();
  await eventually(() => gates.has('second'));
  // As long as a confirmation would take.
  for (let n = 0; n < 5; n += 1) await canal.publish(canal.message('another_table', 'UPDATE', [{ id: '1' }]));
  expect(dropped.stats()).toMatchObject({ confirmations: 0, failures: 0 });
  gates.get('second')?.();
  await eventually(() => dropped.stats().confirmations === 1);
});

describe('queues that are lost', () => {
  test('what changes while an instance has no queue is not answered from its L1 afterwards', async () => {
    await dropper();
    const proxy = await proxied(vhost.url);
    const cut = await instance(proxy.url);
    canal.beat();
    await untilFresh(cut);
    const id = newId();
    origin.write(id, 1);
    await inL1(cut, id, 1);
    proxy.setMode('refuse');
    proxy.cut();
    await eventually(() => cut.bus.stats().lost_queues === 1);
    expect(cut.bus.stats().fresh).toBe(false);
    origin.write(id, 2);
    await canal.changed(id);
    expect(await cut.read(id)).toEqual([2, 'l3']);
    proxy.setMode('pass');
    await untilFresh(cut);
    await inL1(cut, id, 2);
    expect(cut.freshness.lapses).toBeGreaterThan(0);
  });

  test('one that drops L2 takes over from another without a gap', async () => {
    const first = await startDropper(vhost.url, database.url);
    await eventually(() => first.dropper.stats().state === 'open');
    const second = await dropper();
    const one = await instance();
    canal.beat();
    await untilFresh(one);
    expect(second.dropper.stats().confirmations).toBe(0);
    const id = newId();
    origin.write(id, 1);
    await inL1(one, id, 1);
    await first.close();
    origin.write(id, 2);
    await canal.changed(id);
    await eventually(() => second.calls.some(([key]) => key === id));
    await untilFresh(one);
    await inL1(one, id, 2);
    expect(second.dropper.stats().gaps).toBe(0);
  });

  test('changes wait for the one that drops L2 while there is none', async () => {
    const first = await startDropper(vhost.url, database.url);
    canal.beat();
    await restored(first);
    await first.close();
    const [a, b] = [newId(), newId()];
    await canal.changed(a);
    await canal.changed(b);
    const second = await dropper();
    await eventually(() => second.calls.length >= 2);
    expect(second.calls.slice(0, 2).map(([key]) => key)).toEqual([a, b]);
    expect(second.dropper.stats().gaps).toBe(0);
  });

  test('a change that is not settled when the one that drops L2 goes away comes to the next one', async () => {
    const first = await startDropper(vhost.url, database.url);
    canal.beat();
    await restored(first);
    canal.stopBeating();
    const id = newId();
    await canal.changed(id);
    await eventually(() => first.calls.some(([key]) => key === id));
    await first.close();
    const second = await dropper();
    canal.beat();
    await eventually(() => second.calls.filter(([key]) => key === id).length === 2);
    expect(first.calls.filter(([key]) => key === id)).toEqual(second.calls.slice(0, 1));
    expect(second.dropper.stats().gaps).toBe(0);
  });

  test('many changes without a heartbeat do not stop it: everything is dropped when the next ones come', async () => {
    const shared = await startDropper(vhost.url, database.url, { batchSize: 4 });
    closing.push(() => shared.close());
    const one = await instance();
    canal.beat();
    await restored(shared);
    const { gaps } = shared.dropper.stats();
    canal.stopBeating();
    const many = Array.from({ length: 200 }, newId);
    for (const id of many) await canal.changed(id);
    await eventually(() => many.every((id) => shared.calls.some(([key]) => key === id)));
    expect(shared.dropper.stats().gaps).toBeGreaterThan(gaps);
    canal.beat();
    await restored(shared);
    await untilFresh(one);
    const id = newId();
    origin.write(id, 1);
    await inL1(one, id, 1);
  });

  test('an L2 that is away for long does not fill its queue: everything is dropped from it when it is back', async () => {
    const proxy = await proxied(database.url);
    const shared = await startDropper(vhost.url, proxy.url, { patienceMs: 200 });
    closing.push(() => shared.close());
    const [one, id] = [await instance(), newId()];
    canal.beat();
    await restored(shared);
    await untilFresh(one);
    origin.write(id, 1);
    await inL1(one, id, 1);
    const { gaps } = shared.dropper.stats();
    proxy.setMode('refuse');
    proxy.cut();
    origin.write(id, 2);
    await canal.changed(id);
    const model = await connect(vhost.url);
    const channel = await model.createChannel();
    for (let n = 0; n < 300; n += 1) await canal.changed(newId());
    await eventually(async () => (await channel.checkQueue(BINLOG_L2_QUEUE)).messageCount === 0);
    await eventually(() => shared.dropper.stats().unsettled === 0);
    await model.close();
    await eventually(() => !one.bus.stats().fresh);
    proxy.setMode('pass');
    await eventually(() => shared.dropper.stats().gaps > gaps, { timeoutMs: 15_000 });
    const late = await instance();
    await untilFresh(one, late);
    await inL1(late, id, 2);
  });

  test('a queue of L2 that was deleted has lost changes: everything is dropped from L2', async () => {
    const first = await startDropper(vhost.url, database.url);
    const writer = await instance();
    canal.beat();
    await untilFresh(writer);
    const id = newId();
    origin.write(id, 1);
    await inL1(writer, id, 1);
    await first.close();
    const model = await connect(vhost.url);
    const channel = await model.createChannel();
    await channel.deleteQueue(BINLOG_L2_QUEUE);
    origin.write(id, 2);
    await canal.changed(id);
    // Somebody else declares the queue again before its consumer comes.
    await declareTopology(model, binlogTopology());
    await model.close();
    const second = await dropper();
    await eventually(() => second.dropper.stats().gaps === 1);
    const late = await instance();
    await untilFresh(late);
    await inL1(late, id, 2);
  });

  test('a queue of L2 that is deleted under its consumer is made up for', async () => {
    const shared = await dropper();
    canal.beat();
    await restored(shared);
    const { gaps } = shared.dropper.stats();
    const model = await connect(vhost.url);
    const channel = await model.createChannel();
    await channel.deleteQueue(BINLOG_L2_QUEUE);
    await model.close();
    await eventually(() => shared.dropper.stats().gaps === gaps + 1, { timeoutMs: 15_000 });
    const { confirmations } = shared.dropper.stats();
    await eventually(() => shared.dropper.stats().confirmations > confirmations);
  });
});
