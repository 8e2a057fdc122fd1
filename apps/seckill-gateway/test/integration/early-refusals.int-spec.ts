import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { createClaimRedis, loadScripts, readRunId } from '@coupon/lua';
import { useRedisDatabase } from '@coupon/testing';
import { TwoGateways } from '../support/two-gateways';
import type { Guarantees } from '../support/two-gateways';

const database = useRedisDatabase();
let redis: Redis;
let runId = '';
beforeAll(async () => {
  redis = createClaimRedis(database.url);
  await redis.connect();
  await loadScripts(redis, ['claimUnits']);
  runId = await readRunId(redis);
});
afterAll(() => redis.disconnect());

const sale = fc.record({
  startsInMs: fc.integer({ min: -4, max: 20 }).map((steps) => 500 * steps),
  lastsMs: fc.constantFrom(2_000, 60_000),
  perUserLimit: fc.integer({ min: 1, max: 3 }),
  total: fc.integer({ min: 1, max: 6 }),
  hiddenPath: fc.constantFrom(false, false, true),
});
const click = fc.record({
  user: fc.integer({ min: 1, max: 3 }),
  quantity: fc.integer({ min: 1, max: 4 }),
  key: fc.constantFrom('', 'a', 'b'),
  hasToken: fc.boolean(),
});
const step = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant('clicks' as const),
      clicks: fc.array(click, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('time' as const), steps: fc.constantFrom(1, 1, 1, 1, 3) }) },
  // Less than the margin.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('skew' as const), steps: fc.integer({ min: 0, max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('operate' as const), how: fc.constantFrom('start' as const, 'end') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      to: fc.constantFrom('paused' as const, 'open' as const, 'ended' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('connection' as const), valid: fc.constantFrom(true, true, false) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function play(world: TwoGateways, one: Step): Promise<void> {
  switch (one.kind) {
    case 'clicks': {
      const [early, plain] = await world.click(one.clicks);
      expect(early).toEqual(plain);
      return;
    }
    case 'time':
      return world.pass(one.steps);
    case 'skew':
      return world.setSkew(one.steps);
    case 'operate':
      return world.operate(one.how);
    case 'set':
      return world.set(one.to);
    case 'release':
      return world.release();
    case 'connection':
      return world.reconnect(one.valid);
  }
}

const saved = { early: 0, plain: 0 };

function sameAnswers(guarantees: Omit<Guarantees, 'lagMs'>, lags: fc.Arbitrary<number>) {
  return fc.asyncProperty(sale, lags, fc.array(step, { minLength: 10, maxLength: 50 }), async (of, lagMs, steps) => {
    const world = await TwoGateways.open(redis, runId, { ...guarantees, lagMs }, of);
    try {
      for (const one of steps) await play(world, one);
    } finally {
      const [early, plain] = world.calls;
      saved.early += early;
      saved.plain += plain;
      await world.close();
    }
  });
}

const SETTINGS = { numRuns: 300, seed: 20261122, endOnFailure: true };
const LAGS = fc.constantFrom(0, 500, 1_000, 1_500);

describe('claims that are refused without Redis', () => {
  it('are answered as Redis would have answered them, whatever the operator, the clocks and the connection do', async () => {
    await fc.assert(sameAnswers({ marginMs: 2_000, heardAfterMs: 2_000 }, LAGS), SETTINGS);
    // Otherwise it would have proved nothing.
    expect(saved.plain - saved.early).toBeGreaterThan(300);
  }, 120_000);

  it.each([
    ['no margin for the clocks', { marginMs: 0, heardAfterMs: 2_000 }, LAGS],
    ['an operator who does not wait until the change is heard', { marginMs: 2_000, heardAfterMs: 0 }, LAGS],
    [
      'a start that is kept for longer than the operator waits',
      { marginMs: 2_000, heardAfterMs: 2_000 },
      fc.constant(4_000),
    ],
  ])(
    'would be answered wrongly with %s',
    async (_what, guarantees, lags) => {
      const { failed, errorInstance } = await fc.check(sameAnswers(guarantees, lags), { ...SETTINGS, numRuns: 4_000 });
      expect([failed, String(errorInstance)]).toEqual([true, expect.stringContaining('+     "code": "NOT_STARTED"')]);
    },
    120_000,
  );
});
