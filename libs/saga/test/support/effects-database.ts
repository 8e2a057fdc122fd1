import { EMBEDDED_MIGRATIONS, applyMigrations, classifyMysqlError, createPrisma } from '@coupon/persistence';
import type { Prisma, PrismaClient } from '@coupon/persistence';
import { useMysqlDatabase } from '@coupon/testing';
import { BranchRunner } from '../../src';
import type { BranchIdentity, BarrierVerdict } from '../../src';

export type Tx = Prisma.TransactionClient;

/** One thing done (+1) or undone (-1) by a branch, in the order in which they were done. */
export interface Effect {
  readonly gid: string;
  readonly branch_id: string;
  readonly amount: number;
}

export interface EffectsDatabase {
  readonly runner: BranchRunner<Tx>;
  readonly verdicts: { readonly branch: BranchIdentity; readonly verdict: BarrierVerdict }[];
  /** What the business of a branch does. */
  apply(tx: Tx, branch: BranchIdentity): Promise<void>;
  effectsOf(gid: string): Promise<Effect[]>;
}

/** A database with the barrier table of the migrations and a table of effects. */
export function useEffectsDatabase(): EffectsDatabase {
  const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
  const verdicts: { branch: BranchIdentity; verdict: BarrierVerdict }[] = [];
  let prisma: PrismaClient;
  let runner: BranchRunner<Tx>;
  beforeAll(async () => {
    prisma = createPrisma(database.url, { poolSize: 20 });
    await database.query(
      'CREATE TABLE effects (id BIGINT AUTO_INCREMENT PRIMARY KEY, gid VARCHAR(128), branch_id VARCHAR(16), amount INT, KEY (gid)) COLLATE utf8mb4_bin',
    );
    runner = new BranchRunner<Tx>({
      transaction: (work) => prisma.$transaction(work, { timeout: 20_000, maxWait: 20_000 }),
      isRetryable: (error) => classifyMysqlError(error).kind === 'retryable',
      attempts: 10,
      onVerdict: (branch, verdict) => verdicts.push({ branch, verdict }),
    });
  });
  afterAll(() => prisma?.$disconnect());
  return {
    get runner() {
      return runner;
    },
    verdicts,
    apply: async (tx, branch) => {
      await tx.$executeRawUnsafe(
        'INSERT INTO effects (gid, branch_id, amount) VALUES (?, ?, ?)',
        ...[branch.gid, branch.branchId, branch.op === 'action' ? 1 : -1],
      );
    },
    effectsOf: (gid) =>
      database.query<Effect>('SELECT gid, branch_id, amount FROM effects WHERE gid = ? ORDER BY id', [gid]),
  };
}
