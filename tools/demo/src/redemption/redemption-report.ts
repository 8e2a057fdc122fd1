import { percentile } from '../report/percentile';
import type { LifeNotes } from './live-orders';
import type { PlannedOrder } from './plan-orders';
import { COUPON, sum } from './truth';
import type { RedemptionTruth } from './truth';

/** What became of the orders, by the databases unless it says otherwise. */
export interface RedemptionReport {
  readonly checkouts: number;
  /** Refused at once, by code; nothing was written for them. */
  readonly refused: Readonly<Record<string, number>>;
  readonly orders: Readonly<Record<string, number>>;
  /** Coupons that are used. */
  readonly redeemed: number;
  readonly declined: number;
  /** Orders that nobody had paid when the time to pay was over. */
  readonly timed_out: number;
  /** Payments that came after that; each ended in an order that is paid or refunded. */
  readonly late: number;
  readonly refunded: number;
  /** Orders of 0.00. */
  readonly free: number;
  readonly money: {
    readonly original: string;
    readonly discount: string;
    /** Taken by the provider and not given back. */
    readonly kept: string;
    readonly given_back: string;
  };
  readonly checkout_ms: { readonly p50: number; readonly p99: number };
  /** Orders placed and, where that was their fate, paid. */
  readonly orders_per_second: number;
  /** From the first checkout until nothing was under way any more. */
  readonly seconds: number;
}

export interface RedemptionReportInput {
  readonly truth: RedemptionTruth;
  readonly notes: LifeNotes;
  readonly plans: readonly PlannedOrder[];
  readonly placedMs: number;
  readonly totalMs: number;
}

export function redemptionReport({ truth, notes, plans, placedMs, totalMs }: RedemptionReportInput): RedemptionReport {
  const { orders, coupons, refunds } = truth;
  const paid = orders.filter(({ status }) => status === 'PAID');
  const latencies = Float64Array.from(notes.checkoutMs).sort();
  const byStatus: Record<string, number> = {};
  for (const { status } of orders) byStatus[status] = (byStatus[status] ?? 0) + 1;
  return {
    checkouts: plans.length,
    refused: { ...notes.refused },
    orders: byStatus,
    redeemed: coupons.filter(({ status }) => status === COUPON.used).length,
    declined: orders.filter(({ reasonCode }) => reasonCode === 'PAYMENT_DECLINED').length,
    timed_out: notes.timedOut,
    late: notes.latePayments,
    refunded: byStatus['REFUNDED'] ?? 0,
    free: paid.filter(({ final }) => final === 0n).length,
    money: {
      original: money(sum(paid, ({ original }) => original)),
      discount: money(sum(paid, ({ discount }) => discount)),
      kept: money(sum(paid, ({ final }) => final)),
      given_back: money(sum(refunds, ({ amount }) => amount)),
    },
    checkout_ms: { p50: Math.round(percentile(latencies, 0.5)), p99: Math.round(percentile(latencies, 0.99)) },
    orders_per_second: Math.round((plans.length / placedMs) * 10_000) / 10,
    seconds: Math.round(totalMs / 100) / 10,
  };
}

function money(minor: bigint): string {
  const digits = String(minor).padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
