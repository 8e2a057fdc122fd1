import { pino } from 'pino';
import type { Operation } from '../model';
import type { ActivityStorePort, AdminDatabase, AdminTables, FlowSettingsPort, OperationRepository } from '../ports';
import { OperationEngine } from './operation-engine';
import { databaseStep, next } from './step';
import type { OperationSteps } from './step';

const logger = pino({ level: 'silent' });

/** One operation in memory with the rules of the table: a lease, a state that must match, an end. */
function oneOperation(initial: Partial<Operation> = {}) {
  let nowMs = 0;
  let owner: string | null = null;
  let leaseUntilMs = 0;
  let row: Operation = {
    operationId: 'o',
    kind: 'pause',
    activityId: null,
    state: 'created',
    payload: {},
    result: null,
    attempts: 0,
    lastError: null,
    finishedAtMs: null,
    ...initial,
  };
  const operations: OperationRepository = {
    insert: () => Promise.resolve(true),
    get: () => Promise.resolve(row),
    activeId: () => Promise.resolve(null),
    lease: (_id, who, ttlMs) => {
      if (row.finishedAtMs !== null || nowMs < leaseUntilMs) return Promise.resolve(null);
      owner = who;
      leaseUntilMs = nowMs + ttlMs;
      row = { ...row, attempts: row.attempts + 1 };
      return Promise.resolve(row);
    },
    advance: (_id, who, { from, to, payload }) => {
      if (who !== owner || row.state !== from) return Promise.resolve(false);
      row = { ...row, state: to, payload };
      return Promise.resolve(true);
    },
    finish: (_id, who, { from, state, result }) => {
      if (who !== owner || row.state !== from) return Promise.resolve(false);
      row = { ...row, state, result, finishedAtMs: nowMs };
      return Promise.resolve(true);
    },
    postpone: (_id, who, lastError, pauseMs) => {
      if (who === owner) {
        owner = null;
        leaseUntilMs = nowMs + pauseMs;
        row = { ...row, lastError };
      }
      return Promise.resolve();
    },
    due: () => Promise.resolve([]),
    prune: () => Promise.resolve(0),
    failedSince: () => Promise.resolve(false),
  };
  const tables = { operations } as unknown as AdminTables;
  const database = {
    ...tables,
    transaction: (work: (t: AdminTables) => Promise<unknown>) => work(tables),
  } as unknown as AdminDatabase;
  return {
    database,
    get row() {
      return row;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    clock: { nowMs: () => nowMs, after: () => () => undefined },
  };
}

function engineOn(world: ReturnType<typeof oneOperation>, steps: OperationSteps): OperationEngine {
  let owners = 0;
  return new OperationEngine({
    database: world.database,
    store: {} as ActivityStorePort,
    flowSettings: {} as FlowSettingsPort,
    steps: { pause: steps } as never,
    clock: world.clock,
    logger,
    newOwner: () => `driver-${(owners += 1)}`,
    leaseMs: 1_000,
    sleep: (ms) => {
      world.pass(ms);
      return Promise.resolve();
    },
  });
}

const done = databaseStep(() => Promise.resolve({ kind: 'done', result: { b: 1, a: 2 } }));

it('walks from state to state and keeps the result as it was written', async () => {
  const world = oneOperation();
  const steps = { created: databaseStep(() => Promise.resolve(next('half', { x: 1 }))), half: done };
  await engineOn(world, steps).drive('o');
  expect(world.row).toMatchObject({ state: 'done', payload: { x: 1 }, result: { body: '{"b":1,"a":2}' } });
});

it('leaves an operation where it failed, pauses longer each time, and goes on from there', async () => {
  const world = oneOperation();
  let failures = 2;
  let firstSteps = 0;
  const engine = engineOn(world, {
    created: databaseStep(() => {
      firstSteps += 1;
      return Promise.resolve(next('half'));
    }),
    half: databaseStep(() => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('not now')) : Promise.resolve({ kind: 'done', result: {} });
    }),
  });
  await engine.drive('o');
  expect(world.row).toMatchObject({ state: 'half', lastError: 'not now', finishedAtMs: null });
  await engine.drive('o');
  expect(world.row.attempts).toBe(1);
  world.pass(200);
  await engine.drive('o');
  world.pass(200);
  await engine.drive('o');
  expect(world.row.finishedAtMs).toBeNull();
  world.pass(200);
  await engine.drive('o');
  expect([world.row.state, firstSteps]).toEqual(['done', 1]);
});

it('keeps off an operation somebody else has, and takes it when the lease has run out', async () => {
  const world = oneOperation();
  await world.database.operations.lease('o', 'somebody', 1_000);
  const engine = engineOn(world, { created: done });
  await engine.drive('o');
  expect(world.row.finishedAtMs).toBeNull();
  expect((await engine.driveUntil('o', 5_000)).state).toBe('done');
});

it('writes nothing when it has lost the lease in the middle of a step', async () => {
  const world = oneOperation();
  const engine = engineOn(world, {
    created: databaseStep(async () => {
      world.pass(1_001);
      await world.database.operations.lease('o', 'somebody', 1_000);
      return next('half');
    }),
    half: done,
  });
  await engine.drive('o');
  expect(world.row).toMatchObject({ state: 'created', lastError: null });
});

it('starts no step whose effect could come after the lease', async () => {
  const world = oneOperation();
  let halves = 0;
  const engine = engineOn(world, {
    created: databaseStep(() => {
      world.pass(600);
      return Promise.resolve(next('half'));
    }),
    half: databaseStep(() => {
      halves += 1;
      return Promise.resolve({ kind: 'done', result: {} });
    }),
  });
  await engine.drive('o');
  expect([halves, world.row.state]).toEqual([0, 'half']);
  await engine.drive('o');
  expect(world.row.state).toBe('done');
});

it('keeps a definite failure with its code', async () => {
  const world = oneOperation();
  const failed = databaseStep(() =>
    Promise.resolve({ kind: 'failed', code: 'CONFLICT', message: 'm', details: { f: 1 } }),
  );
  await engineOn(world, { created: failed }).drive('o');
  expect(world.row).toMatchObject({ state: 'failed', result: { code: 'CONFLICT', message: 'm', details: { f: 1 } } });
});
