import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@coupon/domain';
import { classifyMysqlError, createMysqlAdapter, createPrisma } from '@coupon/persistence';
import type { Prisma as CouponPrisma, PrismaClient as CouponClient } from '@coupon/persistence';
import { BranchRunner } from '@coupon/saga';
import type { BarrierTransaction, BarrierVerdict, BranchIdentity } from '@coupon/saga';
import { PrismaClient as ShopClient } from '../generated/client';
import type { Prisma as ShopPrisma } from '../generated/client';

export type CouponTransaction = CouponPrisma.TransactionClient;
export type ShopTransaction = ShopPrisma.TransactionClient;

/** A database with transactions that are repeated after a deadlock, and branches that run in them. */
export interface Database<Client, Tx extends BarrierTransaction> {
  readonly client: Client;
  readonly branches: BranchRunner<Tx>;
  /**
   * Commits when the work resolves; the work may run several times.
   * @throws AppError NOT_READY when the database cannot be used, OUTCOME_UNKNOWN when the connection broke during the commit
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export type CouponDatabase = Database<CouponClient, CouponTransaction>;
export type ShopDatabase = Database<ShopClient, ShopTransaction>;

export interface DatabaseOptions {
  readonly poolSize: number;
  readonly poolIdle: number;
  readonly acquireTimeoutMs: number;
  readonly onConnectionError: (error: Error) => void;
  /** Told about every barrier's verdict, for metrics. */
  readonly onVerdict?: (branch: BranchIdentity, verdict: BarrierVerdict) => void;
}

export function openCouponDatabase(url: string, options: DatabaseOptions): CouponDatabase {
  return database(createPrisma(url, options), options);
}

export function openShopDatabase(url: string, options: DatabaseOptions): ShopDatabase {
  return database(new ShopClient({ adapter: createMysqlAdapter(url, options), errorFormat: 'minimal' }), options);
}

const MAX_ATTEMPTS = 8;
const TRANSACTION = { maxWait: 10_000, timeout: 20_000 } as const;

interface TransactingClient<Tx> {
  $transaction<T>(work: (tx: Tx) => Promise<T>, options: typeof TRANSACTION): Promise<T>;
  $disconnect(): Promise<void>;
}

function database<Client extends TransactingClient<Tx>, Tx extends BarrierTransaction>(
  client: Client & TransactingClient<Tx>,
  { onVerdict }: DatabaseOptions,
): Database<Client, Tx> {
  return {
    client,
    branches: new BranchRunner<Tx>({
      transaction: (work) => client.$transaction(work, TRANSACTION),
      isRetryable,
      ...(onVerdict === undefined ? {} : { onVerdict }),
    }),
    transaction: (work) => repeatedly(client, work),
    close: () => client.$disconnect(),
  };
}

async function repeatedly<Tx, T>(client: TransactingClient<Tx>, work: (tx: Tx) => Promise<T>): Promise<T> {
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
      if (committing && kind === 'infrastructure') {
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
