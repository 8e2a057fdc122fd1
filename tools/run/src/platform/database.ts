import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { EMBEDDED_MIGRATIONS, MYSQL_APPS, applyGrants, applyMigrations } from '@coupon/persistence';
import type { MysqlApp } from '@coupon/persistence';
import type { AppName } from './layout';

/** Which app uses which MySQL user; the worker has a second one for the binlog. */
const APP_OF: Readonly<Record<Exclude<MysqlApp, 'binlog'>, AppName>> = {
  admin: 'coupon-admin',
  worker: 'seckill-worker',
  saga: 'saga-participant',
};

export interface PlatformDatabase {
  readonly name: string;
  /** Name for saga-participant's database on the same server. */
  readonly shopName: string;
  /** The administrator's URL with the database. */
  readonly adminUrl: string;
  /** The apps' own users. */
  readonly appUrls: Readonly<Partial<Record<AppName, string>>>;
  /** Of the user that may read the binlog. */
  readonly binlogUrl: string;
  /** Brings it to the newest migration; for a checkout whose migrations changed since. */
  readonly appliedMigrations: number;
  /** Removes database and users; for a server that stays. */
  drop(): Promise<void>;
}

/** Database `shop`, saga-participant's own. */
export interface ShopDatabase {
  readonly name: string;
  /** The administrator's URL with the database. */
  readonly adminUrl: string;
  /** saga-participant's. */
  readonly appUrl: string;
  drop(): Promise<void>;
}

/** Creates it beside the database `coupon` and lets `migrate` make its tables; saga-participant's user, made before, gets its rights there. */
export async function prepareShop(
  coupon: PlatformDatabase,
  migrate: (adminUrl: string) => Promise<void>,
): Promise<ShopDatabase> {
  const name = coupon.shopName;
  const user = coupon.appUrls['saga-participant'];
  if (user === undefined) throw new Error('saga-participant has no database user');
  const isNew = await createDatabase(coupon.adminUrl, name);
  const adminUrl = withDatabase(coupon.adminUrl, name);
  await migrate(adminUrl);
  const { username, password } = new URL(user);
  await applyGrants(adminUrl, {
    schema: 'shop',
    database: name,
    users: { saga: username },
    passwords: { saga: password },
  });
  return {
    name,
    adminUrl,
    appUrl: withDatabase(user, name),
    drop: async () => {
      if (isNew) await administer(coupon.adminUrl, (connection) => connection.query(`DROP DATABASE \`${name}\``));
    },
  };
}

/** @returns false when it was there */
async function createDatabase(serverUrl: string, name: string): Promise<boolean> {
  let created = false;
  await administer(serverUrl, async (connection) => {
    const [result] = await connection.query<ResultSetHeader>(
      `CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4`,
    );
    created = result.warningStatus === 0; // an existing one is a note
  });
  return created;
}

export interface PrepareDatabaseOptions {
  /** The administrator's, with or without a database. */
  readonly serverUrl: string;
  /** The database when the URL names none. */
  readonly name: string;
  /** Put behind the names of the apps' users, so that two runs on one server do not share them. */
  readonly userSuffix: string;
}

/** Creates the database if need be, migrates it, makes the apps' users with fresh passwords. */
export async function prepareDatabase(options: PrepareDatabaseOptions): Promise<PlatformDatabase> {
  const server = new URL(options.serverUrl);
  const named = decodeURIComponent(server.pathname.replace(/^\//, ''));
  const name = named === '' ? options.name : named;
  const adminUrl = withDatabase(options.serverUrl, name);
  await createDatabase(options.serverUrl, name);
  const { applied } = await applyMigrations({ url: adminUrl, migrations: EMBEDDED_MIGRATIONS });
  const credentials = freshCredentials(options.userSuffix);
  await applyGrants(adminUrl, { database: name, ...credentials });
  return {
    name,
    // Beside a database that somebody has named, under a name that is derived from it: theirs may well be called `shop`.
    shopName: named === '' ? `shop${options.userSuffix}` : `${name}_shop`,
    adminUrl,
    appUrls: appUrls(adminUrl, credentials),
    binlogUrl: urlOf(adminUrl, credentials, 'binlog'),
    appliedMigrations: applied.length,
    drop: async () => {
      await administer(options.serverUrl, async (connection) => {
        for (const user of Object.values(credentials.users))
          await connection.query(`DROP USER IF EXISTS '${user}'@'%'`);
        if (named === '') await connection.query(`DROP DATABASE IF EXISTS \`${name}\``);
      });
    },
  };
}

interface Credentials {
  readonly users: Readonly<Record<MysqlApp, string>>;
  readonly passwords: Readonly<Record<MysqlApp, string>>;
}

function freshCredentials(suffix: string): Credentials {
  const perApp = (value: (app: MysqlApp) => string): Record<MysqlApp, string> =>
    Object.fromEntries(MYSQL_APPS.map((app) => [app, value(app)])) as Record<MysqlApp, string>;
  return {
    users: perApp((app) => `coupon_${app}${suffix}`),
    passwords: perApp(() => randomBytes(18).toString('base64url')),
  };
}

function appUrls(adminUrl: string, credentials: Credentials): Partial<Record<AppName, string>> {
  return Object.fromEntries(
    (Object.keys(APP_OF) as (keyof typeof APP_OF)[]).map((app) => [APP_OF[app], urlOf(adminUrl, credentials, app)]),
  );
}

function urlOf(adminUrl: string, { users, passwords }: Credentials, app: MysqlApp): string {
  return Object.assign(new URL(adminUrl), { username: users[app], password: passwords[app] }).toString();
}

export function withDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.toString();
}

async function administer(serverUrl: string, work: (connection: Connection) => Promise<unknown>): Promise<void> {
  const connection = await createConnection({ uri: withDatabase(serverUrl, ''), connectTimeout: 5_000 });
  try {
    await work(connection);
  } finally {
    await connection.end();
  }
}
