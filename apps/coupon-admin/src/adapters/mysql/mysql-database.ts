import { AppError } from '@coupon/domain';
import { classifyMysqlError, databaseNowMs } from '@coupon/persistence';
import type { Prisma, PrismaClient } from '@coupon/persistence';
import type { AdminDatabase, AdminTables } from '../../use-cases/ports';
import { MysqlActivities } from './mysql-activities';
import { MysqlAudit } from './mysql-audit';
import { MysqlCoupons } from './mysql-coupons';
import { MysqlIdempotency } from './mysql-idempotency';
import { MysqlOperations } from './mysql-operations';
import { MysqlTemplates } from './mysql-templates';

export interface MysqlDatabaseOptions {
  readonly prisma: PrismaClient;
  /** In [0, 1): spreads the repetitions after a deadlock. */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Told of every fault of the database: the caller only hears that it cannot be used. */
  readonly onFault: (error: unknown) => void;
}

const MAX_ATTEMPTS = 8;
const TRANSACTION = { maxWait: 10_000, timeout: 20_000 } as const;

/** The tables over Prisma. Faults of the database leave this file as AppError: NOT_READY or OUTCOME_UNKNOWN. */
export class MysqlDatabase implements AdminDatabase {
  readonly templates: AdminDatabase['templates'];
  readonly activities: AdminDatabase['activities'];
  readonly coupons: AdminDatabase['coupons'];
  readonly operations: AdminDatabase['operations'];
  readonly idempotency: AdminDatabase['idempotency'];
  readonly audit: AdminDatabase['audit'];

  constructor(private readonly options: MysqlDatabaseOptions) {
    const tables = tablesOn(options.prisma, (repository) => translating(repository, (error) => this.translated(error)));
    this.templates = tables.templates;
    this.activities = tables.activities;
    this.coupons = tables.coupons;
    this.operations = tables.operations;
    this.idempotency = tables.idempotency;
    this.audit = tables.audit;
  }

  nowMs(): Promise<number> {
    return databaseNowMs(this.options.prisma).catch((error: unknown) => {
      throw this.translated(error);
    });
  }

  async transaction<T>(work: (tables: AdminTables) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      let committing = false;
      try {
        return await this.options.prisma.$transaction(async (db) => {
          const result = await work(tablesOn(db, asTheyAre));
          committing = true;
          return result;
        }, TRANSACTION);
      } catch (error) {
        const failure = classifyMysqlError(error);
        if (failure.kind === 'retryable' && attempt < MAX_ATTEMPTS) {
          await this.options.sleep(this.options.random() * 20 * attempt);
          continue;
        }
        if (committing && failure.kind === 'infrastructure') {
          this.options.onFault(error);
          throw new AppError('OUTCOME_UNKNOWN', 'the connection broke during the commit', { cause: error });
        }
        throw this.translated(error);
      }
    }
  }

  private translated(error: unknown): unknown {
    const { kind } = classifyMysqlError(error);
    if (kind !== 'infrastructure' && kind !== 'retryable') return error;
    this.options.onFault(error);
    return new AppError('NOT_READY', 'the database cannot be used at the moment', { cause: error });
  }
}

type Wrap = <Repository extends object>(repository: Repository) => Repository;

function tablesOn(db: Prisma.TransactionClient, wrap: Wrap): AdminTables {
  return {
    nowMs: () => databaseNowMs(db),
    templates: wrap(new MysqlTemplates(db)),
    activities: wrap(new MysqlActivities(db)),
    coupons: wrap(new MysqlCoupons(db)),
    operations: wrap(new MysqlOperations(db)),
    idempotency: wrap(new MysqlIdempotency(db)),
    audit: wrap(new MysqlAudit(db)),
  };
}

/** Inside a transaction the errors stay as they are: the transaction decides whether to repeat. */
function asTheyAre<Repository extends object>(repository: Repository): Repository {
  return repository;
}

/** Outside a transaction every method's database faults are translated on the way out. */
function translating<Repository extends object>(
  repository: Repository,
  translated: (error: unknown) => unknown,
): Repository {
  return new Proxy(repository, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) =>
        (Reflect.apply(member, target, args) as Promise<unknown>).catch((error: unknown) => {
          throw translated(error);
        });
    },
  });
}
