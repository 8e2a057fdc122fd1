import type { Redis } from 'ioredis';
import { createClaimRedis } from './claim-redis';
import type { ClaimRedisOptions } from './claim-redis';

export interface RedisConnectionOptions extends ClaimRedisOptions {
  /** Of the component. */
  readonly name: string;
  /** What log lines call it: "the claim Redis". */
  readonly server: string;
  readonly logger: { warn(attributes: object, message: string): void };
}

/** A connection as a component of a service, which starts also while the server is away; the connection comes up by itself then. */
export class RedisConnection {
  readonly name: string;
  readonly client: Redis;

  constructor(
    url: string,
    private readonly options: RedisConnectionOptions,
  ) {
    this.name = options.name;
    this.client = createClaimRedis(url, options);
    // ioredis repeats the error with every attempt to connect.
    let silent = false;
    this.client.on('error', (error: unknown) => {
      if (!silent) options.logger.warn({ err: error }, `${options.server} cannot be used`);
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
      this.options.logger.warn({ err: error }, `no connection to ${this.options.server} yet`);
    }
  }

  close(): void {
    this.client.disconnect();
  }
}
