import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { PROVISION_TIMEOUT_MS, startEarly, testServer } from './test-servers';

export interface MysqlDatabase {
  readonly name: string;
  /** Administrator's URL of the database. */
  readonly url: string;
  /** Administrator's URL of the server, without a database. */
  readonly serverUrl: string;
  readonly flavour: 'mysql' | 'mariadb';
  /** Runs one statement and returns its rows (an empty list for statements without any). BIGINTs are decimal strings. */
  query<Row extends object>(sql: string, parameters?: readonly (string | number | null)[]): Promise<Row[]>;
}

export interface MysqlDatabaseOptions {
  /** @default mysql; with mariadb a second server, for specs that must pass on both */
  readonly server?: 'mysql' | 'mariadb';
  /** Brings the empty database to its schema; gets the administrator's URL of the database. */
  readonly migrate?: (url: string) => Promise<unknown>;
}

/** Creates an empty database of its own on the shared server. `drop` removes it. */
export async function createMysqlDatabase(
  options: MysqlDatabaseOptions = {},
): Promise<MysqlDatabase & { drop(): Promise<void> }> {
  const endpoint = await testServer(options.server ?? 'mysql');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = await connect(endpoint.url);
  await admin.query(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4`);
  const url = new URL(endpoint.url);
  url.pathname = `/${name}`;
  await admin.changeUser({ database: name });
  const database = {
    name,
    url: url.toString(),
    serverUrl: endpoint.url,
    flavour: endpoint.flavour === 'mariadb' ? ('mariadb' as const) : ('mysql' as const),
    query: async <Row extends object>(
      sql: string,
      parameters: readonly (string | number | null)[] = [],
    ): Promise<Row[]> => {
      const [rows] = await admin.query(sql, [...parameters]);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    },
    drop: async () => {
      await admin.query(`DROP DATABASE IF EXISTS \`${name}\``);
      await admin.end();
    },
  };
  try {
    await options.migrate?.(database.url);
  } catch (error) {
    await database.drop();
    throw error;
  }
  return database;
}

/**
 * A fresh database for the specs of the surrounding describe block, dropped after them. Its members may be used in hooks and tests,
 * not while the block is being defined.
 */
export function useMysqlDatabase(options: MysqlDatabaseOptions = {}): MysqlDatabase {
  startEarly(options.server ?? 'mysql');
  let current: Awaited<ReturnType<typeof createMysqlDatabase>> | undefined;
  const get = (): MysqlDatabase => {
    if (!current) throw new Error('the database exists only while hooks and tests run');
    return current;
  };
  beforeAll(async () => {
    current = await createMysqlDatabase(options);
  }, PROVISION_TIMEOUT_MS);
  afterAll(async () => {
    await current?.drop();
    current = undefined;
  });
  return {
    get name() {
      return get().name;
    },
    get url() {
      return get().url;
    },
    get serverUrl() {
      return get().serverUrl;
    },
    get flavour() {
      return get().flavour;
    },
    query: (sql, parameters) => get().query(sql, parameters),
  };
}

function connect(url: string): Promise<Connection> {
  return createConnection({
    uri: url,
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: 'Z',
    connectTimeout: 10_000,
  });
}
