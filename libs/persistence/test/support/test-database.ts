import { randomBytes } from 'node:crypto';
import { createConnection } from 'mariadb';
import type { Connection } from 'mariadb';
import { EMBEDDED_MIGRATIONS, applyMigrations, createPrisma } from '../../src';
import type { PrismaClient } from '../../src';

/** A database of this test file alone, on the server of MYSQL_URL (a user that may create databases and users). */
export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  readonly serverUrl: string;
  /** A raw connection to the database, for what Prisma should not see. */
  readonly admin: Connection;
  prisma(): PrismaClient;
  close(): Promise<void>;
}

export async function createTestDatabase(options: { migrate: boolean } = { migrate: true }): Promise<TestDatabase> {
  const serverUrl = process.env['MYSQL_URL'];
  if (!serverUrl) throw new Error('integration tests need MYSQL_URL');
  const name = `t_${randomBytes(6).toString('hex')}`;
  const server = new URL(serverUrl);
  const connect = (database?: string): Promise<Connection> =>
    createConnection({
      host: server.hostname,
      port: Number(server.port),
      user: decodeURIComponent(server.username),
      password: decodeURIComponent(server.password),
      allowPublicKeyRetrieval: true,
      ...(database ? { database } : {}),
    });
  const first = await connect();
  await first.query(`CREATE DATABASE \`${name}\` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
  await first.end();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  if (options.migrate) await applyMigrations({ url: url.toString(), migrations: EMBEDDED_MIGRATIONS });
  const admin = await connect(name);
  const clients: PrismaClient[] = [];
  return {
    name,
    url: url.toString(),
    serverUrl,
    admin,
    prisma: () => {
      const client = createPrisma(url.toString(), { poolSize: 5, poolIdle: 1 });
      clients.push(client);
      return client;
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.$disconnect()));
      await admin.query(`DROP DATABASE \`${name}\``);
      await admin.end();
    },
  };
}
