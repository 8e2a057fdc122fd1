import fc from 'fast-check';
import { ACTIVITY, SaleWorld } from '../../test/support/sale-world';
import { SoldOutFilter } from './sold-out-filter';

const user = fc.integer({ min: 1, max: 6 }).map(String);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('claim' as const), gateway: fc.nat(1), user }) },
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('step' as const), pick: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'finish' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'restock',
        'release',
        'end',
        'reopen',
        'pause',
        'resume',
        'restore',
        'restart',
        'failure',
        'silence',
        'finish' as const,
      ),
    }),
  },
);

async function play(world: SaleWorld, kind: string): Promise<void> {
  switch (kind) {
    case 'restock':
      return world.model.change((state) => void (state.available += 1));
    case 'release':
      return world.model.change((state) => {
        if (state.receipts.size === 0) return;
        state.available += 1;
        state.seq += 1;
      });
    case 'end':
    case 'reopen':
      return world.model.change((state) => void (state.ended = kind === 'end'));
    case 'pause':
    case 'resume':
      return world.model.change((state) => void (state.paused = kind === 'pause'));
    case 'restore':
    case 'restart':
      return world.lose(kind);
    case 'failure':
      world.failing = true;
      await world.step(0);
      world.failing = false;
      return;
    case 'silence':
      for (const gateway of [0, 1]) world.filter(gateway).release();
      return;
    default:
      return world.finish();
  }
}

const SOLD_OUT_STATE = {
  kind: 'known',
  window: 'open',
  available: 0,
  runId: 'r',
  eventSeq: 3,
  stockVersion: 1,
  epoch: 1,
  perUserLimit: 1,
  guarded: false,
} as const;

describe('SoldOutFilter', () => {
  it('refuses only what Redis would have refused between question and answer: no receipt is withheld, no stock denied', async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 300 }), async (steps) => {
        const world = new SaleWorld(2);
        for (const one of steps) {
          if (one.kind === 'claim') world.claim(one.gateway, one.user);
          else if (one.kind === 'step') await world.step(one.pick);
          else await play(world, one.kind);
        }
        await world.finish();
        expect(world.wrong).toEqual([]);
        expect(world.answered).toBe(world.asked);
        expect([0, 1].map((gateway) => world.filter(gateway).held)).toEqual([0, 0]);
        refused += world.refusedLocally;
      }),
      { numRuns: 5_000, seed: 20261121 },
    );
    // Otherwise it would have proved nothing.
    expect(refused).toBeGreaterThan(1_000);
  }, 30_000);

  it('refuses without sending once it knows the winners, with one reading for all that have come', async () => {
    const world = new SaleWorld(1);
    for (const name of ['1', '2', '3']) world.claim(0, name);
    await world.finish();
    expect(world.filter(0).filtering).toBe(1);
    for (let i = 0; i < 50; i += 1) world.claim(0, '5');
    expect(world.filter(0).held).toBe(50);
    // The deferred start, the reading, its reply.
    for (let i = 0; i < 3; i += 1) await world.step(0);
    expect(world.refusedLocally).toBe(50);
  });

  it('sends winners, and more units than a user may have', async () => {
    const world = new SaleWorld(1);
    for (const name of ['1', '2', '3']) world.claim(0, name);
    await world.finish();
    expect(world.filter(0).hold(ACTIVITY, '1', 1, { user: '1', since: 0 })).toBe(false);
    expect(world.filter(0).hold(ACTIVITY, '5', 2, { user: '5', since: 0 })).toBe(false);
    expect(world.filter(0).hold(ACTIVITY, '5', 1, { user: '5', since: 0 })).toBe(true);
    await world.finish();
  });

  it('lets claims through again as soon as a unit is back', async () => {
    const world = new SaleWorld(1);
    for (const name of ['1', '2', '3']) world.claim(0, name);
    await world.finish();
    await play(world, 'release');
    world.claim(0, '5');
    await world.finish();
    expect(world.model.now.receipts).toContain('5');
    expect(world.filter(0).filtering).toBe(1);
    await play(world, 'restock');
    for (const name of ['3', '4']) world.claim(0, name);
    await world.step(0);
    await world.step(0);
    await world.step(0);
    expect(world.filter(0).filtering).toBe(0);
    await world.finish();
    expect(world.model.now.receipts).toContain('3');
  });

  it('never lets winners that were loaded later answer for a claim that was compared with earlier ones', async () => {
    const world = new SaleWorld(1);
    for (const name of ['1', '2', '3']) world.claim(0, name);
    await world.finish();
    world.claim(0, '9');
    await world.step(0);
    // While that reading is on its way, 5 wins elsewhere, loses the answer and asks here.
    await play(world, 'restock');
    expect(world.model.claim('5')).toBe('won');
    world.claim(0, '5');
    await world.step(0);
    await world.step(0);
    world.filter(0).observe(ACTIVITY, { available: 0, ended: false });
    for (let i = 0; i < 6; i += 1) await world.step(-1);
    await world.finish();
    expect(world.wrong).toEqual([]);
  });

  it('passes on what waits for a reading when it is told that Redis is silent; what comes later is not held behind it', async () => {
    const world = new SaleWorld(1);
    for (const name of ['1', '2', '3']) world.claim(0, name);
    await world.finish();
    for (const name of ['5', '6']) world.claim(0, name);
    await world.step(0);
    // The reading is on its way, and one more claim waits for the next one.
    world.claim(0, '7');
    expect(world.filter(0).held).toBe(3);
    world.filter(0).release();
    expect(world.filter(0).held).toBe(0);
    expect(world.filter(0).hold(ACTIVITY, '8', 1, { user: '8', since: 0 })).toBe(false);
    await world.finish();
    expect(world.answered).toBe(world.asked);
    expect(world.refusedLocally).toBe(0);
  });

  it('reads at once when it has not for a while, and at most once per spacing', async () => {
    let nowMs = 0;
    const waits: number[] = [];
    const refused: string[] = [];
    let run: () => void = () => undefined;
    const filter = new SoldOutFilter<string>(
      {
        readState: () => Promise.resolve(SOLD_OUT_STATE),
        loadWinners: () => ({
          [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
        }),
        refuse: (claim) => void refused.push(claim),
        pass: () => undefined,
        nowMs: () => nowMs,
        schedule: (job) => job(),
        defer: (reading, waitMs) => {
          waits.push(waitMs);
          run = reading;
        },
        onError: () => undefined,
      },
      { spacingMs: 2 },
    );
    const reading = async (): Promise<void> => {
      run();
      await new Promise(setImmediate);
    };
    filter.observe(ACTIVITY, { available: 0, ended: false });
    await new Promise(setImmediate);
    nowMs = 100;
    filter.hold(ACTIVITY, '1', 1, 'a');
    await reading();
    nowMs = 100.5;
    filter.hold(ACTIVITY, '2', 1, 'b');
    filter.hold(ACTIVITY, '3', 1, 'c');
    nowMs = 102;
    await reading();
    nowMs = 200;
    filter.hold(ACTIVITY, '4', 1, 'd');
    await reading();
    expect(waits).toEqual([0, 1.5, 0]);
    expect(refused).toEqual(['a', 'b', 'c', 'd']);
  });

  it('stays off while there are more winners than it keeps', async () => {
    let nowMs = 0;
    let loads = 0;
    const filter = new SoldOutFilter<string>(
      {
        readState: () => Promise.resolve(SOLD_OUT_STATE),
        async *loadWinners() {
          loads += 1;
          yield ['1', '2', '3'];
        },
        refuse: () => undefined,
        pass: () => undefined,
        nowMs: () => nowMs,
        schedule: (job) => job(),
        onError: () => undefined,
      },
      { maxWinners: 2 },
    );
    filter.observe(ACTIVITY, { available: 0, ended: false });
    await new Promise(setImmediate);
    expect(filter.filtering).toBe(0);
    expect(filter.hold(ACTIVITY, '9', 1, 'x')).toBe(false);
    for (nowMs = 1_000; nowMs <= 60_000; nowMs += 1_000) filter.observe(ACTIVITY, { available: 0, ended: false });
    await new Promise(setImmediate);
    expect(loads).toBe(2);
  });

  it('loads winners of an activity at most once per retry interval, and bounds the activities it knows', async () => {
    let loads = 0;
    let slow = false;
    let finishSlow = (): void => undefined;
    let nowMs = 0;
    const filter = new SoldOutFilter<string>(
      {
        readState: async () => {
          loads += 1;
          if (slow) await new Promise<void>((resolve) => (finishSlow = resolve));
          throw new Error('down');
        },
        loadWinners: () => ({
          [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
        }),
        refuse: () => undefined,
        pass: () => undefined,
        nowMs: () => nowMs,
        schedule: (job) => job(),
        onError: () => undefined,
      },
      { retryMs: 1_000, maxActivities: 1, idleMs: 5_000 },
    );
    for (nowMs = 0; nowMs < 3_000; nowMs += 100) {
      filter.observe(ACTIVITY, { available: 0, ended: false });
      filter.observe('43' as typeof ACTIVITY, { available: 0, ended: false });
      await new Promise(setImmediate);
    }
    expect(loads).toBe(3);
    // One that takes long is not started a second time.
    slow = true;
    for (nowMs = 3_000; nowMs < 6_000; nowMs += 100) filter.observe(ACTIVITY, { available: 0, ended: false });
    expect(loads).toBe(4);
    slow = false;
    finishSlow();
    await new Promise(setImmediate);
    nowMs = 20_000;
    filter.sweep();
    filter.observe('43' as typeof ACTIVITY, { available: 0, ended: false });
    await new Promise(setImmediate);
    expect(loads).toBe(5);
  });
});
