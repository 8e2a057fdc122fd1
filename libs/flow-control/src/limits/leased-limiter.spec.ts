import fc from 'fast-check';
import { ReferenceTokenBucket, seededRandom } from '@coupon/testing';
import { LeaseSimulation } from '../../test/support/lease-simulation';
import type { CallFate } from '../../test/support/lease-simulation';
import { LeasedLimiter } from './leased-limiter';

/** Multiples of 1/8 ms, so that the clock in milliseconds is exact. */
const us = (eighths: number): number => eighths * 125;

const delay = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(us(1), us(3)) },
  fc.integer({ min: 1, max: 4_000 }).map(us),
);
const fate = (lost: fc.Arbitrary<CallFate['lost']>): fc.Arbitrary<CallFate> =>
  fc.record({ thereUs: delay, backUs: delay, lost });

/** Mostly good, mostly bad, and cut off for long. */
const fates = fc
  .array(
    fc.oneof(
      fc.array(fate(fc.constant('no' as const)), { minLength: 1, maxLength: 6 }),
      fc.array(fate(fc.constantFrom('no' as const, 'call' as const, 'reply' as const)), { minLength: 1, maxLength: 6 }),
      fc.array(fate(fc.constant('call' as const)), { minLength: 6, maxLength: 30 }),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((lists) => lists.flat());

const step = fc.record({
  afterUs: fc.oneof(
    fc.constantFrom(0, us(1), us(8), us(8_400)),
    fc.integer({ min: 0, max: 400 }).map(us),
    fc.integer({ min: 0, max: 24_000 }).map(us),
  ),
  holder: fc.nat(2),
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constant('demand' as const) },
    { weight: 6, arbitrary: fc.constant('rush' as const) },
    { weight: 2, arbitrary: fc.constant('given back' as const) },
    { weight: 1, arbitrary: fc.constantFrom('crash' as const, 'close' as const) },
  ),
});

const quick: CallFate = { thereUs: us(2), backUs: us(2), lost: 'no' };

/** Buyers who come evenly, `perSecond` of them at each of the holders, for some seconds. */
async function rush(
  simulation: LeaseSimulation,
  holders: readonly number[],
  perSecond: number,
  seconds: number,
): Promise<void> {
  const stepUs = 1_000;
  for (let at = 0; at < seconds * 1_000_000; at += stepUs) {
    for (const holder of holders) {
      const before = Math.floor((at * perSecond) / 1e6);
      const after = Math.floor(((at + stepUs) * perSecond) / 1e6);
      for (let i = before; i < after; i += 1) simulation.demand(holder);
    }
    await simulation.pass(stepUs);
  }
}

/** Everything that was used, by whomever, fits into one bucket. */
function expectOneBucket(simulation: LeaseSimulation, { rate, burst }: { rate: number; burst: number }): void {
  const model = new ReferenceTokenBucket(rate, burst);
  for (const atUs of simulation.uses) {
    expect(model.allows(atUs, 1)).toBe(true);
    model.grant(atUs, 1);
  }
}

const demands = (simulation: LeaseSimulation, holder: number, count: number, givenBack = false): void => {
  for (let i = 0; i < count; i += 1) simulation.demand(holder, givenBack);
};

describe('LeasedLimiter', () => {
  it('all holders together never use more than one bucket holds, whatever is lost, late or dead', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 2, 20, 500),
        fc.integer({ min: 1, max: 12 }),
        // Long leads make large leases of a slow bucket: what is held wrongly then shows.
        fc.constantFrom(60, 6_000),
        fates,
        fc.array(step, { minLength: 1, maxLength: 60 }),
        async (rate, burst, leadMs, list, steps) => {
          let calls = 0;
          const simulation = new LeaseSimulation({ rate, burst }, 3, () => list[(calls += 1) % list.length] ?? quick, {
            leadMs,
          });
          for (const { afterUs, holder, kind } of steps) {
            await simulation.pass(afterUs);
            if (kind === 'crash') simulation.crash(holder);
            else if (kind === 'close') void simulation.close(holder);
            else
              for (let i = 0; i < (kind === 'demand' ? 1 : 12); i += 1)
                simulation.demand(holder, kind === 'given back' && i % 2 === 0);
          }
          await simulation.pass(2_000_000);
          expectOneBucket(simulation, { rate, burst });
        },
      ),
      { numRuns: 1_500, seed: 20261121 },
    );
  });

  const limit = { rate: 20, burst: 40 };
  const leadMs = 2_000;

  it.each([1_900, 1_990, 2_100, 2_300, 2_395, 3_000, 4_300])(
    'a holder that Redis has not heard of for %i ms has stopped when its lease is handed to others',
    async (afterMs) => {
      let cutOff = false;
      const simulation = new LeaseSimulation(
        limit,
        2,
        ({ holder }) => (cutOff && holder === 'h1' ? { ...quick, lost: 'call' } : quick),
        { leadMs },
      );
      simulation.demand(0);
      await simulation.pass(10_000);
      cutOff = true;
      for (let ms = 10; ms < afterMs; ms += 5) {
        if (ms % 500 === 0) simulation.demand(0, true);
        // Somebody asks Redis, which then sees that the lease has ended.
        if (ms % 50 === 0) simulation.demand(1, true);
        await simulation.pass(5_000);
      }
      demands(simulation, 1, 40);
      await simulation.pass(4_000);
      demands(simulation, 0, 40);
      expectOneBucket(simulation, limit);
    },
  );

  it('a call that Redis carries out after a later one takes nothing away from it', async () => {
    const simulation = new LeaseSimulation(
      limit,
      2,
      ({ call, holder }) => (holder === 'h1' && call === 2 ? { thereUs: 900_000, backUs: 0, lost: 'no' } : quick),
      { leadMs },
    );
    simulation.demand(0);
    // The lease is idle and given back, but slowly.
    await simulation.pass(1_900_000);
    simulation.demand(0);
    await simulation.pass(400_000);
    demands(simulation, 1, 60);
    await simulation.pass(10_000);
    demands(simulation, 0, 60);
    expectOneBucket(simulation, limit);
  });

  it('a permit that Redis was told is used is not used later', async () => {
    const simulation = new LeaseSimulation(limit, 1, () => quick, { leadMs, idleMs: 10_000 });
    demands(simulation, 0, 25);
    await simulation.pass(100_000);
    demands(simulation, 0, 10, true);
    await simulation.pass(2_000_000);
    demands(simulation, 0, 60);
    await simulation.pass(10_000);
    expectOneBucket(simulation, limit);
  });

  it.each([
    { rate: 2_000, burst: 1_000, holders: [0, 1, 2, 3], perSecond: 2_000 },
    { rate: 2_000, burst: 1_000, holders: [2], perSecond: 20_000 },
    { rate: 100, burst: 20, holders: [0, 1], perSecond: 400 },
    { rate: 10, burst: 10, holders: [0, 1, 2, 3], perSecond: 50 },
    { rate: 10, burst: 10, holders: [1], perSecond: 50 },
  ])('uses at least 0.95 of $rate/s (burst $burst) when more is wanted by holders $holders', async (wanted) => {
    const simulation = new LeaseSimulation(wanted, 4, () => quick);
    await rush(simulation, wanted.holders, wanted.perSecond, 10);
    const most = wanted.burst + wanted.rate * 10;
    expect(simulation.uses.length).toBeGreaterThanOrEqual(most * 0.95);
    expect(simulation.uses.length).toBeLessThanOrEqual(most);
  });

  it('refuses nobody while the bucket has room: not the first one, not after a pause, not in a sudden rise', async () => {
    const simulation = new LeaseSimulation({ rate: 1_000, burst: 500 }, 4, () => quick);
    for (const [pauseUs, buyers] of [
      [0, 1],
      [10_000_000, 1],
      [1_000_000, 1],
      [500_000, 400],
      [3_000_000, 100],
    ] as const) {
      await simulation.pass(pauseUs);
      for (let i = 0; i < buyers; i += 1) simulation.demand(1);
      await simulation.pass(10_000);
    }
    expect(simulation.refused).toBe(0);
    expect(simulation.uses).toHaveLength(503);
  });

  it('gives back what it holds when nobody has wanted anything for a while, and when it is closed', async () => {
    const simulation = new LeaseSimulation({ rate: 1_000, burst: 500 }, 4, () => quick);
    for (const holder of [0, 1]) simulation.demand(holder);
    await simulation.pass(10_000);
    expect(simulation.bucket.outstanding(simulation.nowUs)).toBeGreaterThan(50);
    void simulation.close(0);
    await simulation.pass(10_000);
    expect(simulation.bucket.outstanding(simulation.nowUs)).toBeLessThan(100);
    await simulation.pass(1_500_000);
    expect(simulation.bucket.outstanding(simulation.nowUs)).toBe(0);
  });

  it('a dead holder costs what it held, once: the others get the rate again when its lease has ended', async () => {
    const simulation = new LeaseSimulation({ rate: 100, burst: 50 }, 2, () => quick);
    simulation.demand(0);
    await simulation.pass(10_000);
    simulation.crash(0);
    await simulation.pass(5_000_000);
    simulation.uses.length = 0;
    await rush(simulation, [1], 500, 5);
    expect(simulation.uses.length).toBeGreaterThanOrEqual(0.95 * (50 - 10 + 500));
  });

  it('keeps what was used across a change of the limit', async () => {
    const random = seededRandom(7);
    const simulation = new LeaseSimulation({ rate: 10, burst: 100 }, 2, () => quick);
    await rush(simulation, [0, 1], 200, 1);
    const before = simulation.uses.length;
    expect(before).toBeGreaterThan(100);
    simulation.reconfigure({ rate: 10, burst: 110 });
    for (let i = 0; i < 200; i += 1) simulation.demand(random.int(0, 1));
    await simulation.pass(100_000);
    expect(simulation.uses.length - before).toBeLessThanOrEqual(13);
    expect(simulation.uses.length - before).toBeGreaterThanOrEqual(8);
  });

  it('refuses with a wait while Redis does not answer, and asks four times a second', async () => {
    let calls = 0;
    const simulation = new LeaseSimulation({ rate: 10, burst: 100 }, 1, () => {
      calls += 1;
      return { ...quick, lost: 'call' };
    });
    await rush(simulation, [0], 100, 3);
    expect(simulation.uses).toEqual([]);
    expect(simulation.refused).toBeGreaterThan(100);
    expect(calls).toBeLessThanOrEqual(7);
  });

  it('reports a failed call', async () => {
    const onError = jest.fn();
    const error = new Error('down');
    const limiter = new LeasedLimiter(
      { rate: 1, burst: 1 },
      { lease: () => Promise.reject(error), nowMs: () => 5, onError },
      { holder: 'h' },
    );
    limiter.tryTake();
    await limiter.ready();
    expect(onError).toHaveBeenCalledWith(error);
    expect(limiter.tryTake()).toBe(250);
  });
});
