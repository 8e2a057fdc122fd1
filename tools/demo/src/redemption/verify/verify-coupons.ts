import { found, named } from '../../verify/violation';
import type { Violation } from '../../verify/violation';
import { COUPON, byKey } from '../truth';
import type { CouponTruth, OrderTruth, RedemptionTruth, TransitionTruth, UsageTruth } from '../truth';

/** Moves that a coupon makes for an order. Expiry and voiding are not the orders' business. */
const LEGAL_MOVES = new Set([
  `${COUPON.unused}>${COUPON.locked}`,
  `${COUPON.locked}>${COUPON.unused}`,
  `${COUPON.locked}>${COUPON.used}`,
  `${COUPON.used}>${COUPON.unused}`,
]);

/** Each coupon is used by exactly one paid order and logged for it once, or free; its history leads there; nothing is locked. */
export function verifyCoupons(truth: RedemptionTruth): Violation[] {
  const orders = new Map(truth.orders.map((order) => [order.orderSn, order]));
  const locked = truth.coupons.filter(({ status }) => status === COUPON.locked);
  return found(
    named('coupon_locked', ids(locked), 'still locked'),
    named('coupon_state', wrongStates(truth.coupons, orders), 'coupons whose row disagrees with their order'),
    named('coupon_state', unusedByPaid(truth), 'coupons of paid orders that are not used by them'),
    named('coupon_history', brokenHistories(truth), 'coupons whose history does not lead to their status'),
    named('usage_log', wrongLogs(truth), 'coupons that are not logged exactly once for the order that used them'),
    named('usage_log', wrongAmounts(truth, orders), 'orders whose usage log has other amounts than they have'),
    named('used_count', wrongCounts(truth), 'templates whose used_count is not the number of used coupons'),
  );
}

function ids(coupons: readonly CouponTruth[]): string[] {
  return coupons.map(({ id }) => id);
}

type Orders = ReadonlyMap<string, OrderTruth>;

function wrongStates(coupons: readonly CouponTruth[], orders: Orders): string[] {
  return ids(coupons.filter((coupon) => coupon.status !== COUPON.locked && !isConsistent(coupon, orders)));
}

function isConsistent({ id, status, orderSn, hasUsedTime, hasLockExpiry }: CouponTruth, orders: Orders): boolean {
  if (hasLockExpiry) return false;
  if (status === COUPON.used) {
    const order = orderSn === null ? undefined : orders.get(orderSn);
    return hasUsedTime && order?.status === 'PAID' && order.coupons.some(({ couponId }) => couponId === id);
  }
  const isLegal = status === COUPON.unused || status === COUPON.expired || status === COUPON.void;
  return isLegal && orderSn === null && !hasUsedTime;
}

function unusedByPaid({ coupons, orders }: RedemptionTruth): string[] {
  const rows = new Map(coupons.map((coupon) => [coupon.id, coupon]));
  return orders
    .filter(({ status }) => status === 'PAID')
    .flatMap(({ orderSn, coupons: applied }) =>
      applied
        .filter(({ couponId }) => {
          const row = rows.get(couponId);
          // A coupon that says it is this order's and is in another state has been reported as such.
          return row?.orderSn !== orderSn;
        })
        .map(({ couponId }) => `${couponId} of ${orderSn}`),
    );
}

function brokenHistories({ coupons, transitions }: RedemptionTruth): string[] {
  const histories = byKey(transitions, ({ couponId }) => couponId);
  return ids(
    coupons.filter((coupon) => {
      const history = histories.get(coupon.id) ?? [];
      return !isUnbroken(history) || !endsAs(history, coupon);
    }),
  );
}

function isUnbroken(history: readonly TransitionTruth[]): boolean {
  let status: number = COUPON.unused;
  for (const { from, to, orderSn } of history) {
    const isForOrder = LEGAL_MOVES.has(`${from}>${to}`) && orderSn !== null;
    const isEnd = from === COUPON.unused && (to === COUPON.expired || to === COUPON.void);
    if (from !== status || !(isForOrder || isEnd)) return false;
    status = to;
  }
  return true;
}

function endsAs(history: readonly TransitionTruth[], { status }: CouponTruth): boolean {
  const last = history.at(-1)?.to ?? COUPON.unused;
  // Not everything that ends a coupon writes it down.
  return last === status || (last === COUPON.unused && (status === COUPON.expired || status === COUPON.void));
}

function wrongLogs({ coupons, usage, orders }: RedemptionTruth): string[] {
  const logs = byKey(usage, ({ couponId }) => couponId);
  const refunded = new Set(orders.filter(({ status }) => status === 'REFUNDED').map(({ orderSn }) => orderSn));
  const known = new Set(coupons.map(({ id }) => id));
  const strangers = [...logs.keys()].filter((id) => !known.has(id));
  return [...strangers, ...ids(coupons.filter((coupon) => !isLogged(coupon, logs.get(coupon.id) ?? [], refunded)))];
}

function isLogged(coupon: CouponTruth, logs: readonly UsageTruth[], refunded: ReadonlySet<string>): boolean {
  const standing = logs.filter(({ reverted }) => !reverted);
  const reverted = logs.filter((log) => log.reverted);
  if (!reverted.every(({ orderSn }) => refunded.has(orderSn))) return false;
  if (new Set(logs.map(({ orderSn }) => orderSn)).size !== logs.length) return false;
  if (coupon.status !== COUPON.used) return standing.length === 0;
  return standing.length === 1 && standing[0]?.orderSn === coupon.orderSn;
}

function wrongAmounts({ usage }: RedemptionTruth, orders: Orders): string[] {
  const wrong = usage.filter(({ couponId, orderSn, original, discount, final }) => {
    const order = orders.get(orderSn);
    if (!order) return true;
    const applied = order.coupons.find((one) => one.couponId === couponId);
    return original !== order.original || final !== order.final || discount !== applied?.discount;
  });
  return [...new Set(wrong.map(({ orderSn }) => orderSn))];
}

function wrongCounts({ templates, coupons }: RedemptionTruth): string[] {
  const used = byKey(
    coupons.filter(({ status }) => status === COUPON.used),
    ({ templateId }) => templateId,
  );
  return templates.filter(({ id, usedCount }) => usedCount !== (used.get(id)?.length ?? 0)).map(({ id }) => id);
}
