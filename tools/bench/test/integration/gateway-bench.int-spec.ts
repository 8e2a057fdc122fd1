import type { BenchContext } from '../../src/bench';
import { BenchBed } from '../../src/gateway/bench-bed';
import { gatewayBench } from '../../src/gateway/gateway-bench';
import { Told } from '../../src/gateway/told';
import { ToldOtherwise, verifyTold } from '../../src/gateway/verify-told';
import { grpcBench } from '../../src/grpc/grpc-bench';
import type { LoadPlan } from '../../src/load/load-plan';

const TIMEOUT_MS = 180_000;
const A_NUMBER = expect.any(Number) as unknown;
const cleanUps: (() => Promise<void> | void)[] = [];

function context(over: Partial<BenchContext> = {}): BenchContext {
  return {
    rounds: 1,
    seconds: 1,
    full: false,
    screen: { line: () => undefined, live: () => undefined },
    signal: new AbortController().signal,
    defer: (cleanUp) => cleanUps.push(cleanUp),
    ...over,
  };
}

afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
}, TIMEOUT_MS);

describe('npm run bench -- gateway', () => {
  it(
    'reports gateway and floor of the same run, with the bars it can tell about',
    async () => {
      const report = await gatewayBench(context({ cases: ['fsync-64', 'sold-out'] }));
      expect(report).toMatchObject({
        name: 'gateway',
        machine: { cores: A_NUMBER, memory_gib: A_NUMBER },
      });
      expect(report.setup).toMatchObject({ appendfsync: 'always', fdatasync_median_ms: A_NUMBER });
      expect(report.runs.map((run) => (run as { subject: string }).subject)).toEqual([
        'floor',
        'fsync-64',
        'floor',
        'sold-out',
      ]);
      for (const run of report.runs) {
        expect(run).toMatchObject({
          round: 1,
          p99_ms: A_NUMBER,
          server_us: A_NUMBER,
          generator_load: A_NUMBER,
        });
      }
      expect(Object.keys(report.median)).toEqual(['fsync-64', 'sold-out']);
      expect(Object.keys(report.floor)).toEqual(['fsync-64', 'sold-out']);
      expect(report.ratio).toBeGreaterThan(0);
      expect(report.targets.map(({ figure }) => figure)).toEqual(
        expect.arrayContaining(['fsync: rate / floor', 'sold-out: rate / floor']),
      );
    },
    TIMEOUT_MS,
  );
});

describe('npm run bench -- grpc', () => {
  it(
    'reports the gateway and an echo on the same client, unary and streamed',
    async () => {
      const report = await grpcBench(context());
      expect(Object.keys(report.median)).toEqual(['unary', 'stream']);
      expect(report.runs).toHaveLength(4);
      for (const run of report.runs) expect(run).toMatchObject({ server_us: A_NUMBER, generator_load: A_NUMBER });
      expect(report.targets.map(({ figure }) => figure)).toEqual(['unary: rate / echo', 'stream: rate / echo']);
      expect(report.ratio).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

describe('the comparison of what clients were told with Redis', () => {
  let bed: BenchBed;
  let plan: LoadPlan;
  let outcome: Awaited<ReturnType<BenchBed['load']>>;
  const wins = new Map<string, number>();

  beforeAll(async () => {
    bed = await BenchBed.lay(context());
    const gateway = await bed.gateway({ auth: 'none', limits: false }, 'fsync');
    const activity = await bed.store.open({ total: 300, perUserLimit: 1, userRatePerSecond: 0 });
    plan = {
      port: gateway.port,
      connections: 16,
      arrivals: { kind: 'closed' },
      maxRequests: 1_000,
      maxSeconds: 30,
      warmUpSeconds: 0,
      warmUpRequests: 0,
      firstUser: 1_000_000_000,
      // The second half of the requests are the same people again.
      users: 500,
      activities: [activity],
      watchedPids: [],
    };
    outcome = await bed.load(plan);
    for (const [name, count] of Object.entries(outcome.result.answers)) wins.set(name, count);
  }, TIMEOUT_MS);

  /** What the clients were told, with one thing changed. */
  const told = (falsify: (answers: Buffer, entryOf: (name: string) => number) => void = () => undefined): Told => {
    const { result } = outcome;
    const answers = Buffer.from(outcome.answers);
    falsify(answers, (name) => {
      const answerClass = result.classes.indexOf(name);
      for (let at = 0; at < answers.length; at += 27) if (answers[at] === answerClass) return at;
      throw new Error(`nobody was answered ${name}`);
    });
    const all = new Told(plan.activities);
    all.add(plan, result, answers);
    return all;
  };

  it('has wins, replays and refusals to compare, and finds them in Redis', async () => {
    expect(wins.get('OK')).toBe(300);
    expect(wins.get('REPLAYED')).toBeGreaterThan(0);
    expect(wins.get('409 SOLD_OUT')).toBeGreaterThan(0);
    await verifyTold(bed.store.redis, told());
  });

  it.each<[string, (answers: Buffer, entryOf: (name: string) => number, classes: readonly string[]) => void]>([
    ['a win that nobody was told', (answers, at, classes) => (answers[at('OK')] = classes.indexOf('409 SOLD_OUT'))],
    ['a refusal told as a win', (answers, at, classes) => (answers[at('409 SOLD_OUT')] = classes.indexOf('OK'))],
    ['a claim id told wrongly', (answers, at) => answers.write('X', at('OK') + 20)],
    ['a replay of another claim', (answers, at) => answers.write('X', at('REPLAYED') + 20)],
    ['a replay told as a win', (answers, at, classes) => (answers[at('REPLAYED')] = classes.indexOf('OK'))],
    [
      'two buyers who were told each other’s claim',
      (answers, at) => {
        const first = at('OK');
        const second = Array.from({ length: answers.length / 27 }, (_, n) => 27 * n).find(
          (entry) => entry > first && answers[entry] === answers[first],
        ) as number;
        const kept = Buffer.from(answers.subarray(first + 1, first + 27));
        answers.copy(answers, first + 1, second + 1, second + 27);
        kept.copy(answers, second + 1);
      },
    ],
  ])('finds %s', async (_, falsify) => {
    const wrong = told((answers, entryOf) => falsify(answers, entryOf, outcome.result.classes));
    await expect(verifyTold(bed.store.redis, wrong)).rejects.toThrow(ToldOtherwise);
  });

  it('finds a unit that Redis has lost, and an event', async () => {
    const [activity] = plan.activities;
    await bed.store.redis.incr(`coupon:stock:{${activity}}`);
    await expect(verifyTold(bed.store.redis, told())).rejects.toThrow('units left: 1, told 0');
    await bed.store.redis.decr(`coupon:stock:{${activity}}`);
    await bed.store.redis.xtrim(`coupon:outbox:{${activity}}`, 'MAXLEN', 299);
    await expect(verifyTold(bed.store.redis, told())).rejects.toThrow('outbox entries: 299, told 300');
  });

  it('refuses to compare when a request has no answer', () => {
    expect(() => told((answers, entryOf) => (answers[entryOf('OK')] = 0))).toThrow('has no answer');
  });
});
