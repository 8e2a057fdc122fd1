import { randomUUID } from 'node:crypto';
import { createConnection } from 'mariadb';
import type { Connection } from 'mariadb';
import { driverConfig } from '../connection-config';
import { MigrationError } from './migration-error';
import { migrationCompatibility } from './migration';
import type { Migration } from './migration';

// Guarantees: one applier at a time per database; a second run changes nothing; nothing is applied over a changed, a failed or an
// unknown migration. The bookkeeping table is Prisma's, so `prisma migrate deploy` can take over at any point and give back.

/** Prisma's own definition of its table. */
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at DATETIME(3),
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at DATETIME(3),
  started_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  applied_steps_count INTEGER UNSIGNED NOT NULL DEFAULT 0
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`;

interface AppliedRow {
  readonly id: string;
  readonly checksum: string;
  readonly migration_name: string;
  readonly finished_at: unknown;
}

export interface ApplyOptions {
  readonly url: string;
  readonly migrations: readonly Migration[];
  /** How long to wait for another applier. @default 60_000 */
  readonly lockTimeoutMs?: number;
  readonly onApplied?: (name: string) => void;
}

export interface ApplyResult {
  readonly applied: readonly string[];
  readonly alreadyApplied: readonly string[];
}

/**
 * Brings the database of `url` (which must exist) to the last of `migrations`.
 * @throws MigrationError code MIGRATION_LOCKED, MIGRATION_CHANGED, MIGRATION_UNKNOWN, MIGRATION_OUT_OF_ORDER or MIGRATION_FAILED.
 */
export async function applyMigrations(options: ApplyOptions): Promise<ApplyResult> {
  const connection = await createConnection({ ...driverConfig(options.url), multipleStatements: true });
  // A connection that breaks rejects the statement under way; without a listener it would also end the process.
  connection.on('error', () => undefined);
  try {
    return await withLock(connection, options.lockTimeoutMs ?? 60_000, () => run(connection, options));
  } finally {
    await connection.end();
  }
}

async function withLock<T>(connection: Connection, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const lock = "LEFT(CONCAT('migrate:', DATABASE()), 64)";
  const [row] = await connection.query<{ got: number | bigint | null }[]>(`SELECT GET_LOCK(${lock}, ?) AS got`, [
    Math.ceil(timeoutMs / 1000),
  ]);
  if (Number(row?.got) !== 1) {
    throw new MigrationError('MIGRATION_LOCKED', `another migration is running for longer than ${timeoutMs} ms`);
  }
  try {
    return await work();
  } finally {
    await connection.query(`SELECT RELEASE_LOCK(${lock})`);
  }
}

async function run(connection: Connection, options: ApplyOptions): Promise<ApplyResult> {
  await connection.query(CREATE_TABLE);
  const rows = await connection.query<AppliedRow[]>(
    'SELECT id, checksum, migration_name, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name',
  );
  const done = verifyHistory(options.migrations, rows);
  const pending = options.migrations.filter((migration) => !done.has(migration.name));
  for (const migration of pending) {
    await applyOne(connection, migration);
    options.onApplied?.(migration.name);
  }
  return { applied: pending.map((migration) => migration.name), alreadyApplied: [...done] };
}

/** The names already applied, or an error that says why this build must not touch the database. */
export function verifyHistory(migrations: readonly Migration[], rows: readonly AppliedRow[]): Set<string> {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const migration of migrations) migrationCompatibility(migration);
  const done = new Set<string>();
  for (const row of rows) {
    const name = row.migration_name;
    const migration = known.get(name);
    if (row.finished_at === null) {
      throw new MigrationError(
        'MIGRATION_FAILED',
        `migration ${name} was started and not finished: repair the schema by hand, then set rolled_back_at (or finished_at) of its row in _prisma_migrations`,
      );
    }
    if (!migration) {
      throw new MigrationError(
        'MIGRATION_UNKNOWN',
        `the database has migration ${name}, which this build does not know: it is newer`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new MigrationError('MIGRATION_CHANGED', `migration ${name} was changed after it had been applied`);
    }
    done.add(name);
  }
  const last = [...done].sort().at(-1);
  const skipped = migrations.find(
    (migration) => !done.has(migration.name) && last !== undefined && migration.name < last,
  );
  if (skipped) {
    throw new MigrationError(
      'MIGRATION_OUT_OF_ORDER',
      `migration ${skipped.name} is older than ${last ?? ''}, which is applied already`,
    );
  }
  return done;
}

async function applyOne(connection: Connection, migration: Migration): Promise<void> {
  const id = randomUUID();
  await connection.query(
    'INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES (?, ?, ?, CURRENT_TIMESTAMP(3))',
    [id, migration.checksum, migration.name],
  );
  try {
    await connection.query(migration.sql);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    await connection.query('UPDATE _prisma_migrations SET logs = ? WHERE id = ?', [reason, id]);
    throw new MigrationError('MIGRATION_FAILED', `migration ${migration.name}: ${reason}`, { cause });
  }
  await connection.query(
    'UPDATE _prisma_migrations SET finished_at = CURRENT_TIMESTAMP(3), applied_steps_count = 1 WHERE id = ?',
    [id],
  );
}
