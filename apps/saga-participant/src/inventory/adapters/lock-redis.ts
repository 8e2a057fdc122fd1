import { createClaimRedis } from '@coupon/lua';
import type { Component, Logger } from '@coupon/service-kit';

/** The connection to the Redis of the stock locks. Its absence keeps no service from starting: strategy lock refuses until it is there. */
export class LockRedis implements Component {
  readonly name = 'lock redis';
  readonly client: ReturnType<typeof createClaimRedis>;

  constructor(
    url: string,
    private readonly logger: Logger,
  ) {
    this.client = createClaimRedis(url, { connectionName: 'saga-participant' });
    // ioredis repeats the error with every attempt to connect.
    let silent = false;
    this.client.on('error', (error: unknown) => {
      if (!silent) logger.warn({ err: error }, 'the Redis of the stock locks cannot be used');
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
      this.logger.warn({ err: error }, 'no connection to the Redis of the stock locks yet');
    }
  }

  close(): void {
    this.client.disconnect();
  }
}
