import type { UntypedHandleCall } from '@grpc/grpc-js';
import { CouponSagaService, InventorySagaService, PaymentSagaService } from '@coupon/contracts';
import { formatMoney } from '@coupon/domain';
import { SUCCESS, refused } from '@coupon/saga';
import type { ActionOutcome, BarrierTransaction, BranchIdentity, BranchRunner } from '@coupon/saga';
import type { GrpcService } from '@coupon/service-kit';
import type { CouponTransaction, ShopTransaction } from '../../src/adapters/databases';
import { mountHttp } from '../../src/branches/branch';
import type { Branch, MountedBranch } from '../../src/branches/branch';
import { BRANCHES } from '../../src/branches/catalogue';
import type { BranchEntry } from '../../src/branches/catalogue';
import { grpcMethod } from '../../src/branches/grpc-method';
import type { ServiceModule } from '../../src/module';
import type { ModuleContext } from '../../src/saga-participant';

type Entry = BranchEntry<{ orderSn: string }>;

/** What the branches are to do besides their work. */
export class BranchScript {
  readonly #refusals = new Map<string, string>();
  readonly #pauses = new Map<string, () => Promise<void>>();
  /** `<path> <op> <gid>` of every call, in order. */
  readonly calls: string[] = [];

  /** The action of the branch refuses this order. */
  refuse(branch: Pick<Entry, 'path'>, orderSn: string, code: string): void {
    this.#refusals.set(`${branch.path} ${orderSn}`, code);
  }

  allow(branch: Pick<Entry, 'path'>, orderSn: string): void {
    this.#refusals.delete(`${branch.path} ${orderSn}`);
  }

  /** Runs before the action of the branch for this order. */
  before(branch: Pick<Entry, 'path'>, orderSn: string, work: () => Promise<void>): void {
    this.#pauses.set(`${branch.path} ${orderSn}`, work);
  }

  async enter(path: string, branch: BranchIdentity, orderSn: string): Promise<string | undefined> {
    this.calls.push(`${path} ${branch.op} ${branch.gid}`);
    if (branch.op !== 'action') return undefined;
    await this.#pauses.get(`${path} ${orderSn}`)?.();
    return this.#refusals.get(`${path} ${orderSn}`);
  }
}

/**
 * Coupons, payments and inventory as far as the sagas of an order need them: their effects are in the real tables, under the barrier, in one
 * statement each.
 */
export function createBranchDoubles(
  { coupons, shop, logger, config }: ModuleContext,
  script: BranchScript,
): ServiceModule {
  const mounted: MountedBranch[] = [];
  const handlers = new Map<string, UntypedHandleCall>();
  const serve = <Tx extends BarrierTransaction, Request extends { orderSn: string }>(
    runner: BranchRunner<Tx>,
    entry: BranchEntry<Request>,
    work: (tx: Tx, request: Request) => Promise<ActionOutcome>,
  ): void => {
    const branch: Branch<Request> = {
      ...entry,
      action: async (identity, request) => {
        const code = await script.enter(entry.path, identity, request.orderSn);
        return runner.action(identity, (tx) =>
          code === undefined ? work(tx, request) : Promise.resolve(refused(code)),
        );
      },
      compensation: async (identity, request) => {
        await script.enter(entry.path, identity, request.orderSn);
        return runner.compensation(identity, async (tx) => {
          const outcome = await work(tx, request);
          if (outcome.kind === 'refused') throw new Error(outcome.code);
          return outcome;
        });
      },
    };
    mounted.push(mountHttp(branch));
    const method = grpcMethod(branch, {
      reply: () => ({}),
      plain: (_call, callback) => callback({ code: 12 }),
      onFault: (error, { gid }) => logger.error({ err: error, gid }, 'a double failed'),
      secret: config.branches.secret,
    });
    handlers.set(entry.rpc.path, method as UntypedHandleCall);
  };
  serveCoupons((entry, work) => serve(coupons.branches, entry, work));
  serveShop((entry, work) => serve(shop.branches, entry, work));
  const grpc = [CouponSagaService, PaymentSagaService, InventorySagaService].map((definition) => {
    const methods = Object.entries<{ path: string }>(definition);
    const implementation = Object.fromEntries(methods.map(([name, { path }]) => [name, handlers.get(path)]));
    return { definition, implementation } as GrpcService;
  });
  return { branches: mounted, grpc, routes: [], components: [], drivers: [] };
}

type Serve<Tx> = <Request extends { orderSn: string }>(
  entry: BranchEntry<Request>,
  work: (tx: Tx, request: Request) => Promise<ActionOutcome>,
) => void;

/** From one status to another; -1: whatever there is. */
function serveCoupons(serve: Serve<CouponTransaction>): void {
  const { lock, unlock, use, revert } = BRANCHES.coupons;
  const list = (ids: readonly string[]): string => ids.map((id) => BigInt(id)).join(',');
  serve(lock, async (tx, { userCouponIds, userId, orderSn }) => {
    const rows = await tx.$executeRawUnsafe(
      `UPDATE user_coupons SET status = 2, order_sn = ?, lock_expires_at = CURRENT_TIMESTAMP(3) + INTERVAL 900 SECOND
       WHERE id IN (${list(userCouponIds)}) AND user_id = ? AND status = 1`,
      ...[orderSn, BigInt(userId)],
    );
    return rows === userCouponIds.length ? SUCCESS : refused('LOCKED_BY_ANOTHER_ORDER');
  });
  serve(unlock, async (tx, { userCouponIds, orderSn }) => {
    await tx.$executeRawUnsafe(
      `UPDATE user_coupons SET status = 1, order_sn = NULL, lock_expires_at = NULL
       WHERE id IN (${list(userCouponIds)}) AND order_sn = ? AND status = 2`,
      orderSn,
    );
    return SUCCESS;
  });
  serve(use, async (tx, { userCouponIds, orderSn }) => {
    const rows = await tx.$executeRawUnsafe(
      `UPDATE user_coupons SET status = 3, used_time = CURRENT_TIMESTAMP(3), lock_expires_at = NULL
       WHERE id IN (${list(userCouponIds)}) AND order_sn = ? AND status = 2`,
      orderSn,
    );
    return rows === userCouponIds.length ? SUCCESS : refused('CONFLICT');
  });
  serve(revert, async (tx, { userCouponIds, orderSn }) => {
    await tx.$executeRawUnsafe(
      `UPDATE user_coupons SET status = 1, order_sn = NULL, used_time = NULL
       WHERE id IN (${list(userCouponIds)}) AND order_sn = ? AND status = 3`,
      orderSn,
    );
    return SUCCESS;
  });
}

function serveShop(serve: Serve<ShopTransaction>): void {
  const { payments, inventory } = BRANCHES;
  serve(payments.create, async (tx, { orderSn, userId, paymentSn, finalMinor }) => {
    const amount = BigInt(finalMinor);
    await tx.$executeRawUnsafe(
      'INSERT INTO payments (payment_sn, order_sn, user_id, amount, status) VALUES (?, ?, ?, ?, ?)',
      ...[paymentSn, orderSn, BigInt(userId), formatMoney(amount), amount === 0n ? 'NOT_REQUIRED' : 'CREATED'],
    );
    return SUCCESS;
  });
  serve(payments.cancel, async (tx, { orderSn }) => {
    await tx.$executeRawUnsafe(
      "UPDATE payments SET status = 'CANCELLED' WHERE order_sn = ? AND status IN ('CREATED', 'DECLINED', 'NOT_REQUIRED')",
      orderSn,
    );
    return SUCCESS;
  });
  serve(payments.refund, async (tx, { orderSn, refundSn, reason }) => {
    const rows = await tx.$executeRawUnsafe(
      "UPDATE payments SET status = 'REFUNDED' WHERE order_sn = ? AND status = 'CAPTURED'",
      orderSn,
    );
    if (rows === 0) return SUCCESS;
    await tx.$executeRawUnsafe(
      `INSERT INTO refunds (refund_sn, payment_sn, order_sn, provider_ref, amount, reason)
       SELECT ?, payment_sn, order_sn, COALESCE(provider_ref, ''), amount, ? FROM payments WHERE order_sn = ?`,
      ...[refundSn, reason, orderSn],
    );
    return SUCCESS;
  });
  serve(inventory.reserve, async (tx, { orderSn, items }) => {
    for (const { productId, quantity } of [...items].sort((a, b) =>
      Number(BigInt(a.productId) - BigInt(b.productId)),
    )) {
      const rows = await tx.$executeRawUnsafe(
        'UPDATE products SET stock = stock - ?, reserved = reserved + ? WHERE id = ? AND stock >= ?',
        ...[quantity, quantity, BigInt(productId), quantity],
      );
      if (rows === 0) return refused('SOLD_OUT');
      await tx.$executeRawUnsafe(
        `INSERT INTO stock_reservations (order_sn, product_id, quantity, state) VALUES (?, ?, ?, 'RESERVED')
         ON DUPLICATE KEY UPDATE state = 'RESERVED'`,
        ...[orderSn, BigInt(productId), quantity],
      );
    }
    return SUCCESS;
  });
  serve(inventory.release, async (tx, { orderSn }) => {
    await tx.$executeRawUnsafe(
      `UPDATE products p JOIN stock_reservations r ON r.product_id = p.id SET p.stock = p.stock + r.quantity,
         p.reserved = p.reserved - IF(r.state = 'RESERVED', r.quantity, 0),
         r.state = IF(r.state = 'RESERVED', 'RELEASED', 'RETURNED')
       WHERE r.order_sn = ? AND r.state IN ('RESERVED', 'COMMITTED')`,
      orderSn,
    );
    return SUCCESS;
  });
  serve(inventory.commit, async (tx, { orderSn }) => {
    await tx.$executeRawUnsafe(
      `UPDATE products p JOIN stock_reservations r ON r.product_id = p.id
         SET p.reserved = p.reserved - r.quantity, r.state = 'COMMITTED'
       WHERE r.order_sn = ? AND r.state = 'RESERVED'`,
      orderSn,
    );
    return SUCCESS;
  });
}
