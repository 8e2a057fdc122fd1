import type { Adapter, AdapterTransaction } from '../renewing-adapter';
import { classifyMysqlError } from '../mysql-error';
import { AdapterClient } from './create-mysql-client';

const EMPTY = { columnNames: [], columnTypes: [], rows: [] };

/** A driver that notes what it is asked for; connections are those of transactions that have not ended. */
class FakeDriver {
  readonly log: string[] = [];
  connections = 0;
  connects = 0;
  refusals = 0;
  /** Ends the next call of this name so. */
  failure: { readonly on: string; readonly error: Error } | undefined;
  /** What a call of this name waits for. */
  readonly gates = new Map<string, Promise<void>>();

  readonly client = new AdapterClient({
    provider: 'mysql',
    adapterName: 'fake',
    connect: () => {
      this.connects += 1;
      if (this.refusals-- > 0) return Promise.reject(new Error('refused'));
      return Promise.resolve(this.#adapter());
    },
  });

  async #call(name: string): Promise<void> {
    this.log.push(name);
    await this.gates.get(name);
    const failure = this.failure;
    if (failure?.on !== name) return;
    this.failure = undefined;
    throw failure.error;
  }

  #adapter(): Adapter {
    const named = { provider: 'mysql', adapterName: 'fake' } as const;
    const statements = {
      queryRaw: ({ sql }: { sql: string }) => this.#call(sql).then(() => EMPTY),
      executeRaw: ({ sql }: { sql: string }) => this.#call(sql).then(() => 1),
    };
    const end = (name: string) => async () => {
      try {
        await this.#call(name);
      } finally {
        this.connections -= 1;
      }
    };
    return {
      ...named,
      ...statements,
      executeScript: () => Promise.resolve(),
      getConnectionInfo: () => ({ supportsRelationJoins: true }),
      startTransaction: async (): Promise<AdapterTransaction> => {
        await this.#call('begin');
        this.connections += 1;
        return {
          ...named,
          ...statements,
          options: { usePhantomQuery: true },
          commit: end('commit'),
          rollback: end('rollback'),
        };
      },
      dispose: () => this.#call('dispose'),
    };
  }
}

function gate(): { readonly wait: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { wait, open: () => open() };
}

describe('AdapterClient', () => {
  let driver: FakeDriver;
  beforeEach(() => (driver = new FakeDriver()));

  it('connects once, with the first statement', async () => {
    expect(driver.connects).toBe(0);
    await Promise.all([driver.client.$queryRawUnsafe('a'), driver.client.$executeRaw`b`]);
    await driver.client.$transaction((tx) => tx.$executeRawUnsafe('c'));
    expect(driver.connects).toBe(1);
  });

  it('tries to connect again after it could not', async () => {
    driver.refusals = 1;
    await expect(driver.client.$queryRawUnsafe('a')).rejects.toThrow('refused');
    await driver.client.$queryRawUnsafe('a');
    expect(driver.log).toEqual(['a']);
  });

  it('commits what resolves, with what it resolves with', async () => {
    expect(await driver.client.$transaction((tx) => tx.$executeRawUnsafe('a'))).toBe(1);
    expect(driver.log).toEqual(['begin', 'a', 'commit']);
    expect(driver.connections).toBe(0);
  });

  it('rolls back what rejects, and rejects alike, also when the rollback fails', async () => {
    const error = new Error('no');
    for (const failure of [undefined, { on: 'rollback', error: new Error('gone') }]) {
      driver.failure = failure;
      driver.log.length = 0;
      await expect(driver.client.$transaction(() => Promise.reject(error))).rejects.toBe(error);
      expect(driver.log).toEqual(['begin', 'rollback']);
      expect(driver.connections).toBe(0);
    }
  });

  it('rolls back what throws before it returns a promise', async () => {
    const error = new Error('no');
    const work = (): Promise<never> => {
      throw error;
    };
    await expect(driver.client.$transaction(work)).rejects.toBe(error);
    expect(driver.log).toEqual(['begin', 'rollback']);
  });

  it('passes on how a commit has failed, and ends the transaction once', async () => {
    const error = new Error('broke');
    driver.failure = { on: 'commit', error };
    await expect(driver.client.$transaction(() => Promise.resolve())).rejects.toBe(error);
    expect(driver.log).toEqual(['begin', 'commit']);
    expect(driver.connections).toBe(0);
  });

  it('refuses statements after the end, whatever it was', async () => {
    const kept: { late?: () => Promise<unknown> } = {};
    await driver.client.$transaction((tx) => {
      kept.late = () => tx.$queryRawUnsafe('late');
      return Promise.resolve();
    });
    const late = await kept.late?.().catch((error: unknown) => error);
    expect(late).toMatchObject({ name: 'TransactionError', reason: 'ended' });
    expect(classifyMysqlError(late)).toEqual({ kind: 'infrastructure', code: 'ended' });
    expect(driver.log).not.toContain('late');
  });

  describe('when the time is over', () => {
    beforeEach(() => jest.useFakeTimers());
    afterEach(() => jest.useRealTimers());

    it('rolls a transaction back at its timeout, refuses its further statements and its commit', async () => {
      const { wait, open } = gate();
      const told = driver.client
        .$transaction(
          async (tx) => {
            await wait;
            await expect(tx.$executeRawUnsafe('late')).rejects.toMatchObject({ reason: 'timed-out' });
          },
          { timeout: 20_000 },
        )
        .catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(19_999);
      expect(driver.log).toEqual(['begin']);
      await jest.advanceTimersByTimeAsync(1);
      expect(driver.log).toEqual(['begin', 'rollback']);
      expect(driver.connections).toBe(0);
      open();
      expect(classifyMysqlError(await told)).toEqual({ kind: 'infrastructure', code: 'timed-out' });
      expect(driver.log).toEqual(['begin', 'rollback']);
    });

    it('leaves a transaction that is committing to its commit', async () => {
      const { wait, open } = gate();
      driver.gates.set('commit', wait);
      const told = driver.client.$transaction(() => Promise.resolve('done'), { timeout: 1_000 });
      await jest.advanceTimersByTimeAsync(5_000);
      open();
      expect(await told).toBe('done');
      expect(driver.log).toEqual(['begin', 'commit']);
    });

    it('waits so long to begin, and gives back the connection of a beginning that comes later', async () => {
      const { wait, open } = gate();
      driver.gates.set('begin', wait);
      const work = jest.fn(() => Promise.resolve());
      const told = driver.client.$transaction(work, { maxWait: 10_000 }).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(10_000);
      expect(await told).toMatchObject({ name: 'TransactionError', reason: 'not-started' });
      open();
      await jest.advanceTimersByTimeAsync(0);
      expect(driver.log).toEqual(['begin', 'rollback']);
      expect(driver.connections).toBe(0);
      expect(work).not.toHaveBeenCalled();
    });

    it('leaves no timer behind', async () => {
      await driver.client.$transaction(() => Promise.resolve());
      await driver.client.$transaction(() => Promise.reject(new Error('no'))).catch(() => undefined);
      driver.failure = { on: 'begin', error: new Error('no connection') };
      await expect(driver.client.$transaction(() => Promise.resolve())).rejects.toThrow('no connection');
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('rolls back what is under way before it closes', async () => {
    const { wait, open } = gate();
    const told = driver.client.$transaction(() => wait).catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    await driver.client.$disconnect();
    expect(driver.log).toEqual(['begin', 'rollback', 'dispose']);
    open();
    expect(await told).toMatchObject({ reason: 'ended' });
    await driver.client.$disconnect();
    expect(driver.log).toHaveLength(3);
  });

  it('rolls back what begins while it closes', async () => {
    const { wait, open } = gate();
    driver.gates.set('begin', wait);
    const told = driver.client.$transaction(() => Promise.resolve()).catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    await driver.client.$disconnect();
    open();
    expect(await told).toMatchObject({ reason: 'not-started' });
    expect(driver.log).toEqual(['begin', 'dispose', 'rollback']);
    expect(driver.connections).toBe(0);
  });

  it.each<[string, unknown]>([
    ['a list', [1, 2]],
    ['a time that is none', new Date(NaN)],
    ['a number that is none', Infinity],
    ['a function', () => undefined],
  ])('refuses %s as a value, and sends nothing', async (_, value) => {
    await expect(driver.client.$executeRaw`a ${1} ${value}`).rejects.toThrow('value 2 of the statement');
    expect(driver.log).toEqual([]);
  });
});
