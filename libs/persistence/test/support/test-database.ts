import { createConnection } from 'mariadb';
import type { Connection } from 'mariadb';
import { createMysqlDatabase } from '@coupon/testing';
import { EMBEDDED_MIGRATIONS, applyMigrations, createPrisma } from '../../src';
import type { PrismaClient } from '../../src';

/** A database of this test file alone, with a raw connection for what Prisma should not see. */
export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  /** A user that may create databases and users. */
  readonly serverUrl: string;
  readonly admin: Connection;
  prisma(): PrismaClient;
  close(): Promise<void>;
}

export async function createTestDatabase(options: { migrate: boolean } = { migrate: true }): Promise<TestDatabase> {
  const database = await createMysqlDatabase(
    options.migrate ? { migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) } : {},
  );
  const { name, url, serverUrl } = database;
  const server = new URL(serverUrl);
  const admin = await createConnection({
    host: server.hostname,
    port: Number(server.port || 3306),
    user: decodeURIComponent(server.username),
    password: decodeURIComponent(server.password),
    allowPublicKeyRetrieval: true,
    database: name,
  });
  const clients: PrismaClient[] = [];
  return {
    name,
    url,
    serverUrl,
    admin,
    prisma: () => {
      const client = createPrisma(url, { poolSize: 5, poolIdle: 1 });
      clients.push(client);
      return client;
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.$disconnect()));
      await admin.end();
      await database.drop();
    },
  };
}
