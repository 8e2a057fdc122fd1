import { locateMissing } from './locate-missing';
import type { ConservationReading, LocatedRange } from './conservation-reading';
import type { Ledger } from './read-ledger';

export type ConservationVerdict = 'ok' | 'in_flight' | 'violation' | 'unverified';

export interface ConservationCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly expected: string;
  readonly actual: string;
}

/** The conservation report of one activity, as the interface answers it. Counts are units, except in_flight and seq: events. */
export interface ConservationReport {
  readonly activity_id: string;
  readonly verdict: ConservationVerdict;
  readonly seq: number;
  readonly total: number;
  readonly available: number;
  readonly claimed: number;
  readonly persisted_units: number;
  readonly in_flight: { readonly outbox: number; readonly queue: number; readonly dead_lettered: number };
  /** At most 100 ranges; every number of a violation is named before any other. */
  readonly missing: readonly LocatedRange[];
  readonly missing_count: number;
  readonly checks: readonly ConservationCheck[];
  readonly at: string;
}

const MAX_RANGES = 100;

/** Pure: a reading -> the report. See locateMissing for when a missing event is a violation. */
export function assembleConservation(reading: ConservationReading): ConservationReport {
  const { before, ledger } = reading;
  const located = locateMissing(reading);
  const checks = [...redisChecks(reading), ...ledgerChecks(ledger)];
  if (before !== null && ledger.missing.count === 0) {
    checks.push(check('claimed_units_are_stored', before.claimed, ledger.persistedUnits));
  }
  checks.push(check('no_event_is_lost', 0, located.counts.nowhere));
  const verdict = verdictOf(reading, checks, located.counts);
  return {
    activity_id: reading.activityId,
    verdict,
    seq: before?.eventSeq ?? ledger.lastSeq,
    total: before?.total ?? ledger.totalCount,
    available: before?.available ?? ledger.totalCount - ledger.successCount,
    claimed: before?.claimed ?? ledger.successCount,
    persisted_units: ledger.persistedUnits,
    in_flight: {
      outbox: located.counts.outbox,
      queue: located.counts.queue + located.counts.unknown,
      dead_lettered: located.counts.dead_lettered,
    },
    missing: located.ranges.slice(0, MAX_RANGES),
    missing_count: ledger.missing.count,
    checks,
    at: new Date(before?.nowMs ?? reading.nowMs).toISOString(),
  };
}

function verdictOf(
  { before, ledger }: ConservationReading,
  checks: readonly ConservationCheck[],
  counts: { readonly unknown: number },
): ConservationVerdict {
  if (checks.some((one) => !one.ok)) return 'violation';
  // Loaded once, not drained, and not there now: what MySQL has cannot be compared with anything.
  if (before === null && ledger.loadedAtMs !== null && ledger.drainedAtMs === null) return 'unverified';
  if (counts.unknown > 0) return 'unverified';
  return ledger.missing.count > 0 ? 'in_flight' : 'ok';
}

function redisChecks({ before, after, ledger }: ConservationReading): ConservationCheck[] {
  if (before === null) return [];
  const checks = [check('total_is_available_plus_claimed', before.total, before.available + before.claimed)];
  checks.push({
    name: 'never_more_claimed_than_total',
    ok: before.claimed <= before.total && before.available >= 0,
    expected: `at most ${before.total}`,
    actual: String(before.claimed),
  });
  // A stock addition reaches MySQL first: until its operation has finished the totals differ, and it may have finished while this was read.
  const sameTotal = [before.total, after?.total].includes(ledger.totalCount) || ledger.unfinishedOperations > 0;
  checks.push({
    name: 'total_matches_mysql',
    ok: sameTotal,
    expected: String(ledger.totalCount),
    actual: String(before.total),
  });
  if (after !== null) {
    checks.push({
      name: 'mysql_is_not_ahead_of_redis',
      ok: ledger.lastSeq <= after.eventSeq,
      expected: `at most ${after.eventSeq}`,
      actual: String(ledger.lastSeq),
    });
  }
  return checks;
}

function ledgerChecks(ledger: Ledger): ConservationCheck[] {
  return [
    check('success_count_is_claims_minus_releases', ledger.claimedUnits - ledger.releasedUnits, ledger.successCount),
    check('every_claimed_unit_is_a_coupon', ledger.claimedUnits, ledger.couponRows),
    check('success_count_is_live_coupons', ledger.liveRows + ledger.voidRowsUnrecorded, ledger.successCount),
    {
      name: 'never_more_stored_than_total',
      ok: ledger.liveRows <= ledger.totalCount,
      expected: `at most ${ledger.totalCount}`,
      actual: String(ledger.liveRows),
    },
  ];
}

function check(name: string, expected: number, actual: number): ConservationCheck {
  return { name, ok: expected === actual, expected: String(expected), actual: String(actual) };
}
