import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { EMBEDDED_MIGRATIONS, applyMigrations, readMigrations } from '../../src';
import { runMigrateCommand } from '../../src/migrations/run-migrate-command';
import type { Migration } from '../../src';
import { createTestDatabase } from '../support/test-database';
import type { TestDatabase } from '../support/test-database';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase({ migrate: false });
});
afterEach(() => database.close());

function migration(name: string, body: string): Migration {
  const sql = `-- compat: expand\n${body}`;
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}

const first = migration('20260101000000_first', 'CREATE TABLE a (id INT NOT NULL PRIMARY KEY);');
const second = migration('20260102000000_second', 'ALTER TABLE a ADD COLUMN b INT NULL; CREATE TABLE c (id INT);');
const apply = (migrations: readonly Migration[]): ReturnType<typeof applyMigrations> =>
  applyMigrations({ url: database.url, migrations });

it('applies what is missing, in order, and changes nothing the second time', async () => {
  expect(await apply([first])).toEqual({ applied: [first.name], alreadyApplied: [] });
  expect(await apply([first, second])).toEqual({ applied: [second.name], alreadyApplied: [first.name] });
  expect(await apply([first, second])).toEqual({ applied: [], alreadyApplied: [first.name, second.name] });
});

it("keeps the books as Prisma's command does", async () => {
  await apply([first]);
  const rows = await database.admin.query<unknown[]>('SELECT * FROM _prisma_migrations');
  expect(rows).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      checksum: first.checksum,
      finished_at: expect.any(Date) as unknown,
      migration_name: first.name,
      logs: null,
      rolled_back_at: null,
      started_at: expect.any(Date) as unknown,
      applied_steps_count: 1,
    },
  ]);
});

it('lets one of two appliers do the work while the other waits', async () => {
  const results = await Promise.all([apply([first, second]), apply([first, second]), apply([first, second])]);
  expect(results.map((result) => result.applied.length).sort()).toEqual([0, 0, 2]);
});

it('refuses a migration that was changed after it had been applied', async () => {
  await apply([first]);
  const changed = migration(first.name, 'CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY);');
  await expect(apply([changed])).rejects.toMatchObject({ code: 'MIGRATION_CHANGED' });
});

it('refuses a database that is newer than the build', async () => {
  await apply([first, second]);
  await expect(apply([first])).rejects.toMatchObject({ code: 'MIGRATION_UNKNOWN' });
});

it('refuses a migration that is older than one already applied', async () => {
  await apply([second].map(() => migration('20260102000000_second', 'CREATE TABLE z (id INT);')));
  await expect(apply([first, migration('20260102000000_second', 'CREATE TABLE z (id INT);')])).rejects.toMatchObject({
    code: 'MIGRATION_OUT_OF_ORDER',
  });
});

it('names a failed migration, keeps its reason, and goes no further until a person has repaired it', async () => {
  const broken = migration('20260103000000_broken', 'CREATE TABLE d (id INT); ALTER TABLE nope ADD COLUMN x INT;');
  await expect(apply([first, broken])).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
  const [row] = await database.admin.query<{ logs: string; finished_at: unknown }[]>(
    'SELECT logs, finished_at FROM _prisma_migrations WHERE migration_name = ?',
    [broken.name],
  );
  expect(row).toMatchObject({ finished_at: null, logs: expect.stringContaining('nope') as unknown });
  await expect(apply([first, broken])).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
  await database.admin.query('DROP TABLE d');
  await database.admin.query('UPDATE _prisma_migrations SET rolled_back_at = NOW(3) WHERE finished_at IS NULL');
  const repaired = migration('20260103000000_broken', 'CREATE TABLE d (id INT);');
  expect((await apply([first, repaired])).applied).toEqual([repaired.name]);
});

it('refuses a migration that does not say whether it is compatible', async () => {
  const silent = { ...first, sql: 'CREATE TABLE q (id INT)' };
  await expect(apply([silent])).rejects.toThrow('the first line must be');
});

it('gives up when another applier holds the lock for too long', async () => {
  await database.admin.query("SELECT GET_LOCK(LEFT(CONCAT('migrate:', DATABASE()), 64), 1)");
  await expect(applyMigrations({ url: database.url, migrations: [first], lockTimeoutMs: 1_000 })).rejects.toMatchObject(
    { code: 'MIGRATION_LOCKED' },
  );
});

it('carries in the build exactly what the folder holds', () => {
  expect(readMigrations(join(__dirname, '..', '..', 'prisma', 'migrations'))).toEqual(EMBEDDED_MIGRATIONS);
});

it('migrates from the command line and says what it did', async () => {
  const lines: string[] = [];
  const command = (args: string[], url: string | undefined = database.url): Promise<number> =>
    runMigrateCommand({ args, url, write: (line) => lines.push(line) });
  expect(await command([])).toBe(0);
  expect(await command([])).toBe(0);
  expect(await command(['--nonsense'])).toBe(2);
  expect(await command([], '')).toBe(2);
  await database.admin.query("UPDATE _prisma_migrations SET checksum = 'x'");
  expect(await command([])).toBe(1);
  expect(lines).toEqual([
    ...EMBEDDED_MIGRATIONS.map((one) => `applied ${one.name}`),
    `nothing to do, ${EMBEDDED_MIGRATIONS.length} already applied`,
    expect.stringContaining('usage'),
    expect.stringContaining('MYSQL_URL'),
    expect.stringContaining('MIGRATION_CHANGED'),
  ]);
});
