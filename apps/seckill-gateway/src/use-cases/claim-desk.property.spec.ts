import fc from 'fast-check';
import { DeskWorld, WON, turn } from '../../test/support/desk/desk-world';

/** Everything that may happen around a desk, in any order. */
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('claims' as const),
      activity: fc.integer({ min: 1, max: 4 }),
      count: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.constant(140)),
      held: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('reply' as const),
      pick: fc.nat(10),
      outcomes: fc.array(fc.constantFrom(WON, -20, -21, -22), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('failure' as const),
      pick: fc.nat(10),
      error: fc.constantFrom('Command timed out', 'Connection is closed.', 'connect ECONNREFUSED', 'LOADING'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 400, 1_100) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('breaker' as const), open: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('connection' as const), connected: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('filter' as const), refuses: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const CODES: Readonly<Record<number, string>> = {
  [WON]: 'OK',
  [-20]: 'RATE_LIMITED',
  [-21]: 'LIMIT_REACHED',
  [-22]: 'SOLD_OUT',
};

async function answer(world: DeskWorld, one: Extract<Step, { kind: 'reply' | 'failure' }>): Promise<void> {
  if (world.batches.length === 0) return;
  const index = one.pick % world.batches.length;
  const { claims } = world.batches[index] ?? { claims: [] };
  if (one.kind === 'reply') {
    for (const [i, claim] of claims.entries())
      claim.expected = CODES[one.outcomes[Math.min(i, one.outcomes.length - 1)] ?? 0] ?? '';
    await world.decide(one.outcomes, index);
    return;
  }
  const nothingHappened = ['connect ECONNREFUSED', 'LOADING'].includes(one.error);
  for (const claim of claims) claim.expected = nothingHappened ? 'NOT_READY' : 'OUTCOME_UNKNOWN';
  await world.take(index).reply(new Error(one.error));
}

async function play(world: DeskWorld, one: Step): Promise<void> {
  switch (one.kind) {
    case 'claims':
      world.holds = one.held;
      for (let i = 0; i < one.count; i += 1) world.claim(one.activity);
      return;
    case 'turn':
      return turn();
    case 'reply':
    case 'failure':
      return answer(world, one);
    case 'time':
      world.nowMs += one.ms;
      return;
    case 'sweep':
      return world.desk.sweep();
    case 'breaker':
      world.open = one.open;
      return;
    case 'connection':
      world.connected = one.connected;
      return;
    case 'filter':
      for (const claim of world.held.splice(0)) {
        if (one.refuses) world.desk.refuse(claim, 'SOLD_OUT', false);
        else world.desk.pass(claim);
      }
  }
}

/** What holds at every moment. */
function expectBounds(
  world: DeskWorld,
  settings: { maxConcurrent: number; queueSize: number; batchesInFlight: number },
): void {
  const { waiting, inFlight } = world.desk.pending;
  expect(waiting).toBeLessThanOrEqual(settings.queueSize);
  expect(inFlight).toBeLessThanOrEqual(settings.maxConcurrent);
  expect(inFlight).toBe(world.batches.reduce((sum, { claims }) => sum + claims.length, 0));
  const byActivity = new Map<string, number>();
  for (const { activityId, claims } of world.batches) {
    byActivity.set(activityId, (byActivity.get(activityId) ?? 0) + 1);
    expect(claims.length).toBeGreaterThan(0);
    expect(claims.length).toBeLessThanOrEqual(128);
  }
  for (const count of byActivity.values()) expect(count).toBeLessThanOrEqual(settings.batchesInFlight);
}

test('whatever is replied, fails, times out, is swept or held, in any order: every claim is answered exactly once and truthfully, and none is left behind', async () => {
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60 }),
      fc.record({
        maxConcurrent: fc.constantFrom(1, 3, 40, 400),
        queueSize: fc.constantFrom(5, 300),
        batchesInFlight: fc.integer({ min: 1, max: 3 }),
      }),
      async (steps, settings) => {
        const world = new DeskWorld({ ...settings, deadlineMs: 1_000 });
        for (const one of steps) {
          await play(world, one);
          expectBounds(world, settings);
        }
        // From here on everything answers, and no time passes: nobody may be left to the deadline.
        world.open = false;
        world.connected = true;
        for (const claim of world.held.splice(0)) world.desk.pass(claim);
        let drained = false;
        void world.desk.drain().then(() => (drained = true));
        await world.finish();
        expect(world.unanswered()).toEqual([]);
        expect(world.claims.filter(({ answers }) => answers.length !== 1)).toEqual([]);
        expect(world.wrong).toEqual([]);
        expect(drained).toBe(true);
        expect([world.desk.pending, world.admission.activities]).toEqual([{ waiting: 0, inFlight: 0 }, 0]);
        sent += world.claims.filter((claim) => claim.sent > 0).length;
      },
    ),
    { numRuns: 400, seed: 20261121 },
  );
  expect(sent).toBeGreaterThan(5_000);
}, 60_000);
