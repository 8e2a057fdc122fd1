import { Ledger } from '../load/ledger';
import type { RedemptionReport } from '../redemption/redemption-report';
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
    browsing: { reads: 1_200, l1_hit_rate: 0.987, caches: { sale: { hits: 987, misses: 13, bypassed: 0 } } },
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
    redemption: undefined,
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

  it('has what became of the orders, when there were any', () => {
    const redemption: RedemptionReport = {
      checkouts: 500,
      refused: { NOT_OWNED: 20 },
      orders: { PAID: 400, CANCELLED: 40, REFUNDED: 40 },
      redeemed: 700,
      declined: 40,
      timed_out: 75,
      late: 35,
      refunded: 41,
      free: 10,
      money: { original: '1000.00', discount: '100.10', kept: '899.90', given_back: '12.00' },
      checkout_ms: { p50: 60, p99: 200 },
      orders_per_second: 33.3,
      seconds: 30,
    };
    const report = buildReport(anInput({ redemption }));
    expect(report).toMatchObject({ redeemed: 700, declined: 40, timed_out: 75, late: 35, refunded: 41, redemption });
    expect(renderReport(report).join('\n')).toContain('coupons -100.10   kept 899.90');
    expect(renderReport(buildReport(anInput())).join('\n')).not.toContain('Checkout');
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
