import type { Prisma } from '../generated/client';
import type { AdapterTransaction } from '../renewing-adapter';
import { templateQuery, textQuery } from './driver-query';
import type { DriverQuery } from './driver-query';
import type { RawStatements } from './raw-statements';
import { toRows } from './row-values';
import { TransactionError } from './transaction-error';

type State = 'open' | 'committed' | 'rolled-back' | 'timed-out';

/**
 * One transaction of the driver. It ends once, by commit, rollback or its timeout, whichever is first, and gives its connection back then; what
 * was sent before the end is done before it, and nothing is sent after it.
 */
export class ClientTransaction implements RawStatements {
  #state: State = 'open';
  #end: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  /** @param timeoutMs after which it is rolled back */
  constructor(
    private readonly driver: AdapterTransaction,
    timeoutMs: number,
  ) {
    this.#timer = setTimeout(() => void this.#finish('timed-out').catch(() => undefined), timeoutMs);
    this.#timer.unref();
  }

  async $queryRaw<T = unknown>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<T> {
    return this.#query<T>(templateQuery(query, values));
  }

  async $executeRaw(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<number> {
    return this.#execute(templateQuery(query, values));
  }

  async $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T> {
    return this.#query<T>(textQuery(query, values));
  }

  async $executeRawUnsafe(query: string, ...values: unknown[]): Promise<number> {
    return this.#execute(textQuery(query, values));
  }

  /** @throws TransactionError when it has ended before; the driver's error when the commit fails */
  async commit(): Promise<void> {
    this.#mustBeOpen();
    await this.#finish('committed');
  }

  /** Nothing when it has ended before, but for waiting for that end. Never rejects: what loses its connection is rolled back by the server. */
  async rollback(): Promise<void> {
    await (this.#end ?? this.#finish('rolled-back')).catch(() => undefined);
  }

  async #query<T>(query: DriverQuery): Promise<T> {
    this.#mustBeOpen();
    return toRows(await this.driver.queryRaw(query)) as T;
  }

  async #execute(query: DriverQuery): Promise<number> {
    this.#mustBeOpen();
    return this.driver.executeRaw(query);
  }

  #mustBeOpen(): void {
    if (this.#state !== 'open') throw new TransactionError(this.#state === 'timed-out' ? 'timed-out' : 'ended');
  }

  #finish(state: Exclude<State, 'open'>): Promise<void> {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#end = state === 'committed' ? this.driver.commit() : this.driver.rollback();
    return this.#end;
  }
}
