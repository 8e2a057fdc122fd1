import { createConnection } from 'mariadb';
import { driverConfig } from '../connection-config';
import { GRANTS, MYSQL_APPS, MYSQL_USERS, SERVER_GRANTS, SHOP_GRANTS } from './grants';
import type { MysqlApp } from './grants';

export interface GrantOptions {
  readonly database: string;
  /** Whose tables the database has; an app without a right there gets no user. @default coupon */
  readonly schema?: 'coupon' | 'shop';
  /** An app without a password gets no user. */
  readonly passwords: Partial<Readonly<Record<MysqlApp, string>>>;
  /** @default MYSQL_USERS */
  readonly users?: Partial<Readonly<Record<MysqlApp, string>>>;
}

/** The statements, in order; each can be repeated. Run them after the migrations: a right on a table needs the table. */
export function renderGrants(options: GrantOptions): string[] {
  const database = identifier(options.database);
  const grants: typeof SHOP_GRANTS = options.schema === 'shop' ? SHOP_GRANTS : GRANTS;
  return MYSQL_APPS.flatMap((app) => {
    const [password, tables] = [options.passwords[app], grants[app]];
    if (password === undefined || tables === undefined) return [];
    const user = `'${name(options.users?.[app] ?? MYSQL_USERS[app])}'@'%'`;
    return [
      `CREATE USER IF NOT EXISTS ${user} IDENTIFIED BY '${literal(password)}'`,
      `ALTER USER ${user} IDENTIFIED BY '${literal(password)}'`,
      ...(SERVER_GRANTS[app] ?? []).map((right) => `GRANT ${right} ON *.* TO ${user}`),
      ...Object.entries(tables).map(
        ([table, rights]) => `GRANT ${rights.join(', ')} ON ${database}.${identifier(table)} TO ${user}`,
      ),
    ];
  });
}

/** Makes (or updates) the apps' users. `adminUrl` is a user that may create users and grant. */
export async function applyGrants(adminUrl: string, options: GrantOptions): Promise<void> {
  const connection = await createConnection(driverConfig(adminUrl));
  connection.on('error', () => undefined);
  try {
    for (const statement of renderGrants(options)) await connection.query(statement);
  } finally {
    await connection.end();
  }
}

function identifier(text: string): string {
  if (!/^(?:[A-Za-z0-9_]{1,64}|\$\{[A-Z_]+\})$/.test(text)) throw new Error(`not a plain database name: ${text}`);
  return `\`${text}\``;
}

function name(text: string): string {
  if (!/^[A-Za-z0-9_]{1,32}$/.test(text)) throw new Error(`not a plain user name: ${text}`);
  return text;
}

function literal(password: string): string {
  // How a backslash reads depends on the server's sql_mode: refused instead of guessed.
  if (password === '' || /['\\\p{Cc}]/u.test(password)) {
    throw new Error(
      'a database password must not be empty and must not contain quotes, backslashes or control characters',
    );
  }
  return password;
}
