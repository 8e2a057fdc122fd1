import fc from 'fast-check';
import { Fleet } from '../test/support/fleet';
import type { FleetStep } from '../test/support/fleet';

const KEYS = ['a', 'b'];
const INSTANCES = 3;
const key = fc.constantFrom(...KEYS);
const instance = fc.nat(INSTANCES - 1);
const step: fc.Arbitrary<FleetStep> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('read' as const), instance, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('readMany' as const), instance }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('log' as const), key }) },
  { weight: 3, arbitrary: fc.constant({ do: 'commit' as const }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('deliver' as const), to: fc.nat(INSTANCES) }) },
  { weight: 14, arbitrary: fc.record({ do: fc.constant('run' as const), which: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 60, 400, 3_000) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'beat' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'loseQueue' as const), instance }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('failL2' as const), calls: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('failOrigin' as const), calls: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'runAll' as const }) },
);

/**
 * Three instances over one L2, one process that drops L2, an origin. Every answer of L2 and of the origin, every announcement and every
 * heartbeat comes when the run says so. The reads check themselves: see Fleet.
 */
describe('version protocol', () => {
  test.each([
    ['while all hear of changes sooner or later', false, 0],
    ['with heartbeats, gaps and restarts, changes announced before they can be read', true, 0],
    [
      'with heartbeats, gaps, restarts, changes announced before they can be read, and dropped keys loaded again at once',
      true,
      1_000,
    ],
  ])(
    'no process answers what is older than what it has heard of when the read began, in any interleaving: %s',
    async (_, heartbeats, reloadReadWithinMs) => {
      const levels = { l1: 0, l2: 0, l3: 0 };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 150 }), async (steps) => {
          const fleet = new Fleet(KEYS, INSTANCES, heartbeats, reloadReadWithinMs);
          for (const one of steps) await fleet.step(one);
          await fleet.settle();
          fleet.check();
          expect(await fleet.readEverywhere()).toEqual([]);
          await fleet.close();
          for (const level of ['l1', 'l2', 'l3'] as const) levels[level] += fleet.levels.get(level) ?? 0;
        }),
        { numRuns: 1_500, seed: 11 },
      );
      // Runs that hardly ever read L1 or L2 would prove nothing about them.
      expect(Math.min(levels.l1, levels.l2, levels.l3)).toBeGreaterThan(500);
    },
    60_000,
  );
});
