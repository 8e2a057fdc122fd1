import { enterBarrier } from '@coupon/saga';
import type { UserCouponId, UserId } from '@coupon/domain';
import type { CouponDatabase } from '../../adapters/databases';
import type { OrderCoupons } from '../use-cases/order-coupons';
import type { ExpiredLock } from '../use-cases/ports';
import type { ExpiredLocks } from '../use-cases/sweep-locks.use-case';
import { freeExpiredLocks } from '../use-cases/unlock-coupons.use-case';
import { MysqlOrderCoupons } from './mysql-order-coupons';

/** By the index of lock_expires_at, which is NULL for whatever is not locked. */
const EXPIRED = `
SELECT id, user_id, order_sn, lock_expires_at FROM user_coupons
WHERE lock_expires_at < CURRENT_TIMESTAMP(3) AND status = 2 AND order_sn IS NOT NULL
  AND lock_expires_at >= ? AND (lock_expires_at > ? OR id > ?)
ORDER BY lock_expires_at, id LIMIT ?`;

interface Row {
  readonly id: bigint;
  readonly user_id: bigint;
  readonly order_sn: string;
  readonly lock_expires_at: Date;
}

/** Ends a transaction that has found nothing to do, so that it leaves no tombstone. Never leaves this file. */
class NothingExpired extends Error {}

export class MysqlExpiredLocks implements ExpiredLocks {
  constructor(
    private readonly database: CouponDatabase,
    private readonly newEventId: () => string,
  ) {}

  async after(last: ExpiredLock | undefined, limit: number): Promise<ExpiredLock[]> {
    const from = new Date(last?.expiresMs ?? 0);
    const values = [from, from, BigInt(last?.id ?? 0), limit];
    const rows = await this.database.client.$queryRawUnsafe<Row[]>(EXPIRED, ...values);
    return rows.map((row) => ({
      id: String(row.id) as UserCouponId,
      userId: String(row.user_id) as UserId,
      orderSn: row.order_sn,
      expiresMs: row.lock_expires_at.getTime(),
    }));
  }

  async free(order: OrderCoupons): Promise<number> {
    try {
      return await this.database.transaction(async (tx) => {
        // As if DTM had called the compensation of the checkout's first step, which locks: the action is refused from now on.
        await enterBarrier(tx, {
          gid: `checkout-${order.orderSn}`,
          transType: 'saga',
          branchId: '01',
          op: 'compensate',
        });
        const store = new MysqlOrderCoupons(tx);
        const freed = await freeExpiredLocks({ store, newEventId: this.newEventId }, order);
        if (freed === 0) throw new NothingExpired();
        return freed;
      });
    } catch (error) {
      if (error instanceof NothingExpired) return 0;
      throw error;
    }
  }
}
