import { AppError } from '@coupon/domain';
import { SUCCESS } from '@coupon/saga';
import { TcpProxy, eventually, useMysqlDatabase } from '@coupon/testing';
import { openShopDatabase } from '../../src/adapters/databases';
import type { ShopDatabase, ShopTransaction } from '../../src/adapters/databases';

describe.each(['mysql', 'mariadb'] as const)('a database on %s', (server) => {
  const database = useMysqlDatabase({ server });
  let proxy: TcpProxy;
  let shop: ShopDatabase;

  beforeAll(async () => {
    await database.query('CREATE TABLE notes (id INT PRIMARY KEY)');
    await database.query(`CREATE TABLE barrier (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, trans_type VARCHAR(45), gid VARCHAR(128),
      branch_id VARCHAR(128), op VARCHAR(45), barrier_id VARCHAR(45), reason VARCHAR(45), UNIQUE KEY (gid, branch_id, op, barrier_id))`);
  });
  beforeEach(async () => {
    await database.query('DELETE FROM notes');
    proxy = await TcpProxy.inFrontOf(database.url);
    const url = new URL(database.url);
    url.host = `127.0.0.1:${proxy.port}`;
    const options = { poolSize: 1, poolIdle: 1, acquireTimeoutMs: 1_000, onConnectionError: () => undefined };
    shop = openShopDatabase(url.toString(), options);
    await shop.client.$queryRaw`SELECT 1`;
  });
  afterEach(async () => {
    await shop.close();
    await proxy.stop();
  });

  const count = async (): Promise<number> => (await database.query('SELECT 1 FROM notes')).length;
  const note = (tx: ShopTransaction, id: number): Promise<number> => tx.$executeRaw`INSERT INTO notes VALUES (${id})`;
  const cutAndMend = (): void => {
    proxy.setMode('pass');
    proxy.cut();
  };
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'resolved',
      (error: unknown) => (error instanceof AppError ? error.code : error),
    );
  const goesOn = (): Promise<void> =>
    eventually(
      async () => {
        await shop.transaction((tx) => note(tx, 99));
      },
      { timeoutMs: 15_000 },
    );

  it('says that it does not know when the answer to a commit is lost', async () => {
    const work = shop.transaction(async (tx) => {
      await note(tx, 1);
      proxy.setMode('drop-replies');
      void eventually(async () => expect(await count()).toBe(1)).then(cutAndMend);
    });
    expect(await codeOf(work)).toBe('OUTCOME_UNKNOWN');
    expect(await count()).toBe(1);
    await goesOn();
  });

  it('says that it is not ready when the connection breaks before the commit, and has changed nothing', async () => {
    const work = shop.transaction(async (tx) => {
      await note(tx, 1);
      proxy.cut();
      await note(tx, 2);
    });
    expect(await codeOf(work)).toBe('NOT_READY');
    await eventually(async () => expect(await count()).toBe(0));
    await goesOn();
  });

  it('repeats a transaction that can succeed at once, from its beginning', async () => {
    let attempts = 0;
    await shop.transaction(async (tx) => {
      attempts += 1;
      await note(tx, attempts);
      // As a deadlock is reported; the server has rolled nothing back, so the client must.
      if (attempts < 3) await tx.$executeRawUnsafe("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213");
    });
    expect(await database.query('SELECT id FROM notes')).toEqual([{ id: 3 }]);
  });

  it('passes on what the work throws, and leaves nothing of it', async () => {
    const error = new Error('no');
    const work = shop.transaction(async (tx) => {
      await note(tx, 1);
      throw error;
    });
    expect(await codeOf(work)).toBe(error);
    expect(await count()).toBe(0);
  });

  it('does the work of a branch once when the answer to its commit is lost and it is called again', async () => {
    const branch = { gid: `lost-${server}`, transType: 'saga', branchId: '01', op: 'action' } as const;
    let works = 0;
    const action = (): Promise<unknown> =>
      shop.branches.action(branch, async (tx) => {
        works += 1;
        await note(tx, 1);
        if (works === 1) {
          proxy.setMode('drop-replies');
          void eventually(async () => expect(await count()).toBe(1)).then(cutAndMend);
        }
        return SUCCESS;
      });
    await expect(action()).rejects.toThrow();
    await eventually(async () => expect(await action()).toEqual(SUCCESS), { timeoutMs: 15_000 });
    expect([works, await count()]).toEqual([1, 1]);
  });
});
