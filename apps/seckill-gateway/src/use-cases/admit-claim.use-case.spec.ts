import fc from 'fast-check';
import type { ActivityId, UserId } from '@coupon/domain';
import type { LimitDecision } from '@coupon/flow-control';
import { turn } from '../../test/support/desk/desk-world';
import { AdmitClaim } from './admit-claim.use-case';
import type { ClaimAnswer, ClaimCommand, Refusal } from './claim-answer';

const ALLOWED: LimitDecision = { allowed: true };
const refusedBy = (limit: 'address' | 'activity' | 'instance', retryAfterMs: number): LimitDecision => ({
  allowed: false,
  limit,
  retryAfterMs,
});

interface Asked {
  readonly number: number;
  readonly answers: ClaimAnswer[];
  /** Times it reached the desk. */
  admitted: number;
}

/** Admission with everything around it in the hands of the test; the desk keeps what it is given. */
function setUp() {
  const is = { admits: true, ready: true, shedShare: 0, random: 0, nowMs: 0 };
  const asked: Asked[] = [];
  const order: number[] = [];
  const counted: Refusal[] = [];
  const checks: string[] = [];
  /** Leases on their way, by activity. */
  const leases: { readonly activityId: string; readonly come: () => void }[] = [];
  let decide: (activityId: string) => LimitDecision | null = () => ALLOWED;
  let outages = 0;
  const admit = new AdmitClaim<{ answered(answer: ClaimAnswer): void }>({
    desk: {
      claim: ({ userId }) => {
        const claim = asked[Number(userId) - 1];
        if (claim === undefined) throw new Error('nobody asked for it');
        claim.admitted += 1;
        order.push(claim.number);
      },
    },
    refusals: { count: () => undefined },
    limits: {
      check: (address, activityId) => {
        checks.push(`${address} ${activityId}`);
        return decide(activityId);
      },
      ready: (activityId) =>
        new Promise((resolve) => {
          leases.push({ activityId, come: resolve });
        }),
    },
    breaker: {
      admits: () => is.admits,
      retryAfterMs: () => 700,
      fire: async (call) => {
        outages += 1;
        return call();
      },
    },
    sensor: {
      get shedShare() {
        return is.shedShare;
      },
      shouldShed: (random) => random < is.shedShare,
    },
    isReady: () => is.ready,
    random: () => is.random,
    nowMs: () => is.nowMs,
    metrics: { answered: (refusal) => void counted.push(refusal) },
  });
  const claim = (activity = 1, over: Partial<ClaimCommand> = {}): Asked => {
    const one: Asked = { number: asked.length + 1, answers: [], admitted: 0 };
    asked.push(one);
    const userId = String(one.number) as UserId;
    const command = {
      activityId: String(activity) as ActivityId,
      userId,
      quantity: 1,
      idempotencyKey: '',
      address: 'a',
    };
    admit.claim({ ...command, ...over }, { answered: (answer) => void one.answers.push(answer) });
    return one;
  };
  const leaseComes = async (index = 0): Promise<void> => {
    leases.splice(index, 1)[0]?.come();
    await turn();
  };
  return {
    admit,
    is,
    asked,
    order,
    counted,
    checks,
    leases,
    claim,
    leaseComes,
    outages: () => outages,
    decide: (by: typeof decide) => void (decide = by),
  };
}

describe('AdmitClaim', () => {
  test('passes on what nothing speaks against, at once', () => {
    const { claim, counted } = setUp();
    expect(claim()).toMatchObject({ admitted: 1, answers: [] });
    expect(counted).toEqual([]);
  });

  test('asks in the order of their cost: breaker, connection, load, limits; a refusal costs nothing behind it', () => {
    const { is, claim, checks, decide, counted } = setUp();
    decide(() => refusedBy('instance', 40));
    Object.assign(is, { admits: false, ready: false, shedShare: 1 });
    const told = [claim()];
    is.admits = true;
    told.push(claim());
    is.ready = true;
    told.push(claim());
    expect(checks).toEqual([]);
    is.shedShare = 0;
    told.push(claim(5, { address: '10.0.0.1' }));
    expect(checks).toEqual(['10.0.0.1 5']);
    expect(told.map(({ answers }) => answers)).toEqual([
      [{ kind: 'refused', code: 'CIRCUIT_OPEN', reason: 'claim_store', retryAfterMs: 700 }],
      [{ kind: 'refused', code: 'NOT_READY', reason: 'claim_store' }],
      [{ kind: 'refused', code: 'OVERLOADED', reason: 'load' }],
      [{ kind: 'refused', code: 'RATE_LIMITED', reason: 'instance_rate', limit: 'instance', retryAfterMs: 40 }],
    ]);
    expect(told.map(({ admitted }) => admitted)).toEqual([0, 0, 0, 0]);
    expect(counted).toEqual(told.flatMap(({ answers }) => answers));
  });

  test('sheds the share it is told to shed', () => {
    const { is, claim } = setUp();
    is.shedShare = 0.3;
    is.random = 0.29;
    expect(claim().admitted).toBe(0);
    is.random = 0.3;
    expect(claim().admitted).toBe(1);
  });

  test('a limit that can never hold the claim does not say "in infinitely many milliseconds"', () => {
    const { claim, decide } = setUp();
    decide(() => refusedBy('address', Infinity));
    expect(claim().answers).toMatchObject([{ limit: 'address', retryAfterMs: 3_600_000 }]);
  });

  test('without a connection the breaker hears of one failure per turn of the event loop', async () => {
    const { is, claim, outages } = setUp();
    is.ready = false;
    for (let i = 0; i < 5; i += 1) claim();
    await turn();
    expect(outages()).toBe(1);
    claim();
    await turn();
    expect(outages()).toBe(2);
  });
});

describe('claims that wait for permits', () => {
  test('wait for one lease per activity, keep their order, and are decided by what is known then', async () => {
    const { decide, claim, leases, leaseComes, order, admit } = setUp();
    decide(() => null);
    const first = [claim(1), claim(1), claim(1)];
    const other = claim(2);
    expect(leases.map(({ activityId }) => activityId)).toEqual(['1', '2']);
    expect(admit.waitingForLeases).toBe(4);
    let left = 2;
    decide(() => ((left -= 1) >= 0 ? ALLOWED : refusedBy('activity', 30)));
    await leaseComes();
    expect(order).toEqual([1, 2]);
    expect(first[2]?.answers).toMatchObject([{ code: 'RATE_LIMITED', limit: 'activity', retryAfterMs: 30 }]);
    expect([other.answers, other.admitted, admit.waitingForLeases]).toEqual([[], 0, 1]);
  });

  test('wait again when the permits were gone before their turn, but not for ever', async () => {
    const { decide, claim, leases, leaseComes, is } = setUp();
    decide(() => null);
    const one = claim();
    is.nowMs = 600;
    await leaseComes();
    expect([leases.length, one.answers]).toEqual([1, []]);
    is.nowMs = 1_000;
    await leaseComes();
    expect([leases.length, one.answers]).toEqual([1, []]);
    is.nowMs = 1_001;
    await leaseComes();
    expect(one.answers).toMatchObject([{ code: 'OVERLOADED', reason: 'deadline' }]);
    expect(leases).toEqual([]);
  });

  test('are bounded', () => {
    const { decide, claim, asked, admit } = setUp();
    decide(() => null);
    for (let i = 0; i < 10_000; i += 1) claim(i % 7);
    expect(asked.every(({ answers }) => answers.length === 0)).toBe(true);
    expect(claim().answers).toMatchObject([{ code: 'OVERLOADED', reason: 'queue_full' }]);
    expect(admit.waitingForLeases).toBe(10_000);
  });

  test('are refused by the sweep while the breaker is open, and only then', async () => {
    const { decide, claim, leaseComes, is, admit } = setUp();
    decide(() => null);
    const waiting = [claim(1), claim(2), claim(2)];
    admit.sweep();
    expect(waiting.map(({ answers }) => answers)).toEqual([[], [], []]);
    is.admits = false;
    let drained = false;
    void admit.drain().then(() => (drained = true));
    admit.sweep();
    await turn();
    expect(drained).toBe(true);
    for (const { answers } of waiting) expect(answers).toMatchObject([{ code: 'CIRCUIT_OPEN', retryAfterMs: 700 }]);
    expect(admit.waitingForLeases).toBe(0);
    // The lease comes after all: it finds nobody, or who has come since.
    is.admits = true;
    const later = claim(1);
    decide(() => ALLOWED);
    await leaseComes();
    expect([later.admitted, later.answers]).toEqual([1, []]);
    await leaseComes();
    await leaseComes();
    expect(waiting.map(({ answers, admitted }) => [answers.length, admitted])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
  });

  test('are waited for at the end, as long as there is time', async () => {
    const { decide, claim, leaseComes, admit } = setUp();
    await admit.drain();
    decide(() => null);
    claim();
    let drained = false;
    void admit.drain().then(() => (drained = true));
    const abort = new AbortController();
    const impatient = admit.drain(abort.signal);
    abort.abort();
    await impatient;
    expect(drained).toBe(false);
    decide(() => ALLOWED);
    await leaseComes();
    expect(drained).toBe(true);
  });

  test('whatever comes in whatever order: each is admitted or refused exactly once, and those of an activity in order', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('claim' as const), activity: fc.integer({ min: 1, max: 3 }) }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('lease' as const), pick: fc.nat(5) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('limits' as const),
          say: fc.array(fc.constantFrom('wait', 'yes', 'no')),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 700) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('breaker' as const), admits: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const world = setUp();
        let say: readonly string[] = [];
        let asks = 0;
        world.decide(() => {
          const said = say.length === 0 ? 'wait' : say[(asks += 1) % say.length];
          return said === 'wait' ? null : said === 'yes' ? ALLOWED : refusedBy('instance', 5);
        });
        for (const one of steps) {
          if (one.kind === 'claim') world.claim(one.activity);
          else if (one.kind === 'lease') await world.leaseComes(one.pick % Math.max(1, world.leases.length));
          else if (one.kind === 'limits') say = one.say;
          else if (one.kind === 'time') world.is.nowMs += one.ms;
          else if (one.kind === 'breaker') world.is.admits = one.admits;
          else world.admit.sweep();
          const open = world.asked.filter(({ answers, admitted }) => answers.length + admitted === 0);
          expect(world.admit.waitingForLeases).toBe(open.length);
        }
        world.decide(() => ALLOWED);
        let drained = false;
        void world.admit.drain().then(() => (drained = true));
        while (world.leases.length > 0) await world.leaseComes();
        await turn();
        expect(world.asked.map(({ answers, admitted }) => answers.length + admitted)).toEqual(world.asked.map(() => 1));
        expect(drained).toBe(true);
      }),
      { numRuns: 500, seed: 20261121 },
    );
  });
});
