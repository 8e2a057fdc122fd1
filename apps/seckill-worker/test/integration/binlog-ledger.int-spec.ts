import { createPrisma } from '@coupon/persistence';
import { useMysqlDatabase } from '@coupon/testing';
import { ImpatientClient } from '../../src/adapters/binlog/impatient-client';
import { MysqlBinlogLedger } from '../../src/adapters/binlog/mysql-binlog-ledger';
import { prepareBinlogDatabase } from '../support/binlog';

let client: ImpatientClient | undefined;
afterAll(() => client?.close());
const database = useMysqlDatabase();
let ledger: MysqlBinlogLedger;

beforeAll(async () => {
  const { workerUrl } = await prepareBinlogDatabase(database.url);
  client = new ImpatientClient(() => createPrisma(workerUrl, { poolSize: 2, poolIdle: 1 }), 3_000);
  ledger = new MysqlBinlogLedger(client, 'coupon', 60_000);
}, 900_000);
beforeEach(() => database.query('DELETE FROM binlog_positions'));

const point = (position: number): { server: string; file: string; position: number } => ({
  server: 's',
  file: 'binlog.000001',
  position,
});
/** As if so much time had gone by. */
const leaseRunsOut = (): Promise<object[]> =>
  database.query('UPDATE binlog_positions SET lease_until = CURRENT_TIMESTAMP(3) - INTERVAL 1 SECOND');

it('gives the lease to one, and to the next with the place of the last', async () => {
  const first = await ledger.acquire('a');
  expect(first).toEqual({ epoch: 1n, from: null });
  expect(await ledger.acquire('b')).toBeNull();
  expect(await ledger.save(1n, point(7))).toBe(true);
  await ledger.release(1n);
  expect(await ledger.acquire('b')).toEqual({ epoch: 2n, from: point(7) });
});

it('gives it to one only of many who ask at once', async () => {
  const asked = await Promise.all(['a', 'b', 'c', 'd'].map((owner) => ledger.acquire(owner)));
  expect(asked.filter((lease) => lease !== null)).toHaveLength(1);
});

it('refuses whatever an earlier holder does', async () => {
  const first = await ledger.acquire('a');
  await ledger.save(first?.epoch ?? 0n, point(7));
  await leaseRunsOut();
  const second = await ledger.acquire('b');
  expect(second?.epoch).toBe(2n);
  expect(await ledger.renew(1n)).toBe(false);
  expect(await ledger.save(1n, point(3))).toBe(false);
  await ledger.release(1n);
  expect(await ledger.acquire('c')).toBeNull();
  const [row] = await database.query<{ position: string; lease_owner: string }>('SELECT * FROM binlog_positions');
  expect(row).toMatchObject({ position: '7', lease_owner: 'b' });
});

it.each(['renew', 'save'] as const)('holds on to the lease with every %s', async (how) => {
  await ledger.acquire('a');
  await leaseRunsOut();
  expect(how === 'renew' ? await ledger.renew(1n) : await ledger.save(1n, point(1))).toBe(true);
  expect(await ledger.acquire('b')).toBeNull();
});
