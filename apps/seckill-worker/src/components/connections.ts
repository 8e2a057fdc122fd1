import type { Redis } from 'ioredis';
import { ActivityStore, OutboxStream, createClaimRedis, loadScripts } from '@coupon/lua';
import { AmqpConnection } from '@coupon/messaging';
import { createPrisma } from '@coupon/persistence';
import type { PrismaClient } from '@coupon/persistence';
import type { Component, Health, Logger } from '@coupon/service-kit';
import type { WorkerConfig } from '../config';

/** The worker's ways to its servers. None of them has to be there for the worker to start: it waits for each as long as it takes. */
export interface Connections {
  readonly redis: Redis;
  readonly activities: ActivityStore;
  readonly outbox: OutboxStream;
  readonly prisma: PrismaClient;
  /** Two connections to RabbitMQ: one that the broker blocks because it publishes must not stop acknowledgements. */
  readonly publishing: AmqpConnection;
  readonly consuming: AmqpConnection;
  readonly component: Component;
}

export function createConnections(config: WorkerConfig, logger: Logger, health: Health): Connections {
  const redis = createClaimRedis(config.claimRedisUrl, { connectionName: `seckill-worker:${config.instance}` });
  redis.on('error', (error: Error) => logger.warn({ err: error }, 'claim redis connection'));
  redis.on('ready', () => {
    loadScripts(redis, ['acknowledgeOutbox', 'markPersisted', 'snapshotActivity']).catch((error: unknown) => {
      // Not needed for correctness: a script the server does not know is sent in full.
      logger.warn({ err: error }, 'scripts not loaded');
    });
  });
  const prisma = createPrisma(config.mysql.url, {
    poolSize: config.mysql.poolSize,
    poolIdle: Math.min(config.mysql.poolSize, config.consumer.lanes + 1),
    onConnectionError: (error) => logger.warn({ err: error }, 'database connection'),
  });
  const connection = (purpose: string): AmqpConnection =>
    new AmqpConnection({ url: config.amqpUrl, name: `seckill-worker ${config.instance} ${purpose}`, logger });
  const publishing = connection('publishing');
  const consuming = connection('consuming');
  registerChecks(health, { redis, prisma, publishing, consuming });
  return {
    redis,
    activities: new ActivityStore(redis),
    outbox: new OutboxStream(redis),
    prisma,
    publishing,
    consuming,
    component: {
      name: 'connections',
      start: async () => {
        // The client goes on trying by itself; its state is visible in /health.
        redis.connect().catch((error: unknown) => logger.warn({ err: error }, 'claim redis not reached yet'));
        await Promise.all([publishing.start(), consuming.start()]);
      },
      close: async () => {
        await Promise.all([publishing.close(), consuming.close(), prisma.$disconnect()]);
        redis.disconnect();
      },
    },
  };
}

function registerChecks(
  health: Health,
  { redis, prisma, publishing, consuming }: Pick<Connections, 'redis' | 'prisma' | 'publishing' | 'consuming'>,
): void {
  health.register({
    name: 'mysql',
    check: async () => {
      await prisma.$queryRaw`SELECT 1`;
    },
  });
  health.register({
    name: 'redis',
    check: async () => {
      await redis.ping();
    },
  });
  health.register({
    name: 'rabbitmq',
    check: async () => {
      for (const { status } of [publishing, consuming]) {
        if (status.state !== 'open') throw new Error(`${status.state}: ${status.reason ?? ''}`);
      }
    },
  });
}
