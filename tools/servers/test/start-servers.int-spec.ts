import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { pollUntil, startServers } from '../src';
import type { RunningServers } from '../src';

const FIRST_RUN_MS = 600_000;

describe('servers of this machine', () => {
  let run: RunningServers;

  beforeAll(async () => {
    run = await startServers({
      need: ['mysql', 'redis', 'rabbitmq'],
      purpose: 'test',
      sources: ['local', 'unpacked', 'installed'],
    });
  }, FIRST_RUN_MS);
  afterAll(() => run?.stop());

  it('answer on loopback addresses only, each from a source with a name and a version', () => {
    for (const endpoint of Object.values(run.endpoints)) {
      expect(endpoint).toMatchObject({
        url: expect.stringMatching(/^\w+:\/\/(\S+@)?127\.0\.0\.1:\d+$/) as unknown,
        version: expect.stringMatching(/^\d+\.\d+/) as unknown,
      });
    }
  });

  it('MySQL killed with -9 keeps what was committed', async () => {
    const execute = async (sql: string): Promise<unknown> => {
      const connection = await createConnection(run.endpoints.mysql.url);
      const [rows] = await connection.query(sql);
      await connection.end();
      return rows;
    };
    await execute('CREATE DATABASE kept');
    await execute('CREATE TABLE kept.t (id INT PRIMARY KEY)');
    await execute('INSERT INTO kept.t VALUES (1), (2)');
    await run.servers.mysql.kill();
    await expect(execute('SELECT 1')).rejects.toThrow();
    await run.servers.mysql.start();
    expect(await execute('SELECT COUNT(*) AS n FROM kept.t')).toMatchObject([{ n: 2 }]);
  });

  it('Redis killed with -9 keeps every acknowledged write', async () => {
    const before = new Redis(run.endpoints.redis.url, { lazyConnect: true, retryStrategy: () => null });
    before.on('error', () => undefined); // the kill is on purpose
    await before.connect();
    for (let index = 0; index < 100; index++) await before.rpush('list', index);
    await run.servers.redis.restart();
    before.disconnect();
    const after = new Redis(run.endpoints.redis.url);
    expect(await after.llen('list')).toBe(100);
    after.disconnect();
  });

  it('RabbitMQ killed with -9 keeps every confirmed message of a quorum queue', async () => {
    const first = await connect(run.endpoints.rabbitmq.url);
    first.on('error', () => undefined); // the kill is on purpose
    const channel = await first.createConfirmChannel();
    channel.on('error', () => undefined);
    await channel.assertQueue('kept', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    for (let index = 0; index < 20; index++)
      channel.sendToQueue('kept', Buffer.from(String(index)), { persistent: true });
    await channel.waitForConfirms();
    await pollUntil(async () => expect(queueRegister(run.directory ?? '')).toContain('kept'), {
      timeoutMs: 10_000,
      intervalMs: 50,
      what: "the broker's register of queues",
    });
    await run.servers.rabbitmq.restart();
    expect(await drain(run.endpoints.rabbitmq.url, 'kept', 20)).toEqual(
      Array.from({ length: 20 }, (_, index) => String(index)),
    );
  });
});

/**
 * RabbitMQ writes a new quorum queue into its register of queues half a second after the declaration was answered: killed before that,
 * it starts with an empty queue, confirmed messages or not. Only queues that are older than that survive a kill.
 */
function queueRegister(directory: string): string {
  const file = readdirSync(directory, { recursive: true, encoding: 'utf8' }).find(
    (name) => name.endsWith('names.dets') && name.includes('quorum'),
  );
  return file === undefined ? '' : readFileSync(join(directory, file), 'latin1');
}

/** The queue elects its leader after the broker is up: it may look empty for a moment. */
async function drain(url: string, queue: string, count: number): Promise<string[]> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    const bodies: string[] = [];
    const complete = new Promise<void>((resolve, reject) => {
      connection.on('error', reject);
      setTimeout(reject, 20_000, new Error(`only ${bodies.length} messages arrived`)).unref();
      const take = (body: string): void => {
        bodies.push(body);
        if (bodies.length === count) resolve();
      };
      channel.consume(queue, (message) => message && take(message.content.toString()), { noAck: true }).catch(reject);
    });
    await complete;
    return bodies;
  } finally {
    await connection.close();
  }
}
