import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MYSQL_APPS, applyGrants, createPrisma } from '../../src';
import { GRANTS } from '../../src/grants/grants';
import type { MysqlApp, PrismaClient } from '../../src';
import { grantsTemplate, shopGrantsTemplate } from '../../scripts/render-grants';
import { createTestDatabase } from '../support/test-database';
import type { TestDatabase } from '../support/test-database';

let database: TestDatabase;
const clients: Partial<Record<MysqlApp, PrismaClient>> = {};
const suffix = randomBytes(4).toString('hex');
const users: Record<MysqlApp, string> = {
  admin: `a_${suffix}`,
  worker: `w_${suffix}`,
  saga: `s_${suffix}`,
  binlog: `b_${suffix}`,
};

beforeAll(async () => {
  database = await createTestDatabase();
  const passwords = { admin: 'p-a', worker: 'p-w', saga: 'p-s', binlog: 'p-b' };
  await applyGrants(database.serverUrl, { database: database.name, passwords, users });
  await applyGrants(database.serverUrl, { database: database.name, passwords, users });
  for (const app of MYSQL_APPS) {
    const url = new URL(database.url);
    url.username = users[app];
    url.password = passwords[app];
    clients[app] = createPrisma(url.toString(), { poolSize: 2, poolIdle: 1 });
  }
  await database.admin.query(
    `INSERT INTO coupon_templates (name, type, discount_type, discount_value, total_count, valid_start_time, valid_end_time)
     VALUES ('t', 1, 1, 5, 100, '2026-01-01', '2030-01-01')`,
  );
});
afterAll(async () => {
  await Promise.all(Object.values(clients).map((client) => client.$disconnect()));
  for (const user of Object.values(users)) await database.admin.query(`DROP USER IF EXISTS '${user}'@'%'`);
  await database.close();
});

async function allowed(app: MysqlApp, sql: string): Promise<boolean> {
  const client = clients[app];
  if (!client) throw new Error(app);
  try {
    await client.$executeRawUnsafe(sql);
    return true;
  } catch (error) {
    if (/denied/i.test(String(error))) return false;
    throw error;
  }
}

const PROBES: Record<string, (table: string, column: string) => string> = {
  SELECT: (table) => `SELECT 1 FROM \`${table}\` LIMIT 0`,
  INSERT: (table) => `INSERT INTO \`${table}\` SELECT * FROM \`${table}\` WHERE 1 = 0`,
  UPDATE: (table, column) => `UPDATE \`${table}\` SET \`${column}\` = \`${column}\` WHERE 1 = 0`,
  DELETE: (table) => `DELETE FROM \`${table}\` WHERE 1 = 0`,
};

it('lets the worker read templates and nothing more of them', async () => {
  expect(await allowed('worker', 'SELECT * FROM coupon_templates')).toBe(true);
  expect(await allowed('worker', 'UPDATE coupon_templates SET total_count = 1000000')).toBe(false);
  expect(await allowed('worker', 'DELETE FROM coupon_templates')).toBe(false);
  expect(await allowed('worker', "UPDATE audit_log SET actor = 'x'")).toBe(false);
});

it('lets the saga move used_count of a template and nothing else of it', async () => {
  expect(await allowed('saga', 'UPDATE coupon_templates SET used_count = used_count + 1 WHERE 1 = 0')).toBe(true);
  expect(await allowed('saga', 'UPDATE coupon_templates SET discount_value = 99 WHERE 1 = 0')).toBe(false);
});

it('lets nobody change the schema or the audit log', async () => {
  for (const app of MYSQL_APPS) {
    expect(await allowed(app, 'CREATE TABLE intruder (id INT)')).toBe(false);
    expect(await allowed(app, 'DROP TABLE coupon_templates')).toBe(false);
    expect(await allowed(app, 'DELETE FROM audit_log')).toBe(false);
    expect(await allowed(app, 'SELECT * FROM mysql.user')).toBe(false);
  }
});

describe.each(MYSQL_APPS)('%s', (app) => {
  it('has exactly the rights that are written down', async () => {
    const rows = await database.admin.query<{ name: string; first_column: string }[]>(
      `SELECT table_name AS name, MIN(column_name) AS first_column FROM information_schema.columns
       WHERE table_schema = ? GROUP BY table_name`,
      [database.name],
    );
    const found: Record<string, string[]> = {};
    for (const { name, first_column } of rows) {
      // Inserting by SELECT needs the right to read as well: tables that may be written but not read do not exist here.
      const rights: string[] = [];
      for (const [right, probe] of Object.entries(PROBES)) {
        if (await allowed(app, probe(name, first_column))) rights.push(right);
      }
      if (rights.length > 0) found[name] = rights;
    }
    const expected = Object.fromEntries(
      Object.entries(GRANTS[app]).map(([table, rights]) => [table, rights.filter((right) => right in PROBES)]),
    );
    expect(found).toEqual(expected);
  });
});

it.each([
  ['grants.sql.tmpl', grantsTemplate],
  ['shop-grants.sql.tmpl', shopGrantsTemplate],
])('keeps %s, the template for operators, up to date', (name, template) => {
  const file = join(__dirname, '..', '..', '..', '..', 'infra', 'mysql', name);
  expect(readFileSync(file, 'utf8')).toBe(template());
});

it('refuses a password it could not quote safely', async () => {
  await expect(
    applyGrants(database.serverUrl, { database: database.name, passwords: { admin: "x'; DROP" }, users }),
  ).rejects.toThrow('must not contain quotes');
});
