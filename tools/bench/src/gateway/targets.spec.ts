import type { RunRecord } from './measure';
import { medianFigure, targetsOf } from './targets';
import type { ComparedRun } from './targets';

const record = (over: Partial<RunRecord>): RunRecord => ({
  case: 'fsync-64',
  subject: 'fsync-64',
  round: 1,
  connections: 64,
  seconds: 2,
  requests_per_second: 100,
  accepted_per_second: 100,
  refused_per_second: 0,
  p50_ms: 1,
  p99_ms: 4,
  p999_ms: 8,
  max_ms: 9,
  server_us: 10,
  server_load: 0.5,
  redis_us: 6,
  generator_us: 7,
  generator_load: 0.4,
  others_load: 0,
  counts: true,
  answers: { OK: 200 },
  ...over,
});
const compared = (run: Partial<RunRecord>, reference: Partial<RunRecord> = {}): ComparedRun => ({
  run: record(run),
  reference: record({ subject: 'floor', ...reference }),
});
const named = (runs: readonly ComparedRun[], figure: string): unknown =>
  targetsOf(runs).find((one) => one.figure === figure);

describe('targetsOf', () => {
  it('compares the worst of the medians with the bar', () => {
    const runs = [
      ...[95, 92, 10].map((rate) => compared({ requests_per_second: rate })),
      ...[91, 80, 99].map((rate) => compared({ subject: 'fsync-128', requests_per_second: rate })),
    ];
    expect(named(runs, 'fsync: rate / floor')).toMatchObject({ median: 0.91, met: true });
    runs.push(...[1, 2].map((rate) => compared({ subject: 'fsync-128', requests_per_second: rate })));
    expect(named(runs, 'fsync: rate / floor')).toMatchObject({ median: 0.8, met: false });
  });

  it('adds gateway and Redis for the CPU of a claim', () => {
    expect(named([compared({}, { server_us: 12 })], 'fsync: gateway + Redis CPU / floor CPU')).toMatchObject({
      median: 1.333,
      met: true,
    });
    expect(named([compared({}, { server_us: 11 })], 'fsync: gateway + Redis CPU / floor CPU')).toMatchObject({
      met: false,
    });
  });

  it('does not count a pair with a generator that was too busy in either half, and meets no bar without runs that count', () => {
    const runs = [
      compared({ counts: false, requests_per_second: 1_000 }),
      compared({ requests_per_second: 50 }, { counts: false }),
    ];
    expect(named(runs, 'fsync: rate / floor')).toMatchObject({ median: NaN, met: false });
    expect(medianFigure([...runs, compared({ requests_per_second: 95 })], 'fsync-64')).toBe(0.95);
  });

  it('meets no bar on figures the system did not tell', () => {
    expect(named([compared({ redis_us: null })], 'fsync: gateway + Redis CPU / floor CPU')).toMatchObject({
      met: false,
    });
  });

  it('says nothing about what was not run', () => {
    expect(targetsOf([compared({ subject: 'low' })]).map(({ figure }) => figure)).toEqual(['low: p99 ms']);
  });
});
