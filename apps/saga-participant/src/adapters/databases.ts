import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@coupon/domain';
import { TransactionError, classifyMysqlError, createMysqlClient } from '@coupon/persistence';
import type { MysqlClient, RawStatements } from '@coupon/persistence';
import { BranchRunner } from '@coupon/saga';
import type { BarrierVerdict, BranchIdentity } from '@coupon/saga';

declare const name: unique symbol;
/** Statements for one database make no sense on the other; the compiler alone tells the two apart. */
type On<Name, Statements> = Statements & { readonly [name]?: Name };

export type CouponTransaction = On<'coupon', RawStatements>;
export type ShopTransaction = On<'shop', RawStatements>;

/** A database with transactions that are repeated after a deadlock, and branches that run in them. */
export interface Database<Name> {
  /** For statements outside of transactions. */
  readonly client: On<Name, MysqlClient>;
  readonly branches: BranchRunner<On<Name, RawStatements>>;
  /**
   * Commits when the work resolves; the work may run several times.
   * @throws AppError NOT_READY when the database cannot be used, OUTCOME_UNKNOWN when the connection broke during the commit
   */
  transaction<T>(work: (tx: On<Name, RawStatements>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export type CouponDatabase = Database<'coupon'>;
export type ShopDatabase = Database<'shop'>;

export interface DatabaseOptions {
  readonly poolSize: number;
  readonly poolIdle: number;
  readonly acquireTimeoutMs: number;
  readonly onConnectionError: (error: Error) => void;
  /** Told about every barrier's verdict, for metrics. */
  readonly onVerdict?: (branch: BranchIdentity, verdict: BarrierVerdict) => void;
}

export function openCouponDatabase(url: string, options: DatabaseOptions): CouponDatabase {
  return open<'coupon'>(url, options);
}

export function openShopDatabase(url: string, options: DatabaseOptions): ShopDatabase {
  return open<'shop'>(url, options);
}

const MAX_ATTEMPTS = 8;
const TRANSACTION = { maxWait: 10_000, timeout: 20_000 } as const;

function open<Name>(url: string, options: DatabaseOptions): Database<Name> {
  const client = createMysqlClient(url, options);
  const { onVerdict } = options;
  return {
    client,
    branches: new BranchRunner({
      transaction: (work) => client.$transaction(work, TRANSACTION),
      isRetryable,
      ...(onVerdict === undefined ? {} : { onVerdict }),
    }),
    transaction: (work) => repeatedly(client, work),
    close: () => client.$disconnect(),
  };
}

async function repeatedly<T>(client: MysqlClient, work: (tx: RawStatements) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let committing = false;
    try {
      return await client.$transaction(async (tx) => {
        committing = false;
        const result = await work(tx);
        committing = true;
        return result;
      }, TRANSACTION);
    } catch (error) {
      const { kind } = classifyMysqlError(error);
      if (kind === 'retryable' && attempt < MAX_ATTEMPTS) {
        await sleep(Math.random() * 20 * attempt);
        continue;
      }
      // A TransactionError says that the commit was not even sent.
      if (committing && kind === 'infrastructure' && !(error instanceof TransactionError)) {
        throw new AppError('OUTCOME_UNKNOWN', 'the connection broke during the commit', { cause: error });
      }
      if (kind === 'infrastructure' || kind === 'retryable') {
        throw new AppError('NOT_READY', 'the database cannot be used at the moment', { cause: error });
      }
      throw error;
    }
  }
}

function isRetryable(error: unknown): boolean {
  return classifyMysqlError(error).kind === 'retryable';
}
