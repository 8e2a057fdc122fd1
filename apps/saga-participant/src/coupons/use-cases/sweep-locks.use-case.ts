import type { UserCouponId } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';
import type { OrderCoupons } from './order-coupons';
import type { ExpiredLock } from './ports';

export interface ExpiredLocks {
  /** Locks past their end, the oldest first, then by id; those after `last`. */
  after(last: ExpiredLock | undefined, limit: number): Promise<ExpiredLock[]>;
  /**
   * Frees those of the coupons whose lock is still past its end, in one transaction with a tombstone: a late call of the checkout's lock is
   * refused. Where nothing is to be freed, no tombstone is left. @returns how many
   */
  free(order: OrderCoupons): Promise<number>;
}

/** Whoever knows what became of an order. */
export interface LockOwners {
  /** Orders that do not exist are missing in the answer. */
  statusOf(orderSns: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Cancels the order if its time to pay is over; the locks go with it. */
  paymentDue(orderSn: string): Promise<void>;
}

export interface SweepDeps {
  readonly locks: ExpiredLocks;
  readonly orders: LockOwners;
  readonly logger: Logger;
}

export interface SweepResult {
  /** Coupons that were freed. */
  readonly freed: number;
  /** Orders that were asked to look at their time to pay. */
  readonly due: number;
  /** Orders whose locks were left: a saga under way will take care of them. */
  readonly left: number;
}

const PAGE = 200;
/** No saga of such an order wants a lock any more, or one that does makes a new one. */
const HOLDS_NOTHING: readonly string[] = ['FAILED', 'CANCELLED', 'REFUNDED'];

/**
 * One look at all locks past their end. The end of a lock says nothing by itself: the state of its order decides, and a payment can still
 * arrive. An order that cannot be dealt with is logged and does not keep the others waiting.
 */
export async function sweepLocks({ locks, orders, logger }: SweepDeps, stopped: () => boolean): Promise<SweepResult> {
  const result = { freed: 0, due: 0, left: 0 };
  let last: ExpiredLock | undefined;
  while (!stopped()) {
    const page = await locks.after(last, PAGE);
    const byOrder = ordersOf(page);
    const status = byOrder.length === 0 ? new Map<string, string>() : await orders.statusOf(orderSnsOf(byOrder));
    for (const order of byOrder) {
      if (stopped()) break;
      try {
        const found = status.get(order.orderSn);
        if (found === undefined || HOLDS_NOTHING.includes(found)) result.freed += await locks.free(order);
        else if (found === 'AWAITING_PAYMENT') {
          await orders.paymentDue(order.orderSn);
          result.due += 1;
        } else result.left += 1;
      } catch (error) {
        logger.warn({ err: error, order_sn: order.orderSn }, 'an expired lock could not be dealt with');
      }
    }
    if (page.length < PAGE) break;
    last = page.at(-1);
  }
  return result;
}

/** An order has one user; a number that two users have locked coupons under is two orders here. */
function ordersOf(locks: readonly ExpiredLock[]): OrderCoupons[] {
  const orders = new Map<string, { orderSn: string; userId: OrderCoupons['userId']; ids: UserCouponId[] }>();
  for (const { id, userId, orderSn } of locks) {
    const key = `${userId} ${orderSn}`;
    const order = orders.get(key);
    if (order === undefined) orders.set(key, { orderSn, userId, ids: [id] });
    else order.ids.push(id);
  }
  return [...orders.values()].map((order) => ({ ...order, ids: order.ids.sort(byNumber) }));
}

function orderSnsOf(orders: readonly OrderCoupons[]): string[] {
  return [...new Set(orders.map(({ orderSn }) => orderSn))];
}

function byNumber(one: UserCouponId, other: UserCouponId): number {
  return BigInt(one) < BigInt(other) ? -1 : 1;
}
