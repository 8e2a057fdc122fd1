import { MAX_CLAIMS_PER_BATCH } from '@coupon/lua';
import { DeskWorld, WON, codeOf, turn } from '../../test/support/desk/desk-world';
import type { Tracked } from '../../test/support/desk/desk-world';
import { OUTCOME_UNKNOWN } from './claim-answer';

const many = (world: DeskWorld, count: number, activity = 1): Tracked[] =>
  Array.from({ length: count }, () => world.claim(activity));
const codes = (claims: readonly Tracked[]): string[] => claims.map(({ answers }) => answers.map(codeOf).join());
const all = (count: number, code: string): string[] => Array<string>(count).fill(code);

describe('ClaimDesk batches', () => {
  test('claims of one turn travel together, in the order they came, and an activity travels alone', async () => {
    const world = new DeskWorld();
    const [first, other, last] = [world.claim(1), world.claim(2), world.claim(1)];
    expect(world.batches).toHaveLength(0);
    await turn();
    expect(world.batches.map(({ claims }) => claims)).toEqual([[first, last], [other]]);
    await world.decide([WON, -22], 0, 9);
    expect(codes([first, last, other])).toEqual(['OK', 'SOLD_OUT', '']);
    expect(first?.answers[0]).toMatchObject({
      kind: 'won',
      claimId: first?.claimId(),
      couponSns: [`${first?.claimId()}001`],
      available: 9,
      replayed: false,
    });
    expect(last?.answers[0]).toMatchObject({ available: 9, reason: 'sold_out' });
  });

  test('of so many claims at most; what does not fit goes with the next batch, and no more batches at once than allowed', async () => {
    const world = new DeskWorld();
    const claims = many(world, 2 * MAX_CLAIMS_PER_BATCH + 10);
    await turn();
    expect(world.batches.map((batch) => batch.claims.length)).toEqual([MAX_CLAIMS_PER_BATCH, MAX_CLAIMS_PER_BATCH]);
    many(world, 5);
    await turn();
    expect(world.batches).toHaveLength(2);
    expect(world.desk.pending).toEqual({ waiting: 15, inFlight: 2 * MAX_CLAIMS_PER_BATCH });
    await world.decide([WON], 1);
    expect(world.batches.map((batch) => batch.claims.length)).toEqual([MAX_CLAIMS_PER_BATCH, 15]);
    expect(world.batches[1]?.claims[0]).toBe(claims[2 * MAX_CLAIMS_PER_BATCH]);
    await world.finish();
    expect(codes(world.claims)).toEqual(all(world.claims.length, 'OK'));
  });

  test('carry the rate per user that is in force', async () => {
    const world = new DeskWorld();
    world.claim();
    await turn();
    expect(world.take().args).not.toContain('R3');
    world.userRate = 3;
    world.claim();
    await turn();
    expect(world.take().args).toContain('R3');
  });

  test('show the filter what they have shown', async () => {
    const world = new DeskWorld();
    many(world, 2);
    await turn();
    await world.decide([WON, -11], 0, 0);
    expect(world.observed).toEqual([{ available: 0, ended: true }]);
  });

  test('of an activity that was held back because too much was under way go on when there is room', async () => {
    const world = new DeskWorld({ maxConcurrent: 10 });
    many(world, 10, 1);
    await turn();
    const under = world.admission.active;
    const held = many(world, 4, 2);
    await turn();
    expect(codes(held)).toEqual(all(4, ''));
    expect(world.admission.active).toBeLessThanOrEqual(10);
    expect(under).toBeGreaterThan(5);
    await world.finish();
    expect(world.unanswered()).toEqual([]);
    expect(world.mostActive).toBeLessThanOrEqual(10);
  });

  test('one held back goes on also when the one before it has nothing left to send', async () => {
    const world = new DeskWorld({ maxConcurrent: 1 });
    many(world, 1, 1);
    await turn();
    const late = world.claim(2);
    await turn();
    world.nowMs = 500;
    const inTime = world.claim(3);
    await turn();
    world.nowMs = 1_200;
    await world.decide();
    expect(codes([late])).toEqual(['OVERLOADED']);
    expect(world.batches.map(({ claims }) => claims)).toEqual([[inTime]]);
  });
});

describe('what a batch comes to', () => {
  const told = async (reply: unknown): Promise<string> => {
    const world = new DeskWorld();
    const claim = world.claim();
    await turn();
    await world.take().reply(reply);
    await turn();
    return codes([claim]).join();
  };

  test.each([
    ['an activity Redis does not have', [-1], 'ACTIVITY_NOT_FOUND'],
    ['half an activity', [-2], 'NOT_READY'],
    ['another run of Redis', [-3], 'NOT_READY'],
    ['no reply in time', new Error('Command timed out'), 'OUTCOME_UNKNOWN'],
    ['a closed connection', new Error('Connection is closed.'), 'OUTCOME_UNKNOWN'],
    ['a reply that makes no sense', [0, 5, 1, 1_000], 'OUTCOME_UNKNOWN'],
    ['a connection that was refused', new Error('connect ECONNREFUSED 127.0.0.1:1'), 'NOT_READY'],
    ['a Redis without memory', new Error("OOM command not allowed when used memory > 'maxmemory'."), 'NOT_READY'],
  ])('%s', async (_, reply, code) => {
    expect(await told(reply)).toBe(code);
  });

  test('an activity that is known not to exist is refused without a call, and without a place; one that is asked about is not', async () => {
    const world = new DeskWorld({ maxConcurrent: 1, queueSize: 1 });
    world.isUnknown = true;
    const refused = [world.claim(), world.claim(), world.claim()];
    await turn();
    expect(codes(refused)).toEqual(['ACTIVITY_NOT_FOUND', 'ACTIVITY_NOT_FOUND', 'ACTIVITY_NOT_FOUND']);
    expect([world.batches.length, world.admission.waiting]).toEqual([0, 0]);
    world.isUnknown = false;
    const first = world.claim();
    await turn();
    world.isUnknown = true;
    await world.decide();
    expect(codes([first])).toEqual(['OK']);
  });

  test('a refusal for the rate says which limit and when to come back', async () => {
    const world = new DeskWorld();
    const claim = world.claim();
    await turn();
    await world.decide([-20]);
    expect(claim.answers).toEqual([
      { kind: 'refused', code: 'RATE_LIMITED', reason: 'user_rate', limit: 'user', retryAfterMs: 1_000 },
    ]);
  });

  test('without a connection nothing is sent', async () => {
    const world = new DeskWorld();
    world.connected = false;
    const claims = many(world, 3);
    await turn();
    expect(codes(claims)).toEqual(all(3, 'NOT_READY'));
    expect(world.batches).toHaveLength(0);
    expect(world.desk.pending).toEqual({ waiting: 0, inFlight: 0 });
  });

  test('while the breaker is open nothing is sent, and the refusal says when to come back', async () => {
    const world = new DeskWorld();
    const claim = world.claim();
    world.open = true;
    await turn();
    expect(claim.answers).toMatchObject([{ code: 'CIRCUIT_OPEN', retryAfterMs: 700 }]);
    expect(world.batches).toHaveLength(0);
  });

  test.each([
    ['enough replicas', 2, 'OK'],
    ['too few replicas', 1, 'OUTCOME_UNKNOWN'],
    ['a connection that breaks before they are counted', new Error('Connection is closed.'), 'OUTCOME_UNKNOWN'],
  ])('mode replicated, %s: what a win is told; a refusal stays one', async (_, replicas, code) => {
    const world = new DeskWorld({ barrier: { replicas: 2, waitTimeoutMs: 100 } });
    world.replicas = replicas;
    const claims = many(world, 2);
    await turn();
    await world.decide([WON, -22]);
    expect(codes(claims)).toEqual([code, 'SOLD_OUT']);
  });
});

describe('claims that wait', () => {
  test('are refused by the sweep once they have waited too long behind batches that do not come back, and not before', async () => {
    const world = new DeskWorld({ batchesInFlight: 1 });
    const sent = world.claim();
    await turn();
    const early = world.claim();
    world.nowMs = 600;
    const later = world.claim();
    world.nowMs = 1_000;
    world.desk.sweep();
    expect(codes([sent, early, later])).toEqual(['', '', '']);
    expect(world.failures).toBe(0);
    world.nowMs = 1_001;
    world.desk.sweep();
    expect(codes([sent, early, later])).toEqual(['', 'OVERLOADED', '']);
    await turn();
    expect(world.failures).toBe(1);
    expect(world.desk.pending).toEqual({ waiting: 1, inFlight: 1 });
    await world.finish();
    expect(codes([sent, early, later])).toEqual(['OK', 'OVERLOADED', 'OK']);
  });

  test('are refused by the sweep at once while the breaker is open; those on their way are not', async () => {
    const world = new DeskWorld({ batchesInFlight: 1 });
    const sent = many(world, 2);
    await turn();
    const waiting = many(world, 3);
    const elsewhere = many(world, 2, 2);
    world.desk.sweep();
    expect(codes(waiting)).toEqual(all(3, ''));
    world.open = true;
    world.desk.sweep();
    expect([...waiting, ...elsewhere].map(({ answers }) => answers)).toEqual(
      Array(5).fill([{ kind: 'refused', code: 'CIRCUIT_OPEN', reason: 'claim_store', retryAfterMs: 700 }]),
    );
    await world.take().reply(new Error('Command timed out'));
    expect(sent.map(({ answers }) => answers)).toEqual(Array(2).fill([OUTCOME_UNKNOWN]));
    expect(world.desk.pending).toEqual({ waiting: 0, inFlight: 0 });
    world.open = false;
    await turn();
    const next = world.claim(2);
    await world.finish();
    expect(codes([next])).toEqual(['OK']);
  });

  test('are bounded, and one activity cannot take all places', () => {
    const world = new DeskWorld({ queueSize: 9 });
    const crowd = many(world, 10, 1);
    expect(codes(crowd)).toEqual([...all(8, ''), ...all(2, 'OVERLOADED')]);
    expect(crowd[8]?.answers[0]).toMatchObject({ reason: 'activity_share' });
    expect(codes([world.claim(2)])).toEqual(['']);
    expect(world.claim(2).answers[0]).toMatchObject({ code: 'OVERLOADED', reason: 'queue_full' });
  });

  test('for the filter are refused or sent as it says, and never told of the sale without a token it asks for', async () => {
    const world = new DeskWorld();
    world.holds = true;
    const claims = many(world, 4);
    await turn();
    expect(world.batches).toHaveLength(0);
    const [a, b, c, d] = world.held;
    if (!a || !b || !c || !d) throw new Error('not held');
    world.desk.refuse(a, 'SOLD_OUT', false);
    world.desk.refuse(b, 'ENDED', false);
    world.desk.refuse(c, 'SOLD_OUT', true);
    world.desk.pass(d);
    expect(codes(claims)).toEqual(['SOLD_OUT', 'ENDED', 'PERMISSION_DENIED', '']);
    await world.finish();
    expect(codes(claims)[3]).toBe('OK');
  });
});

describe('the end', () => {
  test('comes when every claim taken has its answer', async () => {
    const world = new DeskWorld({ batchesInFlight: 1 });
    await world.desk.drain();
    world.holds = true;
    world.claim();
    world.holds = false;
    many(world, 2);
    let drained = false;
    void world.desk.drain().then(() => (drained = true));
    await world.finish();
    expect(drained).toBe(false);
    const [held] = world.held;
    if (held !== undefined) world.desk.refuse(held, 'SOLD_OUT', false);
    await turn();
    expect(drained).toBe(true);
  });

  test('does not wait longer than it may', async () => {
    const world = new DeskWorld();
    world.claim();
    const abort = new AbortController();
    const drained = world.desk.drain(abort.signal);
    abort.abort();
    await drained;
    await world.desk.drain(abort.signal);
    expect(world.unanswered()).toEqual([1]);
  });
});
