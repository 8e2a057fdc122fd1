import type { CouponEvent } from '@coupon/contracts';
import { USER_COUPON_STATUS, formatMoney } from '@coupon/domain';
import type { TemplateStatus, UserCouponId, UserCouponStatus } from '@coupon/domain';
import type { CouponTransaction } from '../../adapters/databases';
import type { OrderCoupons } from '../use-cases/order-coupons';
import type {
  HeldCoupon,
  HeldCoupons,
  OrderAmounts,
  OrderCouponStore,
  TransitionReason,
  Use,
} from '../use-cases/ports';

/*
 * FORCE INDEX: rows are locked in the order in which they are read, and the optimizer could prefer the index of the user. The subquery takes no
 * lock on the template. SYSDATE is read after the wait for the row, CURRENT_TIMESTAMP when the statement began.
 */
const HOLD = (count: number): string => `
SELECT c.id, c.coupon_sn, c.coupon_id, c.status, c.order_sn, c.used_time, c.valid_start_time, c.valid_end_time, c.lock_expires_at,
       (SELECT t.status FROM coupon_templates t WHERE t.id = c.coupon_id) AS template_status, SYSDATE(3) AS now
FROM user_coupons c FORCE INDEX (PRIMARY)
WHERE c.id IN (${list(count)}) AND c.user_id = ? ORDER BY c.id FOR UPDATE`;

const LOCK = (count: number): string => `
UPDATE user_coupons SET status = 2, order_sn = ?, lock_expires_at = ? WHERE id IN (${list(count)}) AND status = 1`;

const EXTEND = (count: number): string => `
UPDATE user_coupons SET lock_expires_at = ? WHERE id IN (${list(count)}) AND status = 2 AND order_sn = ?`;

const UNLOCK = (count: number): string => `
UPDATE user_coupons SET status = 1, order_sn = NULL, lock_expires_at = NULL
WHERE id IN (${list(count)}) AND status = 2 AND order_sn = ?`;

const USE = (count: number): string => `
UPDATE user_coupons SET status = 3, used_time = ?, lock_expires_at = NULL
WHERE id IN (${list(count)}) AND status = 2 AND order_sn = ?`;

const REVERT = (count: number): string => `
UPDATE user_coupons SET status = 1, order_sn = NULL, used_time = NULL
WHERE id IN (${list(count)}) AND status = 3 AND order_sn = ?`;

const RECORD = (count: number): string => `
INSERT INTO user_coupon_transitions (user_coupon_id, from_status, to_status, order_sn, reason)
VALUES ${rows(count, 5)}`;

/** A coupon that is used again by the order that gave it back has still one row. */
const LOG_USES = (count: number): string => `
INSERT INTO coupon_usage_logs (user_coupon_id, user_id, order_sn, original_amount, discount_amount, final_amount, used_time)
VALUES ${rows(count, 7)}
ON DUPLICATE KEY UPDATE original_amount = VALUES(original_amount), discount_amount = VALUES(discount_amount),
  final_amount = VALUES(final_amount), used_time = VALUES(used_time), reverted_time = NULL`;

const LOG_REVERTS = (count: number): string => `
UPDATE coupon_usage_logs SET reverted_time = ?
WHERE user_coupon_id IN (${list(count)}) AND order_sn = ? AND reverted_time IS NULL`;

const COUNT = `
UPDATE coupon_templates SET used_count = used_count + ? WHERE id = ? AND used_count + ? >= 0`;

const APPEND = `
INSERT INTO outbox (event_id, routing_key, headers, body) VALUES (?, ?, ?, ?)`;

interface Row {
  readonly id: bigint;
  readonly coupon_sn: string;
  readonly coupon_id: bigint;
  readonly status: number;
  readonly order_sn: string | null;
  readonly used_time: Date | null;
  readonly valid_start_time: Date;
  readonly valid_end_time: Date;
  readonly lock_expires_at: Date | null;
  readonly template_status: number;
  readonly now: Date;
}

const { unused, locked, used } = USER_COUPON_STATUS;

/** On one transaction of database `coupon`. */
export class MysqlOrderCoupons implements OrderCouponStore {
  constructor(private readonly tx: CouponTransaction) {}

  async hold({ ids, userId }: OrderCoupons): Promise<HeldCoupons> {
    const found = await this.tx.$queryRawUnsafe<Row[]>(HOLD(ids.length), ...ids.map(BigInt), BigInt(userId));
    return { coupons: found.map(heldOf), nowMs: Math.max(0, ...found.map(({ now }) => now.getTime())) };
  }

  async lock({ orderSn }: OrderCoupons, coupons: readonly HeldCoupon[], expiresMs: number): Promise<void> {
    await this.change(LOCK(coupons.length), [orderSn, new Date(expiresMs), ...idsOf(coupons)], coupons);
    await this.record(coupons, { from: unused, to: locked, orderSn, reason: 'lock' });
  }

  async extend({ orderSn }: OrderCoupons, coupons: readonly HeldCoupon[], expiresMs: number): Promise<void> {
    await this.change(EXTEND(coupons.length), [new Date(expiresMs), ...idsOf(coupons), orderSn], coupons);
  }

  async unlock(
    { orderSn }: OrderCoupons,
    coupons: readonly HeldCoupon[],
    reason: 'unlock' | 'lock_expired',
  ): Promise<void> {
    await this.change(UNLOCK(coupons.length), [...idsOf(coupons), orderSn], coupons);
    await this.record(coupons, { from: locked, to: unused, orderSn, reason });
  }

  async use({ orderSn }: OrderCoupons, coupons: readonly HeldCoupon[], usedMs: number): Promise<void> {
    await this.change(USE(coupons.length), [new Date(usedMs), ...idsOf(coupons), orderSn], coupons);
    await this.record(coupons, { from: locked, to: used, orderSn, reason: 'use' });
  }

  async revert({ orderSn }: OrderCoupons, coupons: readonly HeldCoupon[]): Promise<void> {
    await this.change(REVERT(coupons.length), [...idsOf(coupons), orderSn], coupons);
    await this.record(coupons, { from: used, to: unused, orderSn, reason: 'revert' });
  }

  async logUses(
    { orderSn, userId }: OrderCoupons,
    uses: readonly Use[],
    { originalMinor, finalMinor }: OrderAmounts,
    usedMs: number,
  ): Promise<void> {
    const values = uses.flatMap(({ coupon, discountMinor }) => [
      ...[BigInt(coupon.id), BigInt(userId), orderSn],
      ...[formatMoney(originalMinor), formatMoney(discountMinor), formatMoney(finalMinor), new Date(usedMs)],
    ]);
    await this.tx.$executeRawUnsafe(LOG_USES(uses.length), ...values);
  }

  async logReverts({ orderSn }: OrderCoupons, coupons: readonly HeldCoupon[], revertedMs: number): Promise<void> {
    const values = [new Date(revertedMs), ...idsOf(coupons), orderSn];
    await this.tx.$executeRawUnsafe(LOG_REVERTS(coupons.length), ...values);
  }

  async count(coupons: readonly HeldCoupon[], by: 1 | -1): Promise<void> {
    const counts = new Map<bigint, number>();
    for (const { templateId } of coupons) counts.set(BigInt(templateId), (counts.get(BigInt(templateId)) ?? 0) + by);
    const ascending = [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [id, units] of ascending) {
      const counted = await this.tx.$executeRawUnsafe(COUNT, units, id, units);
      if (counted !== 1) throw new Error(`used_count of template ${id} is less than the coupons that are used`);
    }
  }

  async append({ type, body }: CouponEvent, orderSn: string): Promise<void> {
    const headers = JSON.stringify({ order_sn: orderSn });
    await this.tx.$executeRawUnsafe(APPEND, body.event_id, type, headers, JSON.stringify(body));
  }

  /** The rows are ours and were as expected: a number that differs is a fault, and everything is rolled back. */
  private async change(sql: string, values: readonly unknown[], coupons: readonly HeldCoupon[]): Promise<void> {
    const changed = await this.tx.$executeRawUnsafe(sql, ...values);
    if (changed !== coupons.length) {
      throw new Error(`${changed} of ${coupons.length} coupons were as they had been read`);
    }
  }

  private async record(
    coupons: readonly HeldCoupon[],
    change: {
      readonly from: UserCouponStatus;
      readonly to: UserCouponStatus;
      readonly orderSn: string;
      readonly reason: TransitionReason;
    },
  ): Promise<void> {
    const { from, to, orderSn, reason } = change;
    const values = coupons.flatMap(({ id }) => [BigInt(id), from, to, orderSn, reason]);
    await this.tx.$executeRawUnsafe(RECORD(coupons.length), ...values);
  }
}

function heldOf(row: Row): HeldCoupon {
  return {
    id: String(row.id) as UserCouponId,
    couponSn: row.coupon_sn,
    templateId: String(row.coupon_id),
    status: Number(row.status) as UserCouponStatus,
    orderSn: row.order_sn,
    usedMs: row.used_time?.getTime() ?? null,
    validStartMs: row.valid_start_time.getTime(),
    validEndMs: row.valid_end_time.getTime(),
    lockExpiresMs: row.lock_expires_at?.getTime() ?? null,
    templateStatus: Number(row.template_status) as TemplateStatus,
  };
}

function idsOf(coupons: readonly HeldCoupon[]): bigint[] {
  return coupons.map(({ id }) => BigInt(id));
}

function list(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}

function rows(count: number, columns: number): string {
  return Array.from({ length: count }, () => `(${list(columns)})`).join(', ');
}
