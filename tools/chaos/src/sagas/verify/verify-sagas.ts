import { byKey } from '@coupon/demo';
import type { RedemptionTruth } from '@coupon/demo';
import type { SagaTruth } from './saga-truth';

export interface Finding {
  readonly kind: string;
  readonly count: number;
  /** What and, for the first few, which. */
  readonly detail: string;
}

/** DTM's name for what a row of saga_runs calls so. */
const DTM_STATUS: Readonly<Record<string, string>> = { SUCCEEDED: 'succeed', FAILED: 'failed' };
const NAMED = 5;

type Orders = Pick<RedemptionTruth, 'orders' | 'transitions'>;

/** Whether coordinator, barriers and events tell the same story as the orders and coupons. Pure; empty when all is well. */
export function verifySagas(sagas: SagaTruth, truth: Orders): Finding[] {
  return [
    finding('saga_state', wrongStates(sagas), 'sagas about whose end DTM and the shop disagree'),
    finding('saga_barrier', wrongBarriers(sagas), 'branches that stand after a rollback, or were undone without one'),
    finding('order_end', wrongEnds(sagas, truth), 'orders whose events tell of another end, or of more than one'),
    finding('coupon_event', wrongCouponEvents(sagas, truth), 'coupons whose events are not their transitions'),
  ].filter(({ count }) => count > 0);
}

function finding(kind: string, which: readonly string[], detail: string): Finding {
  const more = which.length > NAMED ? ', …' : '';
  return { kind, count: which.length, detail: `${detail}: ${which.slice(0, NAMED).join(', ')}${more}` };
}

function wrongStates({ runs, transactions }: SagaTruth): string[] {
  const statuses = new Map(transactions.map(({ gid, status }) => [gid, status]));
  const known = new Set(runs.map(({ gid }) => gid));
  const wrong = runs.filter(({ gid, state }) => statuses.get(gid) !== (DTM_STATUS[state] ?? 'an end'));
  return [
    ...wrong.map(({ gid, state }) => `${gid}: ${state}, DTM: ${statuses.get(gid) ?? 'unknown'}`),
    ...transactions.filter(({ gid }) => !known.has(gid)).map(({ gid }) => `${gid}: of nobody`),
  ];
}

/** After a rollback every call that has got through must have its way back; after a success nothing may have been undone. */
function wrongBarriers({ transactions, barriers }: SagaTruth): string[] {
  const statuses = new Map(transactions.map(({ gid, status }) => [gid, status]));
  const branches = byKey(barriers, ({ gid, branchId }) => `${gid} ${branchId}`);
  return [...branches]
    .filter(([, rows]) => {
      const isUndone = rows.some(({ op }) => op === 'compensate');
      return isUndone !== (statuses.get(rows[0]?.gid ?? '') === 'failed');
    })
    .map(([branch]) => branch);
}

/** How often an order may have said so, by its end; a cancelled order that was paid late has said that it was cancelled before. */
const EVENTS_AT: Readonly<Record<string, Readonly<Record<string, readonly [least: number, most: number]>>>> = {
  PAID: { 'order.created.v1': [1, 1], 'order.paid.v1': [1, 1], 'order.cancelled.v1': [0, 1] },
  CANCELLED: { 'order.created.v1': [1, 1], 'order.cancelled.v1': [1, 1] },
  REFUNDED: {
    'order.created.v1': [0, 1],
    'order.paid.v1': [0, 1],
    'order.cancelled.v1': [0, 1],
    'order.refunded.v1': [1, 1],
  },
  FAILED: {},
};

function wrongEnds({ orderEvents }: SagaTruth, { orders }: Orders): string[] {
  const events = byKey(orderEvents, ({ orderSn }) => orderSn);
  const known = new Set(orders.map(({ orderSn }) => orderSn));
  const wrong = orders.filter(({ orderSn, status }) => {
    const allowed = EVENTS_AT[status];
    if (allowed === undefined) return false; // an order without an end is reported as such
    const counts = byKey(events.get(orderSn) ?? [], ({ type }) => type);
    const types = new Set([...counts.keys(), ...Object.keys(allowed)]);
    return [...types].some((type) => {
      const [least, most] = allowed[type] ?? [0, 0];
      const count = counts.get(type)?.length ?? 0;
      return count < least || count > most;
    });
  });
  return [
    ...wrong.map(({ orderSn, status }) => {
      const types = (events.get(orderSn) ?? []).map(({ type }) => type).join(' ');
      return `${orderSn} ${status}: ${types === '' ? 'none' : types}`;
    }),
    ...[...events.keys()].filter((orderSn) => !known.has(orderSn)).map((orderSn) => `${orderSn}: of nobody`),
  ];
}

/** `from>to` of user_coupons.status -> the event that tells of it. */
const COUPON_EVENT: Readonly<Record<string, string>> = {
  '1>2': 'coupon.locked.v1',
  '2>1': 'coupon.unlocked.v1',
  '2>3': 'coupon.used.v1',
  '3>1': 'coupon.reverted.v1',
};

function wrongCouponEvents({ couponEvents }: SagaTruth, { transitions }: Orders): string[] {
  const told = byKey(couponEvents, ({ couponId }) => couponId);
  const moved = byKey(transitions, ({ couponId }) => couponId);
  return [...new Set([...told.keys(), ...moved.keys()])].filter((couponId) => {
    const types = (told.get(couponId) ?? []).map(({ type }) => type);
    const moves = (moved.get(couponId) ?? []).map(({ from, to }) => COUPON_EVENT[`${from}>${to}`] ?? 'none');
    return types.sort().join() !== moves.sort().join();
  });
}
