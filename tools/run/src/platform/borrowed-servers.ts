import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import type { RunningServers } from '@coupon/servers';
import { UserError } from '../cli/user-error';

/** What the apps make on a broker; see the topologies of the worker and of saga-participant. */
const EXCHANGES = ['coupon.events'];
const QUEUES = [
  'seckill-worker.claims',
  'seckill-worker.claims.dlq',
  'saga.payment-timeout',
  'saga.payment-timeout.dlq',
];
const SCAN_COUNT = 500;

export interface BorrowedServers {
  /** Removes what the platform made on servers that stay. */
  cleanUp(): Promise<void>;
}

/**
 * Servers given by environment variables belong to somebody: refuses to start where another platform already has its keys or queues,
 * and takes its own away at the end. Servers that were started for this run vanish as a whole and need neither.
 */
export async function borrowServers(
  servers: RunningServers,
  { paymentTimeoutMs }: { readonly paymentTimeoutMs: number },
): Promise<BorrowedServers> {
  const { redis, rabbitmq } = servers.endpoints;
  const cleanUps: (() => Promise<void>)[] = [];
  if (redis.source === 'environment') {
    await refuseUsedRedis(redis.url);
    cleanUps.push(() => removeKeys(redis.url));
  }
  if (rabbitmq.source === 'environment') {
    await refuseUsedBroker(rabbitmq.url);
    const queues = [...QUEUES, `saga.payment-delay.${paymentTimeoutMs}`];
    cleanUps.push(() => removeTopology(rabbitmq.url, queues));
  }
  return {
    cleanUp: async () => {
      for (const cleanUp of cleanUps) await cleanUp();
    },
  };
}

async function refuseUsedRedis(url: string): Promise<void> {
  const activities = await withRedis(url, (redis) => redis.scard('coupon:activities'));
  if (activities > 0) {
    throw new UserError(
      `The Redis of REDIS_URL already has ${activities} activities of another run. Give it a database of its own, for instance redis://host:6379/5.`,
    );
  }
}

async function removeKeys(url: string): Promise<void> {
  await withRedis(url, async (redis) => {
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', 'coupon:*', 'COUNT', SCAN_COUNT);
      if (keys.length > 0) await redis.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
  });
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1, connectTimeout: 5_000 });
  redis.on('error', () => undefined); // the command under way rejects with it
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Number of messages in a queue; undefined when there is no such queue. */
export async function queueDepth(amqpUrl: string, queue: string): Promise<number | undefined> {
  const connection = await connect(amqpUrl);
  connection.on('error', () => undefined); // a channel that fails is reported by its call
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    try {
      return (await channel.checkQueue(queue)).messageCount;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 404) return undefined;
      throw error;
    }
  } finally {
    await connection.close();
  }
}

async function refuseUsedBroker(url: string): Promise<void> {
  for (const queue of QUEUES) {
    if ((await queueDepth(url, queue)) === undefined) continue;
    throw new UserError(
      `The broker of AMQP_URL already has the queue ${queue} of another run. Give it a virtual host of its own, for instance amqp://host/coupon-demo.`,
    );
  }
}

async function removeTopology(url: string, queues: readonly string[]): Promise<void> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    for (const queue of queues) await channel.deleteQueue(queue);
    for (const exchange of EXCHANGES) await channel.deleteExchange(exchange);
  } finally {
    await connection.close();
  }
}
