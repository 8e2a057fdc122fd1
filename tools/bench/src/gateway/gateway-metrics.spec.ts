import { answersBetween, batchSizesBetween, sameAnswers } from './gateway-metrics';

const metrics = (counts: readonly [string, number][], sum: number): string =>
  [
    '# TYPE claim_batch_size histogram',
    ...counts.map(([end, count]) => `claim_batch_size_bucket{le="${end}",service="seckill-gateway"} ${count}`),
    `claim_batch_size_sum{service="seckill-gateway"} ${sum}`,
    `claim_batch_size_count{service="seckill-gateway"} ${counts.at(-1)?.[1] ?? 0}`,
  ].join('\n');

describe('batchSizesBetween', () => {
  it('counts what came between the two readings, per bucket', () => {
    const before = metrics(
      [
        ['1', 5],
        ['2', 5],
        ['4', 6],
        ['+Inf', 6],
      ],
      9,
    );
    const after = metrics(
      [
        ['1', 7],
        ['2', 7],
        ['4', 16],
        ['+Inf', 17],
      ],
      60,
    );
    expect(batchSizesBetween(before, after)).toEqual({ batches: 11, mean: 4.6, buckets: { 1: 2, 4: 8, '+Inf': 1 } });
  });

  it('says nothing when nothing was sent or the gateway has no such figure', () => {
    const same = metrics([['1', 5]], 5);
    expect(batchSizesBetween(same, same)).toBeUndefined();
    expect(batchSizesBetween('', 'other_metric 1')).toBeUndefined();
  });
});

describe('answersBetween', () => {
  const claims = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([code, count]) => `claims_total{code="${code}",service="seckill-gateway"} ${count}`)
      .join('\n');

  it('counts what came between the two readings, by code', () => {
    const after = claims({ OK: 7, SOLD_OUT: 3, REPLAYED: 1 });
    expect(answersBetween(claims({ OK: 5, REPLAYED: 1 }), after)).toEqual({ OK: 2, SOLD_OUT: 3 });
    expect(answersBetween('', 'other 1')).toBeUndefined();
  });

  it('is compared with what the clients were told', () => {
    expect(sameAnswers({ OK: 2, SOLD_OUT: 3 }, { OK: 2, '409 SOLD_OUT': 3 })).toBe(true);
    expect(sameAnswers({ OK: 2, SOLD_OUT: 3 }, { OK: 2, '409 SOLD_OUT': 2 })).toBe(false);
    expect(sameAnswers({ OK: 2 }, { OK: 2, '503 NOT_READY': 1 })).toBe(false);
    expect(sameAnswers({ OK: 2, NOT_READY: 1 }, { OK: 2 })).toBe(false);
  });
});
