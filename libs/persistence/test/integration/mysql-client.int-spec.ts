import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { TcpProxy, eventually, useMysqlDatabase } from '@coupon/testing';
import { Prisma, PrismaClient, classifyMysqlError, createMysqlClient, createPrisma } from '../../src';
import type { MysqlClient, RawStatements } from '../../src';
import { poolConfig } from '../../src/connection-config';

const VALUES = {
  text: `quote ' backslash \\ "double" \`tick\` %_; -- 🎉`,
  empty: '',
  digits: '0012',
  int: -7,
  double: 0.1,
  big: 9_223_372_036_854_775_807n,
  yes: true,
  nothing: null,
  missing: undefined,
  time: new Date('2026-03-29T01:30:00.120Z'),
  wholeSecond: new Date('2037-12-31T23:59:59Z'),
  amount: new Prisma.Decimal('12.30'),
  bytes: Buffer.from([0, 39, 92, 255]),
  object: { a: [1, 'two', null, { deep: "it's" }] },
};

describe.each(['mysql', 'mariadb'] as const)('statements on %s', (server) => {
  const database = useMysqlDatabase({ server });
  let client: MysqlClient;
  let prisma: PrismaClient;
  let pooled: PrismaClient;

  beforeAll(async () => {
    client = createMysqlClient(database.url, { poolSize: 3, poolIdle: 1 });
    // Prisma's own client on its own pool: what all of this has to agree with.
    const adapter = new PrismaMariaDb(poolConfig(database.url, { poolSize: 3, poolIdle: 1 }), {
      useTextProtocol: true,
    });
    pooled = createPrisma(database.url, { poolSize: 3, poolIdle: 1 });
    prisma = new PrismaClient({ adapter, errorFormat: 'minimal' });
    await database.query(`CREATE TABLE everything (
      id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, tiny TINYINT, flag TINYINT(1), small SMALLINT, medium MEDIUMINT, plain INT,
      positive INT UNSIGNED, big BIGINT, largest BIGINT UNSIGNED, amount DECIMAL(12,2), single FLOAT, twice DOUBLE, day DATE, clock TIME(3),
      moment DATETIME(3), stamp TIMESTAMP(3) NULL, year YEAR, word VARCHAR(200), letters CHAR(5), prose TEXT, raw_bytes VARBINARY(20), picture BLOB,
      doc JSON, kind ENUM('a', 'b'), kinds SET('a', 'b'), bits BIT(9), one BIT(1))`);
    await database.query(`INSERT INTO everything VALUES
      (1, -128, 1, 32767, -8388608, 2147483647, 4294967295, -9223372036854775808, 18446744073709551615, '-1234567890.12', 1.5, 0.1,
       '2026-02-28', '23:59:58.120', '2026-03-29 01:30:00.120', '2026-03-29 02:00:00.000', 2026, 'wörd 🎉', 'ab', 'prose', x'00ff27', x'5c',
       '{"a": [1, "two", null], "big": 9007199254740993}', 'b', 'a,b', b'100000001', b'1'),
      (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL),
      (3, 0, 0, 0, 0, 0, 0, 0, 0, '0.00', 0, 0, '1000-01-01', '00:00:00', '1970-01-01 00:00:00', '1970-01-02 00:00:00', 1901, '', '', '', x'',
       x'', '[]', 'a', '', b'0', b'0')`);
  });
  beforeEach(() => database.query('CREATE TABLE IF NOT EXISTS notes (id INT PRIMARY KEY)'));
  afterEach(() => database.query('DROP TABLE notes'));
  afterAll(async () => {
    await client.$disconnect();
    await prisma.$disconnect();
    await pooled.$disconnect();
  });

  const count = async (): Promise<number> => (await database.query('SELECT 1 FROM notes')).length;
  const both = async (ask: (statements: RawStatements) => Promise<unknown>): Promise<void> => {
    const expected = await ask(prisma);
    expect(await ask(client)).toStrictEqual(expected);
    expect(await ask(pooled)).toStrictEqual(expected);
    expect(await client.$transaction(ask)).toStrictEqual(expected);
  };

  it('gives the values of every type of column as Prisma does', async () => {
    await both((on) => on.$queryRaw`SELECT * FROM everything ORDER BY id`);
    await both((on) =>
      on.$queryRawUnsafe(
        'SELECT COUNT(*) AS n, SUM(amount) AS total, MAX(stamp) AS latest, NULL AS gap FROM everything',
      ),
    );
    await both((on) => on.$queryRaw`SELECT 1 FROM everything WHERE id = 99`);
    await both((on) => on.$queryRaw`SELECT UUID() = '' AS a, 1.5 AS b, 1e300 AS c, 'x' AS d, 2 AS d`);
  });

  it.each(Object.entries(VALUES))('sends a value as Prisma does: %s', async (_, value) => {
    await both((on) => on.$queryRaw`SELECT ${value} AS it, HEX(${value}) AS bytes, LENGTH(${value}) AS length`);
    await both((on) => on.$queryRawUnsafe('SELECT ? AS it, HEX(?) AS bytes', value, value));
  });

  it('takes fragments of statements, and lists', async () => {
    const where = Prisma.sql`id IN (${Prisma.join([1, 3])})`;
    await both((on) => on.$queryRaw`SELECT id, ${'x'} AS x FROM everything WHERE ${where} ${Prisma.empty} ORDER BY id`);
    await both((on) => on.$queryRaw(Prisma.sql`SELECT id FROM everything WHERE ${where} ORDER BY id`));
  });

  it('reports the rows that matched', async () => {
    await both((on) => on.$executeRaw`UPDATE everything SET tiny = tiny WHERE id IN (1, 2)`);
    await both((on) => on.$executeRawUnsafe('UPDATE everything SET tiny = ? WHERE id = ?', 1, 99));
  });

  it('classifies what fails as Prisma does', async () => {
    await database.query('INSERT INTO notes VALUES (1)');
    const kinds = (sql: string): Promise<unknown[]> =>
      Promise.all(
        [prisma, client].map((on) => on.$executeRawUnsafe(sql).catch((error: unknown) => classifyMysqlError(error))),
      );
    for (const sql of [
      'INSERT INTO notes VALUES (1)',
      "INSERT INTO notes VALUES ('x')",
      'INSERT INTO notes VALUES (NULL)',
      'INSERT INTO notes VALUES (99999999999)',
      'INSERT INTO nowhere VALUES (1)',
      'THIS IS NO SQL',
      "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1213",
    ]) {
      const [expected, found] = await kinds(sql);
      expect(found).toEqual(expected);
      expect(found).toHaveProperty('kind');
    }
  });

  it('works on one connection in a transaction: UTC, strict, READ COMMITTED', async () => {
    await client.$transaction(async (tx) => {
      await tx.$executeRaw`INSERT INTO notes VALUES (1)`;
      expect(await client.$queryRaw`SELECT id FROM notes`).toEqual([]);
      expect(await tx.$queryRaw`SELECT id FROM notes`).toEqual([{ id: 1 }]);
      await database.query('INSERT INTO notes VALUES (2)');
      expect(await tx.$queryRaw`SELECT id FROM notes ORDER BY id`).toEqual([{ id: 1 }, { id: 2 }]);
      expect(await tx.$queryRaw`SELECT @@session.time_zone AS zone`).toEqual([{ zone: '+00:00' }]);
      await expect(tx.$executeRaw`INSERT INTO notes VALUES ('x')`).rejects.toThrow();
    });
    expect(await count()).toBe(2);
  });

  it('leaves nothing of what rejects', async () => {
    const error = new Error('no');
    const work = async (tx: RawStatements): Promise<never> => {
      await tx.$executeRaw`INSERT INTO notes VALUES (1)`;
      throw error;
    };
    await expect(client.$transaction(work)).rejects.toBe(error);
    expect(await count()).toBe(0);
  });

  it('reports a deadlock as one that can be repeated, and only to one of the two', async () => {
    await database.query('INSERT INTO notes VALUES (1), (2)');
    let holding = 0;
    const take = (first: number, second: number): Promise<unknown> =>
      client
        .$transaction(async (tx) => {
          await tx.$queryRaw`SELECT id FROM notes WHERE id = ${first} FOR UPDATE`;
          holding += 1;
          await eventually(() => holding === 2);
          await tx.$queryRaw`SELECT id FROM notes WHERE id = ${second} FOR UPDATE`;
          return 'committed';
        })
        .catch((error: unknown) => classifyMysqlError(error));
    const told = await Promise.all([take(1, 2), take(2, 1)]);
    expect(told).toContain('committed');
    expect(told).toContainEqual({ kind: 'retryable', code: 1213 });
  });

  it('rolls back at its timeout while a statement waits, and gives the connection back', async () => {
    await database.query('INSERT INTO notes VALUES (1)');
    const slow = client
      .$transaction(
        async (tx) => {
          await tx.$executeRaw`INSERT INTO notes VALUES (2)`;
          await tx.$queryRaw`SELECT SLEEP(1)`;
          await tx.$executeRaw`INSERT INTO notes VALUES (3)`;
        },
        { timeout: 300 },
      )
      .catch((error: unknown) => classifyMysqlError(error));
    expect(await slow).toEqual({ kind: 'infrastructure', code: 'timed-out' });
    expect(await count()).toBe(1);
    await usesItsWholePool();
  });

  /** As many transactions at once as there are connections: none has been lost. */
  async function usesItsWholePool(on = client, size = 3): Promise<void> {
    let inside = 0;
    const work = async (tx: RawStatements): Promise<void> => {
      await tx.$queryRaw`SELECT 1`;
      inside += 1;
      await eventually(() => inside >= size);
    };
    const transactions = Array.from({ length: size }, () =>
      on.$transaction(work, { maxWait: 10_000, timeout: 20_000 }),
    );
    await Promise.all(transactions);
  }

  describe('behind a network that breaks', () => {
    let proxy: TcpProxy;
    let far: MysqlClient;
    beforeEach(async () => {
      proxy = await TcpProxy.inFrontOf(database.url);
      const url = new URL(database.url);
      url.host = `127.0.0.1:${proxy.port}`;
      // One connection: a second one that is cut off while it is set up ends the process, by a rejection of the driver that nobody can handle.
      far = createMysqlClient(url.toString(), { poolSize: 1, poolIdle: 1, acquireTimeoutMs: 1_000 });
      await far.$queryRaw`SELECT 1`;
    });
    afterEach(async () => {
      await far.$disconnect();
      await proxy.stop();
    });
    const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
      classifyMysqlError(
        await work.then(
          () => 'resolved',
          (error: unknown) => error,
        ),
      );
    const infrastructure: unknown = expect.objectContaining({ kind: 'infrastructure' });
    const cutAndMend = (): void => {
      proxy.setMode('pass');
      proxy.cut();
    };
    const goesOn = (): Promise<void> => eventually(() => usesItsWholePool(far, 1), { timeoutMs: 15_000 });

    it('rolls back when the connection breaks between two statements', async () => {
      const work = far.$transaction(async (tx) => {
        await tx.$executeRaw`INSERT INTO notes VALUES (1)`;
        proxy.cut();
        await tx.$executeRaw`INSERT INTO notes VALUES (2)`;
      });
      expect(await failureOf(work)).toEqual(infrastructure);
      await goesOn();
      await eventually(async () => expect(await count()).toBe(0));
    });

    it('tells of a commit whose answer does not come, and has committed', async () => {
      let seen: Promise<void> | undefined;
      const work = far.$transaction(async (tx) => {
        await tx.$executeRaw`INSERT INTO notes VALUES (1)`;
        proxy.setMode('drop-replies');
        seen = eventually(async () => expect(await count()).toBe(1)).then(cutAndMend);
      });
      expect(await failureOf(work)).toEqual(infrastructure);
      await seen;
      expect(await count()).toBe(1);
      await goesOn();
    });

    it('tells of a commit that never arrived, and has not committed', async () => {
      const work = far.$transaction(async (tx) => {
        await tx.$executeRaw`INSERT INTO notes VALUES (1)`;
        proxy.setMode('half-open');
        void eventually(() => proxy.droppedBytes > 0).then(cutAndMend);
      });
      expect(await failureOf(work)).toEqual(infrastructure);
      await goesOn();
      await eventually(async () => expect(await count()).toBe(0));
    });

    it('begins nothing while there is no way to the server, and goes on when there is one', async () => {
      proxy.setMode('refuse');
      proxy.cut();
      const work = jest.fn(() => Promise.resolve());
      expect(await failureOf(far.$transaction(work, { maxWait: 5_000 }))).toEqual(infrastructure);
      expect(work).not.toHaveBeenCalled();
      proxy.setMode('pass');
      await goesOn();
    });

    it('gives a beginning up in time, and loses no connection by it', async () => {
      proxy.setMode('drop-replies');
      const told = await failureOf(far.$transaction(() => Promise.resolve(), { maxWait: 300 }));
      expect(told).toEqual({ kind: 'infrastructure', code: 'not-started' });
      cutAndMend();
      await goesOn();
    });
  });
});
