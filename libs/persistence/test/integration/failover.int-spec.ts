import { randomBytes } from 'node:crypto';
import { createConnection } from 'mariadb';
import type { Connection } from 'mariadb';
import { TcpProxy, eventually, useMysqlDatabase, useOwnServers } from '@coupon/testing';
import { classifyMysqlError, createPrisma } from '../../src';
import type { PrismaClient } from '../../src';
import { driverConfig } from '../../src/connection-config';

const HOUR_MS = 3_600_000;
// Before the servers' own hooks: Jest runs these in the order in which they are registered.
afterAll(async () => {
  await after.query(`DROP USER '${user}'@'%'`);
  await before.end();
});
const own = useOwnServers(['mysql']);
/** The server that is the primary after the failover. */
const after = useMysqlDatabase();
const user = `t_failover_${randomBytes(4).toString('hex')}`;
const password = randomBytes(12).toString('hex');

let before: Connection;
let proxy: TcpProxy;
let prisma: PrismaClient;
let nowMs = 0;

beforeAll(async () => {
  before = await createConnection({ ...driverConfig(own.endpoints.mysql.url), multipleStatements: true });
  const setup = [
    `CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'`,
    `GRANT ALL ON \`${after.name}\`.* TO '${user}'@'%'`,
    `CREATE TABLE \`${after.name}\`.notes (id INT PRIMARY KEY, server INT NOT NULL)`,
  ];
  await before.query(`CREATE DATABASE \`${after.name}\``);
  for (const statement of setup) {
    await before.query(statement);
    await after.query(statement);
  }
});
beforeEach(async () => {
  await before.query('SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF');
  await before.query(`DELETE FROM \`${after.name}\`.notes`);
  await after.query('DELETE FROM notes');
  proxy = await TcpProxy.inFrontOf(own.endpoints.mysql.url);
  const url = new URL(`mysql://127.0.0.1:${proxy.port}/${after.name}`);
  url.username = user;
  url.password = password;
  nowMs = 0;
  prisma = createPrisma(url.toString(), { poolSize: 2, poolIdle: 1, nowMs: () => nowMs });
});
afterEach(async () => {
  await prisma.$disconnect();
  await proxy.stop();
});
/** The one that was the primary takes no writes any more; whoever connects anew reaches the other one. */
async function failOver(): Promise<void> {
  await before.query('SET GLOBAL super_read_only = ON');
  proxy.leadTo(after.serverUrl);
}

const note = (id: number): Promise<number> => prisma.$executeRaw`INSERT INTO notes VALUES (${id}, @@server_id)`;
const isOpen = async (id: number): Promise<boolean> => {
  const rows = await before.query<unknown[]>('SELECT 1 FROM information_schema.processlist WHERE id = ?', [id]);
  return rows.length > 0;
};

it('goes on writing on the new primary after one refused write', async () => {
  await note(1);
  await failOver();
  nowMs = 1_000;
  const refused = await note(2).catch((error: unknown) => classifyMysqlError(error));
  expect(refused).toEqual({ kind: 'infrastructure', code: 1290 });
  for (const id of [3, 4, 5]) await note(id);
  expect(await after.query('SELECT id FROM notes ORDER BY id')).toEqual([{ id: 3 }, { id: 4 }, { id: 5 }]);
});

it('goes on after a transaction was refused, and leaves another that is under way on its connection', async () => {
  const reading = prisma.$transaction(async (tx) => {
    const [first] = await tx.$queryRaw<{ id: unknown }[]>`SELECT CONNECTION_ID() AS id`;
    await failOver();
    nowMs = 1_000;
    await expect(
      prisma.$transaction((other) => other.$executeRaw`INSERT INTO notes VALUES (1, @@server_id)`),
    ).rejects.toThrow();
    await note(2);
    const [second] = await tx.$queryRaw<{ id: unknown }[]>`SELECT CONNECTION_ID() AS id`;
    return [Number(first?.id), Number(second?.id)];
  });
  const [first = 0, second] = await reading;
  expect(second).toBe(first);
  expect(await after.query('SELECT id FROM notes')).toEqual([{ id: 2 }]);
  await eventually(async () => expect(await isOpen(first)).toBe(false));
});

it('leaves a server within an hour that still answers readers', async () => {
  await before.query(`INSERT INTO \`${after.name}\`.notes VALUES (1, 1)`);
  await after.query('INSERT INTO notes VALUES (1, 2)');
  const server = async (): Promise<number> => {
    const [row] = await prisma.$queryRaw<{ server: unknown }[]>`SELECT server FROM notes`;
    return Number(row?.server);
  };
  expect(await server()).toBe(1);
  proxy.leadTo(after.serverUrl);
  nowMs = HOUR_MS - 1;
  expect(await server()).toBe(1);
  nowMs = HOUR_MS;
  expect(await server()).toBe(2);
});

it('replaces the pool under load without an error', async () => {
  const work = Array.from({ length: 40 }, async (_, n) => {
    for (let round = 0; round < 5; round += 1) {
      await prisma.$transaction(async (tx) => {
        await tx.$executeRaw`INSERT INTO notes VALUES (${n * 5 + round}, 0)`;
        if (n === 0) nowMs += HOUR_MS;
      });
    }
  });
  await Promise.all(work);
  const [row] = await prisma.$queryRaw<{ notes: unknown }[]>`SELECT COUNT(*) AS notes FROM notes`;
  expect(Number(row?.notes)).toBe(200);
});
