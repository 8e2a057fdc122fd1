import type { PrismaClient } from '@coupon/persistence';

/**
 * A database client for calls that must not hang: one that takes too long is given up with its whole pool, and the next call has new
 * connections. A server that vanished without a word would otherwise hold them for a quarter of an hour.
 */
export class ImpatientClient {
  private current: PrismaClient | undefined;

  constructor(
    private readonly create: () => PrismaClient,
    private readonly timeoutMs: number,
  ) {}

  /** @throws Error of the call, or when it took too long; nobody knows then whether it has had an effect. */
  async run<T>(work: (prisma: PrismaClient) => Promise<T>): Promise<T> {
    const client = (this.current ??= this.create());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        if (this.current === client) this.current = undefined;
        // It may hang as well; there is nobody left to tell.
        client.$disconnect().catch(() => undefined);
        reject(new Error(`the database did not answer within ${this.timeoutMs} ms`));
      }, this.timeoutMs);
    });
    try {
      return await Promise.race([work(client), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    const client = this.current;
    this.current = undefined;
    if (client === undefined) return;
    await Promise.race([client.$disconnect(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
  }
}
