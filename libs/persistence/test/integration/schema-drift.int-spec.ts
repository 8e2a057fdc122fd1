import { Prisma } from '../../src';
import { readSchemaTables } from '../support/prisma-schema';
import type { SchemaTable } from '../support/prisma-schema';
import { createTestDatabase } from '../support/test-database';
import type { TestDatabase } from '../support/test-database';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const tables = readSchemaTables();

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly nullable: string;
  readonly extra: string;
  readonly default_value: string | null;
}

/** MariaDB spells integers with a width and keeps JSON as longtext; both say the same thing here. */
function normalType(type: string): string {
  const plain = type.toLowerCase().replace(/^(tinyint|int|bigint)\(\d+\)/, '$1');
  return plain === 'longtext' ? 'json' : plain;
}

async function columnsOf(table: string): Promise<ColumnRow[]> {
  return database.admin.query<ColumnRow[]>(
    `SELECT column_name AS name, column_type AS type, is_nullable AS nullable, extra AS extra, column_default AS default_value
     FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
    [database.name, table],
  );
}

async function indexesOf(table: string): Promise<string[]> {
  const rows = await database.admin.query<{ name: string; is_unique: number; columns: string }[]>(
    `SELECT index_name AS name, non_unique = 0 AS is_unique, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns
     FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? GROUP BY index_name, non_unique`,
    [database.name, table],
  );
  return rows.map((row) => `${Number(row.is_unique) === 1 ? 'unique ' : ''}${row.name}(${row.columns})`).sort();
}

it('reads every model of the generated client out of schema.prisma', () => {
  expect(tables.map((table) => table.model).sort()).toEqual(Object.keys(Prisma.ModelName).sort());
});

it('has a table per model and no others', async () => {
  const rows = await database.admin.query<{ name: string }[]>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?',
    [database.name],
  );
  const expected = [...tables.map((table) => table.name), '_prisma_migrations'].sort();
  expect(rows.map((row) => row.name).sort()).toEqual(expected);
});

describe.each(tables.map((table): [string, SchemaTable] => [table.name, table]))('%s', (_name, table) => {
  it('has the columns of the Prisma schema: order, type, nullability, auto increment', async () => {
    const rows = await columnsOf(table.name);
    expect(
      rows.map((row) => ({
        name: row.name,
        type: normalType(row.type),
        nullable: row.nullable === 'YES',
        autoIncrement: row.extra.includes('auto_increment'),
      })),
    ).toEqual(table.columns);
  });

  it('has the keys of the Prisma schema', async () => {
    expect(await indexesOf(table.name)).toEqual(table.indexes);
  });

  it('lets no timestamp but updated_at change by itself', async () => {
    const rows = await columnsOf(table.name);
    const changing = rows.filter((row) => /on update/i.test(row.extra)).map((row) => row.name);
    expect(changing.filter((name) => name !== 'updated_at')).toEqual([]);
  });
});
