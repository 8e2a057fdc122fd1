import { createClaimRedis } from '@coupon/lua';
import type { ClaimRedisOptions } from '@coupon/lua';
import type { Component, Logger } from '@coupon/service-kit';

export type ClaimRedisClient = ReturnType<typeof createClaimRedis>;

/** The connection to the claim Redis as a component: its absence degrades the service and never keeps it from starting. */
export class ClaimRedisConnection implements Component {
  readonly name = 'redis';
  readonly client: ClaimRedisClient;

  constructor(
    url: string,
    options: ClaimRedisOptions,
    private readonly logger: Logger,
  ) {
    this.client = createClaimRedis(url, { ...options, connectionName: 'coupon-admin' });
    // ioredis repeats the error with every attempt to connect.
    let silent = false;
    this.client.on('error', (error: unknown) => {
      if (!silent) logger.warn({ err: error }, 'the claim Redis cannot be used');
      silent = true;
    });
    this.client.on('ready', () => {
      silent = false;
    });
  }

  async start(): Promise<void> {
    try {
      await this.client.connect();
    } catch (error) {
      this.logger.warn({ err: error }, 'no connection to the claim Redis yet');
    }
  }

  close(): void {
    this.client.disconnect();
  }
}
