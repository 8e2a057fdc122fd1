import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { SHOP_GRANTS, applyGrants, applyMigrations } from '@coupon/persistence';
import { useMysqlDatabase } from '@coupon/testing';
import { EMBEDDED_MIGRATIONS } from '../../src/migrations/generated/migrations';

const PROBES: Readonly<Record<string, (table: string, column: string) => string>> = {
  SELECT: (table) => `SELECT 1 FROM \`${table}\` LIMIT 0`,
  INSERT: (table) => `INSERT INTO \`${table}\` SELECT * FROM \`${table}\` WHERE 1 = 0`,
  UPDATE: (table, column) => `UPDATE \`${table}\` SET \`${column}\` = \`${column}\` WHERE 1 = 0`,
  DELETE: (table) => `DELETE FROM \`${table}\` WHERE 1 = 0`,
};

// The database outlives the block below, which still needs it at its end.
const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });

describe("saga-participant's rights on the database shop", () => {
  const user = `s_${randomBytes(4).toString('hex')}`;
  let connection: Connection;

  beforeAll(async () => {
    await applyGrants(database.serverUrl, {
      schema: 'shop',
      database: database.name,
      users: { saga: user },
      passwords: { saga: 'p-s', admin: 'p-a' },
    });
    const url = new URL(database.url);
    url.username = user;
    url.password = 'p-s';
    connection = await createConnection({ uri: url.toString() });
  });
  afterAll(async () => {
    await connection.end();
    await database.query(`DROP USER IF EXISTS '${user}'@'%'`);
  });

  async function allowed(sql: string): Promise<boolean> {
    try {
      await connection.query(sql);
      return true;
    } catch (error) {
      if (/denied/i.test(String(error))) return false;
      throw error;
    }
  }

  it('are exactly those that are written down', async () => {
    const tables = await database.query<{ name: string; first_column: string }>(
      `SELECT table_name AS name, MIN(column_name) AS first_column FROM information_schema.columns
       WHERE table_schema = ? GROUP BY table_name`,
      [database.name],
    );
    const found: Record<string, string[]> = {};
    for (const { name, first_column } of tables) {
      const rights: string[] = [];
      for (const [right, probe] of Object.entries(PROBES)) {
        if (await allowed(probe(name, first_column))) rights.push(right);
      }
      if (rights.length > 0) found[name] = rights;
    }
    expect(found).toEqual(SHOP_GRANTS.saga);
  });

  it('do not reach the schema', async () => {
    expect(await allowed('CREATE TABLE intruder (id INT)')).toBe(false);
    expect(await allowed('DROP TABLE outbox')).toBe(false);
  });
});
