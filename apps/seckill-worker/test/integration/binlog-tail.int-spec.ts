import { eventually, useMysqlDatabase } from '@coupon/testing';
import { RecordingBus, Standstill, TestTail, prepareBinlogDatabase } from '../support/binlog';
import type { TestTailOptions } from '../support/binlog';

/* One reader of the binlog, or two, on a real MySQL; the bus is a recording. */

const tails: TestTail[] = [];
const stills: Standstill[] = [];
// Before the database's own hook, which removes it.
afterEach(async () => {
  for (const still of stills.splice(0)) still.end();
  await Promise.all(tails.splice(0).map((tail) => tail.stop()));
});
const database = useMysqlDatabase();
const TABLES = ['things', 'cache_heartbeats'];
let urls: { workerUrl: string; binlogUrl: string };
let bus: RecordingBus;

jest.setTimeout(60_000);

beforeAll(async () => {
  urls = await prepareBinlogDatabase(database.url);
  await database.query('CREATE TABLE things (id INT PRIMARY KEY, text VARCHAR(2000) NULL)');
  await database.query(`GRANT SELECT ON things TO '${new URL(urls.binlogUrl).username}'@'%'`);
}, 900_000);
beforeEach(async () => {
  await database.query('DELETE FROM things');
  await database.query('DELETE FROM binlog_positions');
  bus = new RecordingBus();
});

function aTail(options: Partial<TestTailOptions> = {}): TestTail {
  const tail = new TestTail({ ...urls, tables: TABLES, bus, ...options });
  tails.push(tail);
  return tail;
}

async function started(options: Partial<TestTailOptions> = {}): Promise<TestTail> {
  const tail = await aTail(options).start();
  return tail;
}

const insert = (id: number): Promise<object[]> => database.query('INSERT INTO things (id) VALUES (?)', [id]);
const idsTold = (): number[] =>
  bus
    .of('things')
    .filter(({ type }) => type === 'INSERT')
    .flatMap(({ data }) => data ?? [])
    .map((row) => Number(row['id']));
const place = async (): Promise<{ file: string; position: string; epoch: string }> => {
  const [row] = await database.query<{ file: string; position: string; epoch: string }>(
    'SELECT file, position, epoch FROM binlog_positions',
  );
  if (row === undefined) throw new Error('no place yet');
  return row;
};

/** The place has moved and rests: a heartbeat more would not be there to move it. */
async function placeAtRest(): Promise<void> {
  let last = '';
  await eventually(
    async () => {
      const now = (await place()).position;
      const rests = now === last;
      last = now;
      return rests;
    },
    { intervalMs: 400 },
  );
}

it('says first of all that anything may have changed, then every change', async () => {
  await started();
  await insert(1);
  await bus.until('things', (messages) => messages.length === 2);
  expect(bus.messages.slice(0, 2).map(({ table, type }) => [table, type])).toEqual([
    ['things', 'TRUNCATE'],
    ['cache_heartbeats', 'TRUNCATE'],
  ]);
  expect(idsTold()).toEqual([1]);
});

it('tells a change again, and every later one, after it was killed between publishing and writing down its place', async () => {
  const still = new Standstill();
  stills.push(still);
  await started({ standstill: still, leaseMs: 700 });
  await insert(1);
  await bus.until('things', () => idsTold().includes(1));
  await eventually(async () => expect((await place()).position).toBeTruthy());
  const before = await place();
  // From here on nothing the process says arrives, and nothing it waits for; what it had published has arrived.
  bus.answer = () => {
    still.begin();
    return undefined;
  };
  await insert(2);
  await bus.until('things', () => idsTold().includes(2));
  bus.answer = () => undefined;
  await insert(3);
  expect((await place()).position).toBe(before.position);
  await started();
  await bus.until('things', () => idsTold().includes(3));
  expect([...new Set(idsTold())]).toEqual([1, 2, 3]);
  expect(idsTold().filter((id) => id === 2).length).toBeGreaterThan(1);
  expect(bus.of('things').filter(({ type }) => type === 'TRUNCATE')).toHaveLength(1);
});

it('does not move its place past a change that is not confirmed', async () => {
  await started();
  await insert(1);
  await bus.until('things', () => idsTold().includes(1));
  await placeAtRest();
  const before = await place();
  bus.batches.length = 0;
  bus.answer = () => ({ kind: 'failed', ambiguous: true, error: new Error('the broker is away') });
  await insert(2);
  // Each attempt waits longer than the one before; the place would have been written long ago.
  await eventually(() => bus.batches.length >= 6, { timeoutMs: 20_000 });
  expect(await place()).toEqual(before);
  bus.answer = () => undefined;
  await bus.until('things', () => idsTold().includes(2));
  await eventually(async () => expect((await place()).position).not.toBe(before.position));
});

it('lets one of two read; the other follows at once when the first ends in order', async () => {
  const first = await started({ leaseMs: 30_000 });
  const second = aTail({ leaseMs: 1_000 });
  void second.start();
  await insert(1);
  await bus.until('things', () => idsTold().includes(1));
  expect(second.counts).toMatchObject({ active: false, leases: 0 });
  tails.splice(tails.indexOf(first), 1);
  await first.stop();
  await second.untilActive();
  await insert(2);
  await bus.until('things', () => idsTold().includes(2));
  expect(second.counts.lost).toBe(0);
});

it('follows a process that stands still; that one tells and writes nothing more when it goes on', async () => {
  const still = new Standstill();
  stills.push(still);
  const firstBus = new RecordingBus();
  const first = await started({ standstill: still, bus: firstBus, leaseMs: 700 });
  await insert(1);
  await firstBus.until('things', (messages) => messages.some(({ type }) => type === 'INSERT'));
  still.begin();
  const second = await started({ leaseMs: 700 });
  await insert(2);
  await bus.until('things', () => idsTold().includes(2));
  const told = firstBus.bodies.length;
  still.end();
  await eventually(() => !first.counts.active, { timeoutMs: 10_000 });
  await insert(3);
  await bus.until('things', () => idsTold().includes(3));
  // Nothing new: at most what it was in the middle of when it stopped.
  expect(
    firstBus
      .of('things')
      .flatMap(({ data }) => data ?? [])
      .map((row) => row['id']),
  ).not.toContain('3');
  expect(firstBus.bodies.length - told).toBeLessThanOrEqual(1);
  expect(second.counts).toMatchObject({ active: true, leases: 1, lost: 0 });
});

it('tells a large transaction in batches of 32, and moves its place only behind it', async () => {
  await started();
  await insert(0);
  await bus.until('things', () => idsTold().includes(0));
  await eventually(async () => expect((await place()).position).toBeTruthy());
  // About 8 KB to an event of the binlog.
  const rows = Array.from({ length: 600 }, (_unused, i) => `(${i + 1}, REPEAT('x', 1900))`).join(', ');
  const failures = { left: 3 };
  bus.batches.length = 0;
  bus.answer = () => {
    if (bus.batches.length < 3 || failures.left === 0) return undefined;
    failures.left -= 1;
    return { kind: 'failed', ambiguous: true, error: new Error('the broker is away') };
  };
  await database.query(`INSERT INTO things (id, text) VALUES ${rows}`);
  await bus.until('things', () => idsTold().length >= 601);
  // A broker that refuses one message of a batch takes those after it: they come a second time, in order.
  expect([...new Set(idsTold())].sort((a, b) => a - b)).toEqual(Array.from({ length: 601 }, (_unused, i) => i));
  expect(Math.max(...bus.batches)).toBe(32);
  expect(bus.batches.length).toBeGreaterThan(4);
});

it('begins a large transaction again when it ended in the middle of it', async () => {
  const first = await started();
  await insert(0);
  await bus.until('things', () => idsTold().includes(0));
  await placeAtRest();
  const rows = Array.from({ length: 600 }, (_unused, i) => `(${i + 1}, REPEAT('x', 1900))`).join(', ');
  const before = await place();
  bus.answer = () =>
    idsTold().length < 60 ? undefined : { kind: 'failed', ambiguous: true, error: new Error('the broker is away') };
  await database.query(`INSERT INTO things (id, text) VALUES ${rows}`);
  await bus.until('things', () => idsTold().length >= 60);
  tails.splice(tails.indexOf(first), 1);
  await first.stop();
  expect(idsTold().length).toBeLessThan(100);
  expect((await place()).position).toBe(before.position);
  bus.answer = () => undefined;
  await started();
  await bus.until('things', () => new Set(idsTold()).size === 601);
});

it('lets a heartbeat go only when everything before it is confirmed', async () => {
  await started();
  await insert(0);
  await bus.until('things', () => idsTold().includes(0));
  let refused = 0;
  bus.answer = ({ body }) => {
    if (!String(body).includes('"table":"things"') || refused >= 3) return undefined;
    refused += 1;
    return { kind: 'failed', ambiguous: false, error: new Error('full') };
  };
  // One transaction: both changes come in one go.
  await database.query('CREATE TABLE IF NOT EXISTS marker (id INT)');
  await database.query("INSERT INTO cache_heartbeats VALUES ('a', 1, 0)");
  await bus.until('cache_heartbeats', (messages) => messages.some(({ type }) => type === 'INSERT'));
  await database.query('DROP PROCEDURE IF EXISTS both_tables');
  await database.query(
    "CREATE PROCEDURE both_tables() BEGIN START TRANSACTION; INSERT INTO things (id) VALUES (7); UPDATE cache_heartbeats SET beat = 2 WHERE source = 'a'; COMMIT; END",
  );
  await database.query('CALL both_tables()');
  await bus.until('cache_heartbeats', (messages) => messages.some(({ type }) => type === 'UPDATE'));
  expect(refused).toBe(3);
  const order = bus.messages.map(({ table, type }) => `${table} ${type}`);
  expect(order.lastIndexOf('things INSERT')).toBeLessThan(order.indexOf('cache_heartbeats UPDATE'));
});

it('parks what it cannot tell and says that anything in that table may have changed', async () => {
  const tail = await started();
  await insert(1);
  await bus.until('things', () => idsTold().includes(1));
  const reader = new URL(urls.binlogUrl).username;
  // Without a right on the table nobody tells its columns.
  await database.query(`REVOKE SELECT ON things FROM '${reader}'@'%'`);
  try {
    await database.query('ALTER TABLE things ADD COLUMN more INT NULL');
    await database.query('UPDATE things SET more = 1 WHERE id = 1');
    await bus.until('things', (messages) => messages.filter(({ type }) => type === 'TRUNCATE').length === 2);
    expect(tail.parked.map(({ reason }) => reason)).toEqual([expect.stringMatching(/things/)]);
  } finally {
    await database.query(`GRANT SELECT ON things TO '${reader}'@'%'`);
    await database.query('ALTER TABLE things DROP COLUMN more');
  }
  await insert(2);
  await bus.until('things', () => idsTold().includes(2));
});

it.each([
  ['ALTER TABLE things COMMENT = "x"', 'ALTER'],
  ['ALTER TABLE things ADD INDEX idx_text (text(10))', 'CINDEX'],
  ['DROP INDEX idx_text ON things', 'DINDEX'],
  ['TRUNCATE things', 'TRUNCATE'],
])('tells of %s as %s', async (sql, type) => {
  await started();
  await bus.until('things', (messages) => messages.length === 1);
  await database.query(sql);
  const [, message] = await bus.until('things', (messages) => messages.length === 2);
  expect(message).toMatchObject({ isDdl: true, type, data: null, database: database.name });
  expect(message?.sql).toContain(sql.split(' ')[0]);
});

it('tells of a renaming of a watched table, away and back', async () => {
  await started();
  await bus.until('things', (messages) => messages.length === 1);
  await database.query('RENAME TABLE things TO other');
  await database.query('RENAME TABLE other TO things');
  const messages = await bus.until('things', (all) => all.length === 3);
  expect(messages.slice(1).map(({ type, sql }) => [type, sql])).toEqual([
    ['RENAME', 'RENAME TABLE things TO other'],
    ['RENAME', 'RENAME TABLE other TO things'],
  ]);
});

it('says that anything may have changed when a change was logged as a statement', async () => {
  await started();
  await bus.until('things', (messages) => messages.length === 1);
  await database.query("SET SESSION binlog_format = 'STATEMENT'");
  try {
    await insert(5);
  } finally {
    await database.query("SET SESSION binlog_format = 'ROW'");
  }
  const [, message] = await bus.until('things', (messages) => messages.length === 2);
  expect(message).toMatchObject({ type: 'TRUNCATE', isDdl: true });
  expect(message?.sql).toContain('INSERT logged as a statement');
});
