import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import { L2Dropper, registerL2DropperMetrics } from '@coupon/cache-bus';
import { createClaimRedis } from '@coupon/lua';
import { sharedCaches } from '@coupon/read-models';
import type { Component, Logger } from '@coupon/service-kit';
import type { WorkerConfig } from '../config';

const REDIS_COMMAND_MS = 500;

/** Drops from the shared level of the caches what has changed, as one of those who stand by for it. */
export function createCacheDropper(config: WorkerConfig, registry: Registry, logger: Logger): readonly Component[] {
  const redis = createClaimRedis(config.cacheRedisUrl, {
    connectionName: `seckill-worker:${config.instance} caches`,
    commandTimeoutMs: REDIS_COMMAND_MS,
  });
  redis.on('error', (error: Error) => logger.warn({ err: error }, 'connection to the Redis of the caches'));
  const dropper = new L2Dropper({
    url: config.amqpUrl,
    name: `seckill-worker ${config.instance}`,
    caches: sharedCaches({ redis, newToken: randomUUID }),
    logger,
  });
  registerL2DropperMetrics(registry, dropper);
  return [
    {
      name: 'redis of the caches',
      start: () => {
        // The client goes on trying by itself; until then what changes waits in its queue.
        redis
          .connect()
          .catch((error: unknown) => logger.warn({ err: error }, 'the Redis of the caches not reached yet'));
      },
      close: () => redis.disconnect(),
    },
    dropper,
  ];
}
