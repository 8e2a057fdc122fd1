import type { PrismaClient } from './generated/client';

/** A setting of the server that breaks a promise; `expected` is what it must be. */
export interface SettingProblem {
  readonly setting: string;
  readonly expected: string;
  readonly actual: string;
}

/**
 * An ack after a commit means that the commit is on disk: only with these two settings. Empty when both hold.
 * A server without binary log has nothing to sync: then sync_binlog is not asked for.
 */
export async function assertDurableMysql(prisma: Pick<PrismaClient, '$queryRaw'>): Promise<SettingProblem[]> {
  const [row] = await prisma.$queryRaw<{ flush: unknown; sync: unknown; log_bin: unknown }[]>`
    SELECT @@GLOBAL.innodb_flush_log_at_trx_commit AS \`flush\`, @@GLOBAL.sync_binlog AS \`sync\`, @@GLOBAL.log_bin AS log_bin`;
  const problems: SettingProblem[] = [];
  if (Number(row?.flush) !== 1) {
    problems.push({ setting: 'innodb_flush_log_at_trx_commit', expected: '1', actual: String(row?.flush) });
  }
  if (Number(row?.log_bin) === 1 && Number(row?.sync) !== 1) {
    problems.push({ setting: 'sync_binlog', expected: '1', actual: String(row?.sync) });
  }
  return problems;
}

/** The database's clock in epoch milliseconds. */
export async function databaseNowMs(prisma: Pick<PrismaClient, '$queryRaw'>): Promise<number> {
  const [row] = await prisma.$queryRaw<{ now_ms: unknown }[]>`
    SELECT CAST(UNIX_TIMESTAMP(CURRENT_TIMESTAMP(3)) * 1000 AS SIGNED) AS now_ms`;
  return Number(row?.now_ms);
}
