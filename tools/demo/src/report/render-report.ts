import type { DemoReport } from './report';

/** The report for people. */
export function renderReport(report: DemoReport): string[] {
  const { second_sale: second, latency_ms: latency } = report;
  const line = (label: string, text: string): string => `  ${label.padEnd(13)}${text}`;
  return [
    `Flash sale: ${count(report.buyers)} buyers, ${count(report.stock)} coupons, ${report.gateways} gateways`,
    line(
      'requests',
      `${count(report.requests)}   ${count(report.claims_per_second)}/s   P50 ${latency.p50} ms   P99 ${latency.p99} ms`,
    ),
    line('accepted', `${count(report.accepted)}   replayed ${count(report.replayed)}`),
    line('refused', refusals(report.refused)),
    line('in MySQL', `${count(report.persisted)}   ${report.drain_ms} ms after the last coupon was promised`),
    line('limit', secondSale(second)),
    line('conservation', `${String(report.conservation['verdict'])}   dead letters ${report.dead_letters}`),
    `  oversold ${report.oversold}   undersold ${report.undersold}   duplicates ${report.duplicates}   lost ${report.lost}`,
    ...report.violations.map(({ kind, count: times, detail }) => `  VIOLATION ${kind} (${times}): ${detail}`),
    report.ok
      ? `PASSED in ${report.seconds} s`
      : `FAILED: ${report.violations.length} violations, after ${report.seconds} s`,
  ];
}

function secondSale(second: DemoReport['second_sale']): string {
  return `${second.limit} each: ${second.buyers} buyers clicked ${second.clicks_each} times, ${second.accepted} coupons; ${refusals(second.refused)}`;
}

function refusals(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([code, times]) => `${code} ${count(times)}`);
  return parts.length === 0 ? 'none' : parts.join('   ');
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}
