import type { RedemptionReport } from '../redemption/redemption-report';
import type { DemoReport } from './report';

/** The report for people. */
export function renderReport(report: DemoReport): string[] {
  const { second_sale: second, latency_ms: latency } = report;
  return [
    `Flash sale: ${count(report.buyers)} buyers, ${count(report.stock)} coupons, ${report.gateways} gateways`,
    line(
      'requests',
      `${count(report.requests)}   ${count(report.claims_per_second)}/s   P50 ${latency.p50} ms   P99 ${latency.p99} ms`,
    ),
    line('accepted', `${count(report.accepted)}   replayed ${count(report.replayed)}`),
    line('refused', refusals(report.refused)),
    line('in MySQL', `${count(report.persisted)}   ${report.drain_ms} ms after the last coupon was promised`),
    line('read path', browsing(report.browsing)),
    line('limit', secondSale(second)),
    line('conservation', `${String(report.conservation['verdict'])}   dead letters ${report.dead_letters}`),
    `  oversold ${report.oversold}   undersold ${report.undersold}   duplicates ${report.duplicates}   lost ${report.lost}`,
    ...(report.redemption ? renderRedemption(report.redemption) : []),
    ...report.violations.map(({ kind, count: times, detail }) => `  VIOLATION ${kind} (${times}): ${detail}`),
    report.ok
      ? `PASSED in ${report.seconds} s`
      : `FAILED: ${report.violations.length} violations, after ${report.seconds} s`,
  ];
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(13)}${text}`;
}

function browsing({ reads, l1_hit_rate: rate }: DemoReport['browsing']): string {
  const hits = rate === null ? 'nothing is cached' : `L1 hit rate ${(100 * rate).toFixed(1)} %`;
  return `${count(reads)} pages   ${hits}`;
}

function secondSale(second: DemoReport['second_sale']): string {
  return `${second.limit} each: ${second.buyers} buyers clicked ${second.clicks_each} times, ${second.accepted} coupons; ${refusals(second.refused)}`;
}

function refusals(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([code, times]) => `${code} ${count(times)}`);
  return parts.length === 0 ? 'none' : parts.join('   ');
}

function renderRedemption(redemption: RedemptionReport): string[] {
  const { money, checkout_ms: checkout } = redemption;
  return [
    `Checkout: ${count(redemption.checkouts)} winners, ${redemption.orders_per_second} orders/s   P50 ${checkout.p50} ms   P99 ${checkout.p99} ms`,
    line('orders', refusals(redemption.orders)),
    line('refused', refusals(redemption.refused)),
    line(
      'payments',
      `declined ${count(redemption.declined)}   timed out ${count(redemption.timed_out)}   late ${count(redemption.late)}   refunded ${count(redemption.refunded)}   nothing to pay ${count(redemption.free)}`,
    ),
    line('coupons', `redeemed ${count(redemption.redeemed)}`),
    line(
      'money',
      `goods and shipping ${money.original}   coupons -${money.discount}   kept ${money.kept}   given back ${money.given_back}`,
    ),
  ];
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}
