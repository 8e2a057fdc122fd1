import type { MysqlDatabase } from '../servers/mysql-database';
import { readSchemaTables } from './prisma-schema';
import type { SchemaTable } from './prisma-schema';

export interface SchemaExpectation {
  /** Path of schema.prisma. */
  readonly file: string;
  /** `Object.keys(Prisma.ModelName)` of the generated client: whether all of the file was understood. */
  readonly models: readonly string[];
  /** Brought to its schema by the migrations. */
  readonly database: Pick<MysqlDatabase, 'name' | 'query'>;
}

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly nullable: string;
  readonly extra: string;
}

/** Defines the tests that a migrated database has the tables of its schema.prisma: those and no others, column by column, key by key. */
export function describeSchema({ file, models, database }: SchemaExpectation): void {
  const tables = readSchemaTables(file);

  it('reads every model of the generated client out of schema.prisma', () => {
    expect(tables.map((table) => table.model).sort()).toEqual([...models].sort());
  });

  it('has a table per model and no others', async () => {
    const rows = await database.query<{ name: string }>(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?',
      [database.name],
    );
    const expected = [...tables.map((table) => table.name), '_prisma_migrations'].sort();
    expect(rows.map((row) => row.name).sort()).toEqual(expected);
  });

  describe.each(tables.map((table): [string, SchemaTable] => [table.name, table]))('%s', (_name, table) => {
    it('has the columns of the Prisma schema: order, type, nullability, auto increment', async () => {
      const rows = await columnsOf(database, table.name);
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
      expect(await indexesOf(database, table.name)).toEqual(table.indexes);
    });

    it('lets no timestamp but updated_at change by itself', async () => {
      const rows = await columnsOf(database, table.name);
      const changing = rows.filter((row) => /on update/i.test(row.extra)).map((row) => row.name);
      expect(changing.filter((name) => name !== 'updated_at')).toEqual([]);
    });
  });
}

/** MariaDB spells integers with a width and keeps JSON as longtext; both say the same thing here. */
function normalType(type: string): string {
  const plain = type.toLowerCase().replace(/^(tinyint|int|bigint)\(\d+\)/, '$1');
  return plain === 'longtext' ? 'json' : plain;
}

async function columnsOf({ name, query }: SchemaExpectation['database'], table: string): Promise<ColumnRow[]> {
  return query<ColumnRow>(
    `SELECT column_name AS name, column_type AS type, is_nullable AS nullable, extra AS extra
     FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
    [name, table],
  );
}

async function indexesOf({ name, query }: SchemaExpectation['database'], table: string): Promise<string[]> {
  const rows = await query<{ name: string; is_unique: number | string; columns: string }>(
    `SELECT index_name AS name, non_unique = 0 AS is_unique, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns
     FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? GROUP BY index_name, non_unique`,
    [name, table],
  );
  return rows.map((row) => `${Number(row.is_unique) === 1 ? 'unique ' : ''}${row.name}(${row.columns})`).sort();
}
