import { RenewingAdapterFactory } from './renewing-adapter';
import type { Adapter, AdapterTransaction } from './renewing-adapter';

const HOUR_MS = 3_600_000;
const QUERY = { sql: 'x', args: [], argTypes: [] };
const EMPTY = { columnNames: [], columnTypes: [], rows: [] };

interface FakePool {
  readonly adapter: Adapter;
  closed: boolean;
  statements: number;
  /** The next statement or commit ends so. */
  failWith: Error | undefined;
  /** Statements wait for it. */
  gate: Promise<void>;
}

function readOnlyError(code: number): Error {
  return Object.assign(new Error('read-only'), { cause: { originalCode: String(code), originalMessage: 'read-only' } });
}

function fakePool(): FakePool {
  const run = async (): Promise<void> => {
    await pool.gate;
    if (pool.closed) throw new Error('the pool is closed');
    pool.statements += 1;
    const failure = pool.failWith;
    pool.failWith = undefined;
    if (failure !== undefined) throw failure;
  };
  const statements = { queryRaw: () => run().then(() => EMPTY), executeRaw: () => run().then(() => 1) };
  const named = { provider: 'mysql', adapterName: 'fake' } as const;
  const pool: FakePool = {
    closed: false,
    statements: 0,
    failWith: undefined,
    gate: Promise.resolve(),
    adapter: {
      ...named,
      ...statements,
      executeScript: run,
      getConnectionInfo: () => ({ supportsRelationJoins: true }),
      startTransaction: (): Promise<AdapterTransaction> =>
        Promise.resolve({ ...named, ...statements, options: { usePhantomQuery: true }, commit: run, rollback: run }),
      dispose: () => {
        if (pool.closed) throw new Error('closed twice');
        pool.closed = true;
        return Promise.resolve();
      },
    },
  };
  return pool;
}

async function renewing() {
  const pools: FakePool[] = [];
  const clock = { ms: 0 };
  const factory = new RenewingAdapterFactory(
    {
      provider: 'mysql',
      adapterName: 'fake',
      connect: () => {
        const pool = fakePool();
        pools.push(pool);
        return Promise.resolve(pool.adapter);
      },
    },
    {
      lifetimeMs: HOUR_MS,
      nowMs: () => clock.ms,
      onError: (error) => {
        throw error;
      },
    },
  );
  const adapter = await factory.connect();
  const pool = (index: number): FakePool => {
    const found = pools[index];
    if (found === undefined) throw new Error(`no pool ${index}`);
    return found;
  };
  return { adapter, pools, pool, clock };
}

describe('RenewingAdapterFactory', () => {
  it('keeps a pool for its lifetime and replaces it at the first use after', async () => {
    const { adapter, pools, pool, clock } = await renewing();
    clock.ms = HOUR_MS - 1;
    await adapter.queryRaw(QUERY);
    expect(pools).toHaveLength(1);
    clock.ms = HOUR_MS;
    await Promise.all([adapter.queryRaw(QUERY), adapter.executeRaw(QUERY), adapter.queryRaw(QUERY)]);
    expect(pools.map(({ closed, statements }) => [closed, statements])).toEqual([
      [true, 1],
      [false, 3],
    ]);
    clock.ms = 2 * HOUR_MS - 1;
    await adapter.queryRaw(QUERY);
    expect(pool(1).closed).toBe(false);
  });

  it('closes a replaced pool only after the last statement and transaction on it', async () => {
    const { adapter, pool, clock } = await renewing();
    const transaction = await adapter.startTransaction();
    let open = (): void => undefined;
    pool(0).gate = new Promise((resolve) => {
      open = resolve;
    });
    const statement = adapter.queryRaw(QUERY);
    clock.ms = HOUR_MS;
    await adapter.queryRaw(QUERY);
    open();
    await statement;
    expect(pool(0).closed).toBe(false);
    await transaction.executeRaw(QUERY);
    await transaction.commit();
    expect([pool(0).closed, pool(0).statements, pool(1).statements]).toEqual([true, 3, 1]);
  });

  it.each([1290, 1792, 1836])('replaces the pool after error %d, once it is a second old', async (code) => {
    const { adapter, pools, pool, clock } = await renewing();
    pool(0).failWith = readOnlyError(code);
    await expect(adapter.executeRaw(QUERY)).rejects.toThrow('read-only');
    await adapter.queryRaw(QUERY);
    expect(pools).toHaveLength(1);
    clock.ms = 1_000;
    await adapter.executeRaw(QUERY);
    expect(pools.map(({ closed, statements }) => [closed, statements])).toEqual([
      [true, 2],
      [false, 1],
    ]);
  });

  it.each<[string, (transaction: AdapterTransaction) => Promise<unknown>]>([
    ['a statement of a transaction', (transaction) => transaction.executeRaw(QUERY)],
    ['a commit', (transaction) => transaction.commit()],
  ])('replaces the pool after %s was refused as read-only', async (_, work) => {
    const { adapter, pools, pool, clock } = await renewing();
    clock.ms = 5_000;
    const transaction = await adapter.startTransaction();
    pool(0).failWith = readOnlyError(1290);
    await expect(work(transaction)).rejects.toThrow('read-only');
    await adapter.queryRaw(QUERY);
    expect(pools).toHaveLength(2);
    await transaction.rollback().catch(() => undefined);
    expect(pools.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('keeps the pool after any other error', async () => {
    const { adapter, pools, pool, clock } = await renewing();
    clock.ms = 5_000;
    pool(0).failWith = readOnlyError(1213);
    await expect(adapter.executeRaw(QUERY)).rejects.toThrow();
    await adapter.queryRaw(QUERY);
    expect(pools).toHaveLength(1);
  });

  it('closes every pool with itself, also one that was replaced and is still in use', async () => {
    const { adapter, pools, clock } = await renewing();
    await adapter.startTransaction();
    clock.ms = HOUR_MS;
    await adapter.queryRaw(QUERY);
    await adapter.dispose();
    expect(pools.map(({ closed }) => closed)).toEqual([true, true]);
  });
});
