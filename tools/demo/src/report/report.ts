import type { BrowsingReport } from '../load/browsers';
import type { Ledger } from '../load/ledger';
import type { ConservationReport } from '../marketing';
import type { RedemptionReport } from '../redemption/redemption-report';
import type { Violation, ViolationKind } from '../verify/violation';
import { percentile } from './percentile';

/** The JSON report; counts are of the main sale unless said otherwise. */
export interface DemoReport {
  readonly ok: boolean;
  readonly buyers: number;
  readonly stock: number;
  /** accepted (first answers) + replayed + all refused. */
  readonly requests: number;
  /** Different coupons that buyers were told are theirs. */
  readonly accepted: number;
  readonly replayed: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Rows in MySQL. */
  readonly persisted: number;
  readonly oversold: number;
  readonly undersold: number;
  readonly duplicates: number;
  readonly lost: number;
  readonly latency_ms: { readonly p50: number; readonly p99: number };
  /** Requests answered per second from the opening to the last answer. */
  readonly claims_per_second: number;
  /** From the last answer that gave a coupon until MySQL had them all. */
  readonly drain_ms: number;
  readonly conservation: Readonly<Record<string, unknown>>;
  /** Coupons used in orders. */
  readonly redeemed: number;
  readonly declined: number;
  readonly timed_out: number;
  readonly refunded: number;
  /** Payments that came after the time to pay. */
  readonly late: number;
  /** The people who looked at the sale while it was on. */
  readonly browsing: BrowsingReport;
  /** The orders of the winners; absent when nobody checked out. */
  readonly redemption?: RedemptionReport;
  /** The second, small sale with a limit above one, and the people who came outside its hours. */
  readonly second_sale: SecondSaleReport;
  readonly dead_letters: number;
  readonly violations: readonly Violation[];
  readonly seed: number;
  readonly gateways: number;
  readonly seconds: number;
}

export interface SecondSaleReport {
  readonly buyers: number;
  readonly limit: number;
  readonly clicks_each: number;
  readonly accepted: number;
  readonly replayed: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly persisted: number;
}

export interface ReportInput {
  readonly buyers: number;
  readonly stock: number;
  readonly seed: number;
  readonly gateways: number;
  readonly ledger: Ledger;
  readonly persisted: number;
  readonly stormMs: number;
  readonly drainMs: number;
  readonly conservation: ConservationReport;
  readonly browsing: BrowsingReport;
  readonly secondSale: SecondSaleReport;
  readonly deadLetters: number;
  readonly redemption: RedemptionReport | undefined;
  readonly violations: readonly Violation[];
  readonly totalMs: number;
}

export function buildReport(input: ReportInput): DemoReport {
  const { ledger, violations, redemption } = input;
  const latencies = Float64Array.from(ledger.latenciesMs).sort();
  const counted = (kind: ViolationKind): number =>
    violations.filter((one) => one.kind === kind).reduce((sum, { count }) => sum + count, 0);
  return {
    ok: violations.length === 0,
    buyers: input.buyers,
    stock: input.stock,
    requests: ledger.requests,
    accepted: ledger.heard.size,
    replayed: ledger.replayed,
    refused: sorted(ledger.refused),
    persisted: input.persisted,
    oversold: counted('oversold'),
    undersold: counted('undersold'),
    duplicates: counted('duplicate'),
    lost: counted('lost'),
    latency_ms: { p50: round(percentile(latencies, 0.5)), p99: round(percentile(latencies, 0.99)) },
    claims_per_second: Math.round(ledger.requests / (input.stormMs / 1000)),
    drain_ms: Math.round(input.drainMs),
    conservation: input.conservation,
    redeemed: redemption?.redeemed ?? 0,
    declined: redemption?.declined ?? 0,
    timed_out: redemption?.timed_out ?? 0,
    refunded: redemption?.refunded ?? 0,
    late: redemption?.late ?? 0,
    browsing: input.browsing,
    ...(redemption === undefined ? {} : { redemption }),
    second_sale: { ...input.secondSale, refused: sorted(input.secondSale.refused) },
    dead_letters: input.deadLetters,
    violations,
    seed: input.seed,
    gateways: input.gateways,
    seconds: round(input.totalMs / 1000),
  };
}

function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
