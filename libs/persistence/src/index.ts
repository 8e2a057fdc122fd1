export { Prisma, PrismaClient } from './generated/client';
export { createPrisma } from './create-prisma';
export type { CreatePrismaOptions } from './create-prisma';
export { createMysqlClient } from './client/create-mysql-client';
export type { MysqlClient, TransactionOptions } from './client/create-mysql-client';
export type { RawStatements } from './client/raw-statements';
export { TransactionError } from './client/transaction-error';
export type { TransactionErrorReason } from './client/transaction-error';
export type { PoolOptions } from './connection-config';
export { EMBEDDED_MIGRATIONS } from './migrations/generated/migrations';
export { applyMigrations } from './migrations/apply-migrations';
export type { ApplyOptions, ApplyResult } from './migrations/apply-migrations';
export type { MigrationError, MigrationErrorCode } from './migrations/migration-error';
export type { Migration } from './migrations/migration';
export { readMigrations } from './migrations/read-migrations';
export { runMigrateProcess } from './migrations/run-migrate-command';
export type { MigrateCommand } from './migrations/run-migrate-command';
export { classifyMysqlError } from './mysql-error';
export type { MysqlErrorClass } from './mysql-error';
export { assertDurableMysql, databaseNowMs } from './server-settings';
export type { SettingProblem } from './server-settings';
export { MYSQL_APPS, SHOP_GRANTS } from './grants/grants';
export type { MysqlApp } from './grants/grants';
export { applyGrants } from './grants/apply-grants';
export type { GrantOptions } from './grants/apply-grants';
export type { ConservationCheck, ConservationReport, ConservationVerdict } from './conservation/assemble-conservation';
export type {
  LocatedRange,
  MissingPlace,
  PipelineObservation,
  StockReading,
} from './conservation/conservation-reading';
export { readConservation } from './conservation/read-conservation';
export type { ConservationSources, ReadConservationOptions } from './conservation/read-conservation';
