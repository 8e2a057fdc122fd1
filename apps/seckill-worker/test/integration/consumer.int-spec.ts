import { connect } from 'amqplib';
import { FLASH_SALE_FAILED, FLASH_SALE_SUCCEEDED, parseEvent } from '@coupon/contracts';
import { AmqpConnection, RabbitMqConsumer } from '@coupon/messaging';
import type { DeliveryBatch } from '@coupon/messaging';
import { TcpProxy, eventually, useRedisDatabase, useVhost } from '@coupon/testing';
import type { Worker } from '../../src/create-worker';
import { CLAIMS_QUEUE, EVENTS_EXCHANGE, claimTopology } from '../../src/claim-queue';
import { runDeadLetterCommand } from '../../src/dead-letter-command';
import { BrokerProbe } from '../support/broker';
import { useWorkerDatabase } from '../support/database';
import { claimed, claims, messageOf, released } from '../support/events';
import { metric, startWorker, stopAll } from '../support/worker';

const db = useWorkerDatabase();
const vhost = useVhost();
const redis = useRedisDatabase();
const workers: Worker[] = [];
let probe: BrokerProbe;

const start = async (environment: Record<string, string> = {}): Promise<Worker> => {
  const worker = await startWorker(
    { mysqlUrl: db.database.url, redisUrl: redis.url, amqpUrl: vhost.url },
    { WORKER_ROLES: 'consumer', ...environment },
  );
  workers.push(worker);
  return worker;
};
const soon = <T>(check: () => T | Promise<T>): Promise<T> => eventually(check, { timeoutMs: 30_000, intervalMs: 50 });

beforeAll(async () => {
  probe = await new BrokerProbe(vhost.url).open();
});
afterEach(async () => {
  await stopAll(workers);
});
afterAll(async () => {
  await probe.close();
});

it('invariant 6: a storm of duplicates in two workers with two lanes each stores every event once', async () => {
  const place = await db.anActivity();
  const messages = claims(place, 1500).map(messageOf);
  await Promise.all([start(), start()]);
  await Promise.all([probe.publish(messages), probe.publish([...messages].reverse()), probe.publish(messages)]);
  await soon(async () => {
    expect(await db.totals(place.activityId)).toEqual({ success_count: 1500, coupons: 1500, live: 1500, events: 1500 });
    expect(await probe.ready()).toBe(0);
  });
  await soon(async () => {
    for (const worker of workers) expect(await metric(worker, 'coupon_claims_unacknowledged')).toBe(0);
  });
  expect(await probe.ready()).toBe(0);
  expect(await probe.deadLetters()).toEqual([]);
});

it('invariant 6: acknowledges strictly after the commit: a consumer that dies between the two costs nothing', async () => {
  const second = await db.anActivity();
  await probe.publish(claims(second, 300).map(messageOf));
  const dying = await consumeThenCut(second.activityId);
  expect((await db.totals(second.activityId)).events).toBeGreaterThan(0);
  expect(dying).toBeGreaterThan(0);
  await start();
  await soon(async () => {
    expect(await db.totals(second.activityId)).toEqual({ success_count: 300, coupons: 300, live: 300, events: 300 });
    expect(await probe.ready()).toBe(0);
  });
  expect(await probe.deadLetters()).toEqual([]);
});

it('sends one poisoned event of 500 to the dead-letter queue, alone and with its reason, and replays it', async () => {
  const place = await db.anActivity();
  const events = claims(place, 500);
  const poisoned = claimed({ ...place, templateId: '987654321' }, 250);
  const failed = await listenTo(FLASH_SALE_FAILED);
  await probe.publish(events.map((event) => messageOf(event.body.event_seq === 250 ? poisoned : event)));
  await start();
  const [letter] = await soon(async () => {
    const letters = await probe.deadLetters();
    expect(letters).toHaveLength(1);
    return letters;
  });
  expect(letter).toMatchObject({
    id: poisoned.body.event_id,
    type: FLASH_SALE_SUCCEEDED,
    headers: {
      'x-reason-code': 'UNKNOWN_ACTIVITY_OR_TEMPLATE',
      'x-reason': expect.any(String) as string,
      'x-attempts': 3,
      'x-original-routing-key': FLASH_SALE_SUCCEEDED,
    },
  });
  await soon(async () => expect(await db.totals(place.activityId)).toMatchObject({ success_count: 499, events: 499 }));
  const [row] = await db.database.query('SELECT * FROM dead_letters WHERE event_id = ?', [poisoned.body.event_id]);
  expect(row).toMatchObject({
    event_seq: '250',
    activity_id: place.activityId,
    claim_id: poisoned.body.claim_id,
    replayed_at: null,
  });
  const announced = await soon(() => {
    const body = failed.next();
    if (body === undefined) throw new Error('nothing announced');
    return body;
  });
  expect(parseEvent(FLASH_SALE_FAILED, announced)).toMatchObject({
    ok: true,
    event: { body: { code: 'UNKNOWN_ACTIVITY_OR_TEMPLATE', event_seq: 250 } },
  });
  await failed.close();

  // The operator puts right what was wrong, and moves the message back.
  await db.database.query(
    "INSERT INTO coupon_templates (id, name, type, discount_type, discount_value, total_count, valid_start_time, valid_end_time) VALUES (987654321, 'other', 1, 1, 1, 1, '2026-01-01', '2027-01-01')",
  );
  await db.database.query('UPDATE flash_sale_activities SET coupon_id = 987654321 WHERE id = ?', [place.activityId]);
  const shown = await command(['show', '--event', poisoned.body.event_id]);
  expect(shown.out).toContain('UNKNOWN_ACTIVITY_OR_TEMPLATE');
  expect((await command(['list'])).out).toContain('1 in the queue, 1 listed');
  expect(await command(['replay', '--all'])).toMatchObject({ exitCode: undefined });
  await soon(async () => expect(await db.totals(place.activityId)).toMatchObject({ success_count: 500, events: 500 }));
  expect(await probe.deadLetters()).toEqual([]);
  const [after] = await db.database.query<{ replayed_at: Date | null }>(
    'SELECT replayed_at FROM dead_letters WHERE event_id = ?',
    [poisoned.body.event_id],
  );
  expect(after?.replayed_at).toBeInstanceOf(Date);
});

it('parks what is no event at all: broken JSON, another schema, an unknown type, no id', async () => {
  const place = await db.anActivity();
  const good = messageOf(claimed(place, 1));
  const queue = CLAIMS_QUEUE;
  await probe.publish([
    { ...good, id: 'broken', body: '{"schema_version":1,' },
    { ...good, id: 'version', body: JSON.stringify({ schema_version: 2 }) },
    { ...good, id: 'type', type: 'order.paid.v1', queue },
    { ...good, id: '', body: Buffer.from([0xff, 0xfe, 0x00]), queue },
    good,
  ]);
  await start();
  const letters = await soon(async () => {
    const found = await probe.deadLetters();
    expect(found).toHaveLength(4);
    return found;
  });
  expect(letters.map(({ headers }) => headers['x-reason-code']).sort()).toEqual([
    'NOT_JSON',
    'NOT_JSON',
    'UNKNOWN_EVENT_TYPE',
    'UNSUPPORTED_SCHEMA_VERSION',
  ]);
  expect(letters.every(({ headers }) => headers['x-attempts'] === 3)).toBe(true);
  expect(letters.some(({ id }) => id.startsWith('sha256-'))).toBe(true);
  await soon(async () => expect((await db.totals(place.activityId)).events).toBe(1));
  expect((await command(['replay', '--event', 'nowhere'])).exitCode).toBe(1);
  expect((await command(['replay'])).exitCode).toBe(2);
  await command(['replay', '--event', 'type']);
  // Still nothing that can be stored: it comes back.
  await soon(async () => expect(await probe.deadLetters()).toHaveLength(4));
});

it('lets an event that came too early wait for the one it depends on, without a delivery spent', async () => {
  const place = await db.anActivity({ total: 1 });
  const first = claimed(place, 1, { userId: '5' });
  const again = claimed(place, 3, { userId: '5' });
  await start();
  await probe.publish([messageOf(first)]);
  await soon(async () => expect((await db.totals(place.activityId)).events).toBe(1));
  await probe.publish([messageOf(again)]);
  await new Promise((resolve) => setTimeout(resolve, 600));
  await probe.publish([messageOf(released(first, 2))]);
  await soon(async () =>
    expect(await db.totals(place.activityId)).toEqual({ success_count: 1, coupons: 2, live: 1, events: 3 }),
  );
  await soon(async () => expect(await probe.ready()).toBe(0));
});

it('refuses to start where MySQL does not keep what it confirms', async () => {
  const [before] = await db.database.query<{ value: number }>('SELECT @@GLOBAL.sync_binlog AS value');
  const [log] = await db.database.query<{ on: number }>('SELECT @@GLOBAL.log_bin AS `on`');
  if (Number(before?.value) === 1 || Number(log?.on) === 0) {
    const worker = await start({ DURABILITY_MODE: 'fsync' });
    await probe.publish([messageOf(claimed(await db.anActivity(), 1))]);
    await soon(async () => expect(await probe.ready()).toBe(0));
    expect(worker.lifecycle.state).toBe('RUNNING');
    return;
  }
  const worker = await start({ DURABILITY_MODE: 'fsync' });
  expect(await worker.lifecycle.ended).toBe('FAILED');
  expect(worker.lifecycle.failure?.message).toContain('sync_binlog must be 1');
});

/** A consumer that stores its first batch and loses the broker before it can acknowledge. @returns how many deliveries that were. */
async function consumeThenCut(activityId: string): Promise<number> {
  const proxy = await TcpProxy.inFrontOf(vhost.url);
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const connection = new AmqpConnection({ url: proxy.url, name: 'dying', logger: silent });
  const consumer = new RabbitMqConsumer({
    connection,
    logger: silent,
    queue: CLAIMS_QUEUE,
    topology: claimTopology(),
    prefetch: 100,
    batchSize: 100,
    batchWaitMs: 50,
  });
  const taken = await new Promise<number>((resolve, reject) => {
    const handle = async (batch: DeliveryBatch): Promise<void> => {
      const { MysqlClaimStore } = await import('../../src/adapters/mysql-claim-store');
      const events = batch.deliveries.map((delivery) => {
        const parsed = parseEvent(delivery.type, delivery.body);
        if (!parsed.ok || parsed.event.type !== FLASH_SALE_SUCCEEDED) throw new Error('not a claim');
        return { kind: 'claimed' as const, body: parsed.event.body };
      });
      const result = await new MysqlClaimStore(db.prisma).storeClaims(events);
      if (result.kind !== 'stored') throw new Error(`${activityId}: ${result.kind}`);
      proxy.setMode('refuse');
      proxy.cut();
      batch.ack(batch.deliveries);
      resolve(batch.deliveries.length);
    };
    consumer.start((batch) => handle(batch).catch(reject)).catch(reject);
  });
  await consumer.close();
  await connection.close();
  await proxy.stop();
  return taken;
}

async function listenTo(routingKey: string): Promise<{ next(): Buffer | undefined; close(): Promise<void> }> {
  const connection = await connect(vhost.url);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, EVENTS_EXCHANGE, routingKey);
  const bodies: Buffer[] = [];
  await channel.consume(queue, (message) => message !== null && bodies.push(message.content), { noAck: true });
  return { next: () => bodies.shift(), close: () => connection.close() };
}

async function command(words: string[]): Promise<{ out: string; exitCode: unknown }> {
  let out = '';
  const target: Parameters<typeof runDeadLetterCommand>[2] = {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (out += text) },
  };
  await runDeadLetterCommand(words, { MYSQL_URL: db.database.url, AMQP_URL: vhost.url }, target);
  return { out, exitCode: target.exitCode };
}
