import type { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { mysqlErrorCode } from './mysql-error';

type DriverAdapter = Awaited<ReturnType<PrismaMariaDb['connect']>>;
/** A driver adapter as Prisma sees it: one pool of connections. */
export type Adapter = Pick<
  DriverAdapter,
  | 'provider'
  | 'adapterName'
  | 'queryRaw'
  | 'executeRaw'
  | 'executeScript'
  | 'startTransaction'
  | 'getConnectionInfo'
  | 'dispose'
>;
export type AdapterFactory = Pick<PrismaMariaDb, 'provider' | 'adapterName'> & { connect(): Promise<Adapter> };
export type AdapterTransaction = Awaited<ReturnType<Adapter['startTransaction']>>;

export interface RenewalOptions {
  /** A pool older than this is replaced before its next use. */
  readonly lifetimeMs: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** A replaced pool could not be closed in order. */
  readonly onError: (error: Error) => void;
}

/** The server says that it does not take writes: --read-only (1290), a read-only transaction (1792), InnoDB in read-only mode (1836). */
const READ_ONLY = new Set([1290, 1792, 1836]);
/** A server that stays read-only must not cost a new pool with every statement. */
const LEAST_AGE_MS = 1_000;

interface Pool {
  readonly adapter: Adapter;
  readonly bornMs: number;
  /** Statements and transactions under way. */
  inUse: number;
  readOnly: boolean;
  retired: boolean;
}

/**
 * Gives the driver's pools an end: the driver keeps a connection as long as it works, also one to a server that was the primary before a
 * failover. A pool is replaced after its lifetime, and at the next use after the server has refused a write as read-only. What
 * is under way stays on its old connection to its end; the old pool is closed after the last of it.
 */
export class RenewingAdapterFactory implements AdapterFactory {
  readonly provider: AdapterFactory['provider'];
  readonly adapterName: string;

  constructor(
    private readonly inner: AdapterFactory,
    private readonly options: RenewalOptions,
  ) {
    this.provider = inner.provider;
    this.adapterName = inner.adapterName;
  }

  async connect(): Promise<Adapter> {
    return new RenewingAdapter(this.inner, await this.inner.connect(), this.options);
  }
}

class RenewingAdapter implements Adapter {
  readonly provider: Adapter['provider'];
  readonly adapterName: string;
  private current: Pool;
  private renewing: Promise<void> | undefined;
  private readonly closing = new Set<Promise<void>>();
  private readonly old = new Set<Pool>();

  constructor(
    private readonly inner: AdapterFactory,
    first: Adapter,
    private readonly options: RenewalOptions,
  ) {
    this.provider = first.provider;
    this.adapterName = first.adapterName;
    this.current = this.poolOf(first);
  }

  queryRaw(...args: Parameters<Adapter['queryRaw']>): ReturnType<Adapter['queryRaw']> {
    return this.use((adapter) => adapter.queryRaw(...args));
  }

  executeRaw(...args: Parameters<Adapter['executeRaw']>): ReturnType<Adapter['executeRaw']> {
    return this.use((adapter) => adapter.executeRaw(...args));
  }

  executeScript(script: string): Promise<void> {
    return this.use((adapter) => adapter.executeScript(script));
  }

  getConnectionInfo(): ReturnType<Adapter['getConnectionInfo']> {
    return this.current.adapter.getConnectionInfo();
  }

  async startTransaction(...args: Parameters<Adapter['startTransaction']>): ReturnType<Adapter['startTransaction']> {
    const pool = await this.take();
    try {
      return this.watched(pool, await pool.adapter.startTransaction(...args));
    } catch (error) {
      this.judge(pool, error);
      this.giveBack(pool);
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await this.renewing;
    const pools = [this.current, ...this.old];
    this.old.clear();
    await Promise.all([...this.closing, ...pools.map(({ adapter }) => adapter.dispose())]);
  }

  private async use<T>(work: (adapter: Adapter) => Promise<T>): Promise<T> {
    const pool = await this.take();
    try {
      return await work(pool.adapter);
    } catch (error) {
      this.judge(pool, error);
      throw error;
    } finally {
      this.giveBack(pool);
    }
  }

  /** A transaction uses its pool until its end, which comes once: Prisma commits or rolls back. */
  private watched(pool: Pool, transaction: AdapterTransaction): AdapterTransaction {
    const guard = async <T>(work: Promise<T> | undefined): Promise<T> => {
      try {
        return (await work) as T;
      } catch (error) {
        this.judge(pool, error);
        throw error;
      }
    };
    let open = true;
    const end = async (work: Promise<void>): Promise<void> => {
      try {
        await guard(work);
      } finally {
        if (open) this.giveBack(pool);
        open = false;
      }
    };
    return {
      provider: transaction.provider,
      adapterName: transaction.adapterName,
      options: transaction.options,
      queryRaw: (query) => guard(transaction.queryRaw(query)),
      executeRaw: (query) => guard(transaction.executeRaw(query)),
      commit: () => end(transaction.commit()),
      rollback: () => end(transaction.rollback()),
      createSavepoint: (name) => guard(transaction.createSavepoint?.(name)),
      rollbackToSavepoint: (name) => guard(transaction.rollbackToSavepoint?.(name)),
      releaseSavepoint: (name) => guard(transaction.releaseSavepoint?.(name)),
    };
  }

  private async take(): Promise<Pool> {
    while (this.isDue(this.current)) {
      this.renewing ??= this.renew().finally(() => {
        this.renewing = undefined;
      });
      await this.renewing;
    }
    this.current.inUse += 1;
    return this.current;
  }

  private isDue({ bornMs, readOnly }: Pool): boolean {
    const ageMs = this.options.nowMs() - bornMs;
    return ageMs >= this.options.lifetimeMs || (readOnly && ageMs >= LEAST_AGE_MS);
  }

  private async renew(): Promise<void> {
    const before = this.current;
    this.current = this.poolOf(await this.inner.connect());
    before.retired = true;
    this.old.add(before);
    this.closeIfIdle(before);
  }

  private giveBack(pool: Pool): void {
    pool.inUse -= 1;
    this.closeIfIdle(pool);
  }

  private closeIfIdle(pool: Pool): void {
    if (!pool.retired || pool.inUse > 0 || !this.old.delete(pool)) return;
    const closing = pool.adapter
      .dispose()
      .catch((error: unknown) => this.options.onError(error instanceof Error ? error : new Error(String(error))))
      .finally(() => this.closing.delete(closing));
    this.closing.add(closing);
  }

  private judge(pool: Pool, error: unknown): void {
    if (READ_ONLY.has(mysqlErrorCode(error) ?? 0)) pool.readOnly = true;
  }

  private poolOf(adapter: Adapter): Pool {
    return { adapter, bornMs: this.options.nowMs(), inUse: 0, readOnly: false, retired: false };
  }
}
