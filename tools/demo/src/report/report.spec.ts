import { Ledger } from '../load/ledger';
import { percentile } from './percentile';
import { renderReport } from './render-report';
import { buildReport } from './report';
import type { ReportInput } from './report';

function anInput(overrides: Partial<ReportInput> = {}): ReportInput {
  const ledger = new Ledger();
  const click = { userId: '1', quantity: 1, key: 'k' };
  ledger.record(click, { kind: 'accepted', claimId: 'c', couponSns: ['a'], replayed: false }, 4);
  ledger.record(click, { kind: 'accepted', claimId: 'c', couponSns: ['a'], replayed: true }, 8);
  ledger.record({ ...click, userId: '2' }, { kind: 'refused', code: 'SOLD_OUT', retryAfterMs: undefined }, 2);
  return {
    buyers: 2,
    stock: 1,
    seed: 1,
    gateways: 2,
    ledger,
    persisted: 1,
    stormMs: 1_500,
    drainMs: 12.4,
    conservation: { verdict: 'ok' },
    secondSale: {
      buyers: 10,
      limit: 2,
      clicks_each: 4,
      accepted: 20,
      replayed: 0,
      refused: { LIMIT_REACHED: 20 },
      persisted: 20,
    },
    deadLetters: 0,
    violations: [],
    totalMs: 9_876,
    ...overrides,
  };
}

describe('buildReport', () => {
  it('states a good run', () => {
    expect(buildReport(anInput())).toMatchObject({
      ok: true,
      requests: 3,
      accepted: 1,
      replayed: 1,
      refused: { SOLD_OUT: 1 },
      persisted: 1,
      oversold: 0,
      undersold: 0,
      duplicates: 0,
      lost: 0,
      latency_ms: { p50: 4, p99: 8 },
      claims_per_second: 2,
      drain_ms: 12,
      redeemed: 0,
    });
  });

  it('is not ok with any violation, and counts coupons, not sentences', () => {
    const report = buildReport(
      anInput({
        violations: [
          { kind: 'lost', count: 2, detail: 'main' },
          { kind: 'lost', count: 1, detail: 'second sale' },
          { kind: 'conservation', count: 1, detail: 'gap' },
        ],
      }),
    );
    expect(report).toMatchObject({ ok: false, lost: 3, oversold: 0 });
    const text = renderReport(report).join('\n');
    expect(text).toContain('VIOLATION lost (2): main');
    expect(text).toContain('FAILED: 3 violations');
  });
});

describe('percentile', () => {
  it('is the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([50, 99, 100]);
    expect(percentile([], 0.5)).toBe(0);
  });
});
