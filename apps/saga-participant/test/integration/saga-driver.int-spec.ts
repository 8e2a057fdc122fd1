import { pino } from 'pino';
import { applyMigrations } from '@coupon/persistence';
import { DtmUnavailableError } from '@coupon/saga';
import type { KnownSagaState } from '@coupon/saga';
import { systemClock } from '@coupon/service-kit';
import { eventually, seededRandom, useMysqlDatabase } from '@coupon/testing';
import { openShopDatabase } from '../../src/adapters/databases';
import type { ShopDatabase } from '../../src/adapters/databases';
import { EMBEDDED_MIGRATIONS } from '../../src/migrations/generated/migrations';
import { finishRun, insertRun } from '../../src/orders/adapters/saga-runs';
import { SagaDriver } from '../../src/orders/sagas/saga-driver';
import type { SagaDriverOptions } from '../../src/orders/sagas/saga-driver';
import type { SagaRun } from '../../src/orders/sagas/saga-run';

const LEASE_MS = 600;
const RUNNING: KnownSagaState = { kind: 'running' };
const SUCCEEDED: KnownSagaState = { kind: 'succeeded' };

describe('SagaDriver', () => {
  const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
  let shop: ShopDatabase;
  let drivers: SagaDriver[] = [];
  let next = 0;
  const underWay = new Map<string, number>();
  const submits = new Map<string, boolean[]>();
  let mostAtOnce = 0;
  const ends: string[] = [];
  let submit: (run: SagaRun) => Promise<KnownSagaState>;
  let seal: (run: SagaRun) => Promise<void>;

  beforeAll(() => {
    shop = openShopDatabase(database.url, {
      poolSize: 20,
      poolIdle: 1,
      acquireTimeoutMs: 5_000,
      onConnectionError: () => undefined,
    });
  });
  beforeEach(() => {
    submits.clear();
    ends.length = 0;
    mostAtOnce = 0;
    seal = () => Promise.reject(new Error('only what has failed is sealed'));
  });
  afterEach(async () => {
    for (const driver of drivers) driver.stopIntake();
    await Promise.all(drivers.map((driver) => driver.drain()));
    drivers = [];
    await database.query('DELETE FROM saga_runs');
  });
  afterAll(() => shop.close());

  const newRun = (): SagaRun => {
    const orderSn = `d-${100 + next++}`;
    return { gid: `cancel-${orderSn}`, kind: 'cancel', orderSn, input: { orderSn } as SagaRun['input'] };
  };
  const write = async (
    runs: readonly SagaRun[],
    when: Parameters<typeof insertRun>[2] = { delayMs: 0 },
  ): Promise<void> => {
    await shop.transaction(async (tx) => {
      for (const run of runs) await insertRun(tx, run, when);
    });
  };
  const driver = (over: Partial<SagaDriverOptions> = {}): SagaDriver => {
    const one = new SagaDriver({
      shop,
      arbiter: {
        sagaEnded: async ({ gid }) => {
          await shop.transaction((tx) => finishRun(tx, { gid, state: 'SUCCEEDED', reason: null }));
          ends.push(gid);
          return undefined;
        },
      },
      sagas: {
        submit: async (run, isNew) => {
          const now = (underWay.get(run.gid) ?? 0) + 1;
          underWay.set(run.gid, now);
          mostAtOnce = Math.max(mostAtOnce, now);
          submits.set(run.gid, [...(submits.get(run.gid) ?? []), isNew]);
          try {
            return await submit(run);
          } finally {
            underWay.set(run.gid, (underWay.get(run.gid) ?? 1) - 1);
          }
        },
        seal: (run) => seal(run),
        check: () => Promise.resolve(),
        close: () => undefined,
      },
      clock: systemClock,
      logger: pino({ level: 'silent' }),
      metrics: { ended: () => undefined, interrupted: () => undefined },
      lastPauseMs: 15_000,
      owner: `driver-${next++}`,
      leaseMs: LEASE_MS,
      pollIntervalMs: 20,
      ...over,
    });
    drivers.push(one);
    one.start();
    return one;
  };
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const finished = async (runs: readonly SagaRun[]): Promise<void> => {
    await eventually(() => expect(new Set(ends)).toEqual(new Set(runs.map(({ gid }) => gid))), { timeoutMs: 20_000 });
  };

  it('brings every saga to its end with one submitter at a time among several drivers', async () => {
    const random = seededRandom(3);
    const runs = Array.from({ length: 60 }, newRun);
    const passes = new Map(runs.map(({ gid }) => [gid, random.int(1, 3)]));
    submit = async ({ gid }) => {
      await pause(random.int(0, 30));
      const left = (passes.get(gid) ?? 1) - 1;
      passes.set(gid, left);
      if (left === 1 && random.int(0, 1) === 0) throw new DtmUnavailableError('away');
      return left > 0 ? RUNNING : SUCCEEDED;
    };
    driver({ maxInFlight: 5 });
    driver({ maxInFlight: 5 });
    driver({ maxInFlight: 5 });
    await write(runs);
    await finished(runs);
    expect(mostAtOnce).toBe(1);
    expect(ends).toHaveLength(runs.length);
    // New is only what nobody has ever taken.
    for (const isNew of submits.values()) expect(isNew).toEqual(isNew.map((_, index) => index === 0));
  });

  it('takes a failed saga for ended when it is sealed, and not before', async () => {
    const run = newRun();
    const seals: string[][] = [];
    submit = async () => ({ kind: 'failed', reason: 'SOLD_OUT' });
    seal = async () => {
      seals.push([...ends]);
      if (seals.length < 3) throw new Error('a branch does not answer');
    };
    driver();
    await write([run]);
    await finished([run]);
    expect(seals).toEqual([[], [], []]);
  });

  it('keeps the lease of a submit that takes longer than the lease', async () => {
    const run = newRun();
    submit = () => pause(LEASE_MS * 3).then(() => SUCCEEDED);
    driver();
    driver();
    await write([run]);
    await finished([run]);
    expect(submits.get(run.gid)).toEqual([true]);
  });

  it('takes over what belongs to a process that is no more, when the lease has ended and not before', async () => {
    const run = newRun();
    submit = () => Promise.resolve(SUCCEEDED);
    await write([run], { lease: { owner: 'dead', ms: LEASE_MS } });
    driver();
    const [early] = await database.query<{ leased: number }>(
      "SELECT lease_owner = 'dead' AS leased FROM saga_runs WHERE lease_until > CURRENT_TIMESTAMP(3)",
    );
    expect(Number(early?.leased ?? 1)).toBe(1);
    await finished([run]);
    // It may have been submitted: it is asked for first.
    expect(submits.get(run.gid)).toEqual([false]);
  });

  it('tries again with growing pauses while DTM is away, and says why in the row', async () => {
    const run = newRun();
    let isAway = true;
    submit = () => (isAway ? Promise.reject(new DtmUnavailableError('nobody there')) : Promise.resolve(SUCCEEDED));
    driver();
    await write([run]);
    const pausesMs: number[] = [];
    for (const attempts of [1, 2]) {
      await eventually(async () => {
        const [row] = await database.query<{ wait: string; reason: string }>(
          `SELECT TIMESTAMPDIFF(MICROSECOND, updated, due_at) DIV 1000 AS wait, reason FROM (
             SELECT due_at, reason, CURRENT_TIMESTAMP(3) AS updated, attempts, lease_owner FROM saga_runs) AS r
           WHERE attempts = ? AND lease_owner IS NULL`,
          [attempts],
        );
        expect(row?.reason).toBe('nobody there');
        pausesMs.push(Number(row?.wait));
      });
    }
    expect(pausesMs[1]).toBeGreaterThan((pausesMs[0] ?? 0) + 100);
    isAway = false;
    await finished([run]);
  });

  it('takes nothing more after the end of intake, and waits for what it has', async () => {
    const [first, second] = [newRun(), newRun()];
    let release: () => void = () => undefined;
    submit = () => new Promise((resolve) => (release = () => resolve(SUCCEEDED)));
    const one = driver();
    await write([first]);
    await eventually(() => expect(submits.size).toBe(1));
    expect(one.lease).toMatchObject({ ms: LEASE_MS });
    one.stopIntake();
    expect(one.lease).toBeUndefined();
    await write([second]);
    one.wake();
    const drained = one.drain();
    release();
    await drained;
    expect(ends).toEqual([first.gid]);
    expect(submits.has(second.gid)).toBe(false);
  });

  it('leaves what is beyond its limit to others', async () => {
    let most = 0;
    submit = async () => {
      most = Math.max(most, [...underWay.values()].filter((count) => count > 0).length);
      await pause(30);
      return SUCCEEDED;
    };
    const runs = Array.from({ length: 7 }, newRun);
    const one = driver({ maxInFlight: 2 });
    await write(runs);
    await finished(runs);
    expect(most).toBe(2);
    expect(one.lease).toBeDefined();
  });
});
