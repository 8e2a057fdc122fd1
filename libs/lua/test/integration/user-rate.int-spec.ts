import fc from 'fast-check';
import { ReferenceSlidingWindow } from '@coupon/testing';
import { claimKeys } from '../../src/claim-units';
import { REPLY } from '../../src/reply-codes';
import { runAt } from './controlled-clock';
import { HOUR_MS, aClaim, useLua } from './fixture';

const lua = useLua();

const step = fc.record({
  afterMs: fc.oneof(
    fc.constantFrom(0, 1, 100, 500, 999, 1_000, 1_001, 2_500),
    fc.integer({ min: 0, max: 40 }).map((steps) => 50 * steps),
    fc.integer({ min: 0, max: 3_000 }),
  ),
  /** Below the millisecond, which the script does not see. */
  us: fc.nat(999),
  users: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 14 }),
  /** A rate set while running, in force instead of the activity's own for this call; 0: no limit. */
  rate: fc.option(fc.integer({ min: 0, max: 12 }), { freq: 4 }),
});

test('the limit per user grants what the sliding window of its definition grants, for every user of every batch, across changes of the rate', async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(4, 1_000),
      fc.array(step, { minLength: 1, maxLength: 25 }),
      async (own, total, steps) => {
        const { activityId } = await lua.open({ userRatePerSecond: own, perUserLimit: 1_000, total });
        // A whole even second within the sale.
        let nowMs = Math.floor((Date.now() - HOUR_MS / 2) / 2_000) * 2_000;
        const models = new Map<number, ReferenceSlidingWindow>();
        let available = total;
        const expected: number[][] = [];
        const calls = steps.map(({ afterMs, us, users, rate }) => {
          nowMs += afterMs;
          const limit = rate ?? own;
          expected.push(
            users.map((user) => {
              const model = models.get(user) ?? new ReferenceSlidingWindow(limit, 1_000);
              models.set(user, model);
              model.reconfigure(1_000 * nowMs, limit, 1_000);
              if (limit > 0 && !model.allows(1_000 * nowMs, 1)) return REPLY.RATE_LIMITED;
              // What is refused for the stock counts, too.
              if (limit > 0) model.grant(1_000 * nowMs, 1);
              return (available -= 1) >= 0 ? REPLY.WON : REPLY.SOLD_OUT;
            }),
          );
          const claims = users.flatMap((user) => [String(user), aClaim(user).claimId, 1, '']);
          const args = [lua.runId, ...claims, ...(rate === null ? [] : [`R${rate}`])];
          return { nowUs: 1_000 * nowMs + us, args };
        });
        const replies = await runAt(lua.redis, 'claimUnits', claimKeys(activityId), calls);
        expect(replies.map((reply) => reply.slice(4))).toEqual(expected);
        refused += expected.flat().filter((one) => one === REPLY.RATE_LIMITED).length;
      },
    ),
    { numRuns: 300, seed: 20261121 },
  );
  expect(refused).toBeGreaterThan(1_000);
});

test('it is exact where a fraction of the last second comes to a whole number', async () => {
  const { activityId } = await lua.open({ userRatePerSecond: 100, perUserLimit: 1_000, total: 1_000 });
  const secondMs = Math.floor((Date.now() - HOUR_MS / 2) / 1_000) * 1_000;
  const tries = (count: number, atMs: number, rate: number) => ({
    nowUs: 1_000 * (secondMs + atMs),
    args: [lua.runId, ...Array.from({ length: count }, () => ['1', aClaim(1).claimId, 1, '']).flat(), `R${rate}`],
  });
  // A fifth of five is one, and one is the limit.
  const replies = await runAt(lua.redis, 'claimUnits', claimKeys(activityId), [tries(5, 0, 100), tries(1, 1_800, 1)]);
  expect(replies[1]?.slice(4)).toEqual([REPLY.RATE_LIMITED]);
});
