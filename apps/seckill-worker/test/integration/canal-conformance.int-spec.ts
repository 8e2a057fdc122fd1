import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CanalMessage } from '@coupon/contracts';
import { useMysqlDatabase } from '@coupon/testing';
import { RecordingBus, TestTail, prepareBinlogDatabase } from '../support/binlog';

/*
 * What a Canal server (1.1.7) has told of these statements was recorded; the reading of the binlog tells the same, field by field. Ids and
 * times of messages are the sender's own, and the recorded database was called `coupon`. MariaDB's row annotations (type QUERY, no database,
 * no table) are noise that Canal can be told to leave out: they are not made here.
 */
const FIXTURE = join(__dirname, '../../../../libs/contracts/test/fixtures/canal-flat-samples.json');
const { samples } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as { samples: { case: string; value: CanalMessage }[] };

const INSERT =
  'INSERT INTO user_coupon(user_id,coupon_id,status,is_gift,amount,big_amt,meta,note,claimed_at,used_at,created_ts,kind,bits,bin) VALUES ';
const CREATE_MARIADB =
  "CREATE TABLE user_coupon (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id BIGINT NOT NULL, coupon_id INT UNSIGNED NOT NULL, status TINYINT NOT NULL DEFAULT 0, is_gift TINYINT(1) NOT NULL DEFAULT 0, amount DECIMAL(10,2) NOT NULL, big_amt DECIMAL(30,8) NULL, meta JSON NULL, note VARCHAR(64) NULL, claimed_at DATETIME NOT NULL, used_at DATETIME(3) NULL, created_ts TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), kind ENUM('a','b') NULL, bits BIT(4) NULL, bin VARBINARY(8) NULL)";

/** Statement -> start of the recorded case; those without are needed on the way. */
type Step = readonly [sql: string, recorded?: string];

const MARIADB: readonly Step[] = [
  [CREATE_MARIADB],
  [
    `${INSERT}(1001,7,0,1,19.90,12345678901234567890.12345678,'{"a":1,"n":null,"s":"é中"}','it''s "q"','2026-11-21 10:00:00',NULL,'2026-11-21 10:00:00.123456','a',b'0101',x'00ff41')`,
    'mariadb.insert.fullRow',
  ],
  [
    `${INSERT}(1002,7,0,0,0,NULL,NULL,NULL,'2026-11-21 10:00:01',NULL,'2026-11-21 04:44:51.242507',NULL,NULL,NULL)`,
    'mariadb.insert.oneRowOfTwo',
  ],
  ["UPDATE user_coupon SET status = 1, used_at = '2026-11-21 10:05:00.250' WHERE id = 1", 'mariadb.update.nullToValue'],
  ['UPDATE user_coupon SET amount = 18.80, note = NULL WHERE id = 1', 'mariadb.update.valueToNull'],
  ['UPDATE user_coupon SET status = 3 WHERE id = 2'],
  ['DELETE FROM user_coupon WHERE id IN (1, 2)', 'mariadb.delete.multiRow'],
  ['ALTER TABLE user_coupon ADD COLUMN extra INT NULL', 'mariadb.ddl.alter'],
  [
    "INSERT INTO user_coupon (id, user_id, coupon_id, status, amount, claimed_at, created_ts, extra) VALUES (4, 1004, 8, -1, 1, '2026-11-21 11:00:00', '2026-11-21 04:44:51.259118', 5)",
  ],
  ['UPDATE user_coupon SET id = 900 WHERE id = 4', 'mariadb.update.primaryKey'],
  ['TRUNCATE TABLE user_coupon', 'mariadb.ddl.truncate'],
  [
    "INSERT INTO user_coupon (user_id, coupon_id, amount, note, claimed_at, created_ts) VALUES (1, 1, 1.10, 'x', '2026-11-21 10:00:00', '2026-11-21 10:00:00.5'), (2, 1, 10, 'y', '2026-11-21 10:00:00', '2026-11-21 10:00:00')",
    'mariadb.insert.multiRow',
  ],
  ["UPDATE user_coupon SET status = 1, note = IF(id = 1, 'X2', note)", 'mariadb.update.multiRow'],
];

const MYSQL: readonly Step[] = [
  [recorded('mysql97.ddl.create').sql, 'mysql97.ddl.create'],
  [
    `INSERT INTO user_coupon (user_id, coupon_id, is_gift, amount, meta, note, claimed_at, created_ts) VALUES
       (1001, 7, 1, 19.90, '{"s":"é中","n":null,"d":1.50,"a":1,"arr":[1,2]}', 'x', '2026-11-21 10:00:00', '2026-11-21 10:00:00.123456'),
       (1002, 7, 0, 0, NULL, NULL, '2026-11-21 10:00:01', '2026-11-21 10:00:00')`,
    'mysql97.insert.multiRow',
  ],
  [
    "UPDATE user_coupon SET status = 1, meta = JSON_SET(meta, '$.a', 2), used_at = '2026-11-21 10:05:00.250' WHERE id = 1",
    'mysql97.update',
  ],
  ['DELETE FROM user_coupon WHERE id = 1', 'mysql97.delete'],
];

describe.each([
  ['mariadb', MARIADB],
  ['mysql', MYSQL],
] as const)('statements of which a Canal server told, on %s', (server, steps) => {
  const bus = new RecordingBus();
  let tail: TestTail | undefined;
  // Before the database's own hook, which removes it.
  afterAll(() => tail?.stop());
  const database = useMysqlDatabase({ server });

  beforeAll(async () => {
    const urls = await prepareBinlogDatabase(database.url);
    await database.query(`GRANT SELECT ON *.* TO '${new URL(urls.binlogUrl).username}'@'%'`);
    tail = await new TestTail({ ...urls, tables: ['user_coupon'], bus }).start();
    // "Anything may have changed", the first word of a first reading.
    await bus.until('user_coupon', (messages) => messages.length === 1);
  }, 120_000);

  it.each(steps.map(([sql, name]) => [name ?? '(on the way)', sql] as const))(
    '%s',
    async (name, sql) => {
      const before = bus.of('user_coupon').length;
      await database.query(sql);
      const messages = await bus.until('user_coupon', (all) => all.length > before);
      expect(messages).toHaveLength(before + 1);
      if (name === '(on the way)') return;
      const [message] = messages.slice(-1);
      const expected = recorded(name);
      expect(message).toBeDefined();
      const { id, es, ts } = message ?? expected;
      expect(message).toEqual({ ...expected, database: database.name, id, es, ts });
      // As text: the same keys in the same order.
      expect(Object.keys(message ?? {})).toEqual(Object.keys(expected));
      expect(Object.keys(message?.data?.[0] ?? {})).toEqual(Object.keys(expected.data?.[0] ?? {}));
      expect((message?.es ?? 1) % 1000).toBe(0);
    },
    30_000,
  );

  it('nothing was parked on the way', () => {
    expect(tail?.parked).toEqual([]);
  });
});

it('covers every recorded message but the noise', () => {
  const covered = [...MARIADB, ...MYSQL].flatMap(([, name]) => (name === undefined ? [] : [recorded(name)]));
  const rest = samples.filter(({ value }) => !covered.includes(value)).map((sample) => sample.case);
  expect(rest).toEqual([expect.stringMatching(/^mariadb\.query\.annotateRows/)]);
});

function recorded(name: string): CanalMessage {
  const sample = samples.find((one) => one.case.startsWith(name));
  if (sample === undefined) throw new Error(`no sample ${name}`);
  return sample.value;
}
