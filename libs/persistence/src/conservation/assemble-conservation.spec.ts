import type { ActivityId } from '@coupon/domain';
import { assembleConservation } from './assemble-conservation';
import type { ConservationReading, PipelineObservation, StockReading } from './conservation-reading';
import type { Ledger } from './read-ledger';

const NOW = 1_800_000_000_000;

const stock: StockReading = {
  eventSeq: 10,
  total: 20,
  available: 12,
  claimed: 8,
  lastEventMs: NOW - 1_000,
  nowMs: NOW,
};

/** Nine claims and one release of one unit each, all stored. */
const ledger: Ledger = {
  totalCount: 20,
  successCount: 8,
  loadedAtMs: NOW - 60_000,
  drainedAtMs: null,
  unfinishedOperations: 0,
  claimedUnits: 9,
  releasedUnits: 1,
  persistedUnits: 8,
  lastSeq: 10,
  couponRows: 9,
  liveRows: 8,
  voidRowsUnrecorded: 0,
  deadLettered: [],
  justReplayed: [],
  missing: { count: 0, gaps: [] },
};

const quiet: PipelineObservation = { instance: 'w1', atMs: NOW - 500, queueReady: 0, unacked: 0 };

function report(change: Partial<ConservationReading>) {
  return assembleConservation({
    activityId: '7' as ActivityId,
    before: stock,
    outbox: new Set(),
    pipeline: [quiet],
    ledger,
    after: stock,
    nowMs: NOW,
    ...change,
  });
}

/** The same ledger with the events of a gap not stored. */
function lacking(from: number, to: number, nextStoredAtMs: number | null): Ledger {
  const units = to - from + 1;
  return {
    ...ledger,
    successCount: 8 - units,
    claimedUnits: 9 - units,
    persistedUnits: 8 - units,
    couponRows: 9 - units,
    liveRows: 8 - units,
    missing: { count: units, gaps: [{ from, to, nextStoredAtMs }] },
  };
}

const failed = (checks: ReturnType<typeof report>['checks']): string[] =>
  checks.filter((check) => !check.ok).map((check) => check.name);

it('is ok when everything up to the snapshot is stored and adds up', () => {
  expect(report({})).toMatchObject({
    verdict: 'ok',
    seq: 10,
    total: 20,
    available: 12,
    claimed: 8,
    persisted_units: 8,
    in_flight: { outbox: 0, queue: 0, dead_lettered: 0 },
    missing: [],
    missing_count: 0,
  });
});

it('says where a missing event is', () => {
  const found = report({
    ledger: { ...lacking(5, 8, NOW - 60_000), deadLettered: [6] },
    outbox: new Set([5]),
    pipeline: [{ ...quiet, queueReady: 3 }],
  });
  expect(found.verdict).toBe('in_flight');
  expect(found.missing).toEqual([
    { from: 5, to: 5, where: 'outbox' },
    { from: 6, to: 6, where: 'dead_lettered' },
    { from: 7, to: 8, where: 'queue' },
  ]);
  expect(found.in_flight).toEqual({ outbox: 1, queue: 2, dead_lettered: 1 });
});

it('names the numbers of events that are nowhere', () => {
  const found = report({ ledger: { ...lacking(5, 7, NOW - 31_000), deadLettered: [5] } });
  expect(found.verdict).toBe('violation');
  expect(failed(found.checks)).toEqual(['no_event_is_lost']);
  expect(found.missing).toEqual([
    { from: 6, to: 7, where: 'nowhere' },
    { from: 5, to: 5, where: 'dead_lettered' },
  ]);
});

it.each([
  ['younger than 30 s by the next stored event', { ledger: lacking(5, 5, NOW - 29_000) }],
  ['younger than 30 s by the last event', { ledger: lacking(10, 10, null) }],
  ['in a consumer’s hands', { ledger: lacking(5, 5, NOW - 60_000), pipeline: [{ ...quiet, unacked: 1 }] }],
  ['replayed a moment ago', { ledger: { ...lacking(5, 5, NOW - 60_000), justReplayed: [5] } }],
  ['not suspected by the first look', { ledger: lacking(5, 5, NOW - 60_000), suspects: [] }],
])('calls an event in flight that is %s', (_name, change) => {
  expect(report(change).verdict).toBe('in_flight');
});

it('judges the last events by the time of the last one', () => {
  const before = { ...stock, lastEventMs: NOW - 40_000 };
  expect(report({ before, after: before, ledger: lacking(10, 10, null) }).verdict).toBe('violation');
});

it.each([
  ['nobody watches the queue', []],
  ['the last look at the queue is old', [{ ...quiet, atMs: NOW - 10_000 }]],
  ['a worker fell silent with messages in hand', [quiet, { ...quiet, instance: 'w2', atMs: NOW - 20_000, unacked: 3 }]],
])('is unverified, not violated, when %s', (_name, pipeline) => {
  expect(report({ ledger: lacking(5, 5, NOW - 60_000), pipeline }).verdict).toBe('unverified');
});

it('forgets a worker that fell silent long ago', () => {
  const pipeline = [quiet, { ...quiet, instance: 'w2', atMs: NOW - 61_000, unacked: 3 }];
  expect(report({ ledger: lacking(5, 5, NOW - 60_000), pipeline }).verdict).toBe('violation');
});

it.each<[string, Partial<ConservationReading>]>([
  ['total_is_available_plus_claimed', { before: { ...stock, available: 13 } }],
  ['total_matches_mysql', { ledger: { ...ledger, totalCount: 21 } }],
  ['mysql_is_not_ahead_of_redis', { ledger: { ...ledger, lastSeq: 11 } }],
  ['success_count_is_claims_minus_releases', { ledger: { ...ledger, successCount: 7, liveRows: 7 } }],
  ['every_claimed_unit_is_a_coupon', { ledger: { ...ledger, couponRows: 8 } }],
  ['success_count_is_live_coupons', { ledger: { ...ledger, liveRows: 7 } }],
  ['claimed_units_are_stored', { ledger: { ...ledger, persistedUnits: 7 } }],
])('calls a broken %s a violation', (name, change) => {
  const found = report(change);
  expect(found.verdict).toBe('violation');
  expect(failed(found.checks)).toEqual([name]);
});

it('sees more sold than there was', () => {
  const before = { ...stock, total: 20, available: -1, claimed: 21 };
  const found = report({
    before,
    ledger: {
      ...ledger,
      successCount: 21,
      claimedUnits: 21,
      releasedUnits: 0,
      persistedUnits: 21,
      couponRows: 21,
      liveRows: 21,
    },
  });
  expect(failed(found.checks)).toEqual(['never_more_claimed_than_total', 'never_more_stored_than_total']);
});

it('accepts totals that differ while an addition of stock is under way or has just finished', () => {
  const added = { ...ledger, totalCount: 25 };
  expect(report({ ledger: { ...added, unfinishedOperations: 1 } }).verdict).toBe('ok');
  expect(report({ ledger: added, after: { ...stock, total: 25, available: 17 } }).verdict).toBe('ok');
});

it('accepts coupons made void whose release is on its way', () => {
  expect(report({ ledger: { ...ledger, liveRows: 7, voidRowsUnrecorded: 1 } }).verdict).toBe('ok');
});

it('cannot verify an activity that was loaded and is gone, unless it had been drained', () => {
  expect(report({ before: null, after: null }).verdict).toBe('unverified');
  expect(report({ before: null, after: null, ledger: { ...ledger, drainedAtMs: NOW } }).verdict).toBe('ok');
  expect(report({ before: null, after: null, ledger: { ...ledger, loadedAtMs: null } }).verdict).toBe('ok');
});

it('counts the gaps beyond the limit of the query without placing them', () => {
  const many = {
    ...lacking(5, 5, NOW - 60_000),
    missing: { count: 4, gaps: [{ from: 5, to: 5, nextStoredAtMs: NOW }] },
  };
  expect(report({ ledger: many })).toMatchObject({ missing_count: 4, in_flight: { queue: 4 } });
});
