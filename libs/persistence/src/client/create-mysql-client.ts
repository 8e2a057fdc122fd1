import { createMysqlAdapter } from '../create-prisma';
import type { CreatePrismaOptions } from '../create-prisma';
import type { Prisma } from '../generated/client';
import type { Adapter, AdapterFactory, AdapterTransaction } from '../renewing-adapter';
import { ClientTransaction } from './client-transaction';
import { templateQuery, textQuery } from './driver-query';
import type { RawStatements } from './raw-statements';
import { toRows } from './row-values';
import { TransactionError } from './transaction-error';

export interface TransactionOptions {
  /** To get a connection and begin, milliseconds. @default 2_000 */
  readonly maxWait?: number;
  /** From then on; a transaction that is not over is rolled back, milliseconds. @default 5_000 */
  readonly timeout?: number;
}

/** What of a Prisma client does not depend on a schema: raw statements, and transactions of them. */
export interface MysqlClient extends RawStatements {
  /**
   * Commits when the work resolves; rolls back, and rejects as the work does, when it rejects.
   * @throws TransactionError; whatever a statement or the commit ends with: `classifyMysqlError` tells
   */
  $transaction<T>(work: (tx: RawStatements) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Rolls back what is under way and closes the pool. */
  $disconnect(): Promise<void>;
}

/**
 * The raw statements of `createPrisma`, on the same pool, with the same values and errors, for a third of the CPU: they go to the driver adapter
 * and not through Prisma's engine. Connects on first use.
 */
export function createMysqlClient(url: string, options: CreatePrismaOptions = {}): MysqlClient {
  return new AdapterClient(createMysqlAdapter(url, options));
}

/** Exported for tests, which bring a driver of their own. */
export class AdapterClient implements MysqlClient {
  #adapter: Promise<Adapter> | undefined;
  readonly #open = new Set<ClientTransaction>();

  constructor(private readonly factory: AdapterFactory) {}

  async $queryRaw<T = unknown>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<T> {
    const statement = templateQuery(query, values);
    return toRows(await (await this.#connected()).queryRaw(statement)) as T;
  }

  async $executeRaw(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<number> {
    const statement = templateQuery(query, values);
    return (await this.#connected()).executeRaw(statement);
  }

  async $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T> {
    const statement = textQuery(query, values);
    return toRows(await (await this.#connected()).queryRaw(statement)) as T;
  }

  async $executeRawUnsafe(query: string, ...values: unknown[]): Promise<number> {
    const statement = textQuery(query, values);
    return (await this.#connected()).executeRaw(statement);
  }

  async $transaction<T>(
    work: (tx: RawStatements) => Promise<T>,
    { maxWait = 2_000, timeout = 5_000 }: TransactionOptions = {},
  ): Promise<T> {
    const transaction = new ClientTransaction(await this.#begin(maxWait), timeout);
    this.#open.add(transaction);
    try {
      const result = await work(transaction);
      await transaction.commit();
      return result;
    } catch (error) {
      await transaction.rollback();
      throw error;
    } finally {
      this.#open.delete(transaction);
    }
  }

  async $disconnect(): Promise<void> {
    const adapter = this.#adapter;
    this.#adapter = undefined;
    await Promise.all([...this.#open].map((transaction) => transaction.rollback()));
    await (await adapter)?.dispose();
  }

  #connected(): Promise<Adapter> {
    if (this.#adapter === undefined) {
      const connecting = this.factory.connect();
      this.#adapter = connecting;
      connecting.catch(() => {
        // The next statement tries again.
        if (this.#adapter === connecting) this.#adapter = undefined;
      });
    }
    return this.#adapter;
  }

  async #begin(maxWaitMs: number): Promise<AdapterTransaction> {
    const connected = this.#connected();
    const adapter = await connected;
    return new Promise((resolve, reject) => {
      let isGivenUp = false;
      const giveUp = (): void => {
        isGivenUp = true;
        reject(new TransactionError('not-started'));
      };
      const timer = setTimeout(giveUp, maxWaitMs);
      timer.unref();
      adapter.startTransaction().then(
        (transaction) => {
          clearTimeout(timer);
          if (this.#adapter !== connected) giveUp();
          // Nobody waits for it any more: its connection goes back.
          if (isGivenUp) transaction.rollback().catch(() => undefined);
          else resolve(transaction);
        },
        (error: Error) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}
