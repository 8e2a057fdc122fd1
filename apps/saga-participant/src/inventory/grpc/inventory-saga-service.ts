import { InventorySagaService } from '@coupon/contracts';
import type { CommitStockRequest, ReleaseStockRequest, ReserveStockRequest } from '@coupon/contracts';
import type { BranchIdentity } from '@coupon/saga';
import { authenticatedUnary, grpcService } from '@coupon/service-kit';
import type { Authenticator, GrpcService, Logger } from '@coupon/service-kit';
import { grpcMethod } from '../../branches/grpc-method';
import type { InventoryBranches } from '../branches/inventory-branches';
import type { Inventory } from '../use-cases/inventory';
import { parseOrderSn } from '../../serial-number';
import { mergeLines } from '../use-cases/plan-reservation';
import type { StockStrategy } from '../use-cases/stock-strategy';

export interface InventorySagaDeps {
  readonly inventory: Inventory;
  readonly strategy: StockStrategy;
  readonly branches: InventoryBranches;
  readonly logger: Logger;
  readonly authenticator: Authenticator;
  /** What DTM must show; undefined: nothing. */
  readonly branchSecret: string | undefined;
}

/** coupon.v1.InventorySaga: for DTM the branches, for everybody else plain calls of an operator. */
export function inventorySagaService(deps: InventorySagaDeps): GrpcService {
  const { inventory, strategy, branches, logger, authenticator } = deps;
  const operator = { logger, authenticator, role: 'operator' } as const;
  const common = {
    reply: () => ({}),
    secret: deps.branchSecret,
    onFault: (error: unknown, branch: BranchIdentity) =>
      logger.error({ err: error, gid: branch.gid, branch: branch.branchId }, 'a branch failed'),
  };
  return grpcService(InventorySagaService, {
    reserveStock: grpcMethod(branches.reserve, {
      ...common,
      plain: authenticatedUnary<ReserveStockRequest, object>(operator, async ({ orderSn, items }) => {
        await inventory.reserve(strategy, {
          orderSn: parseOrderSn(orderSn),
          lines: mergeLines(items),
          about: 'order',
          mayReserveAgain: false,
        });
        return {};
      }),
    }),
    releaseStock: grpcMethod(branches.release, {
      ...common,
      plain: authenticatedUnary<ReleaseStockRequest, object>(operator, async ({ orderSn }) => {
        await inventory.release({ orderSn: parseOrderSn(orderSn), alsoSold: true });
        return {};
      }),
    }),
    commitStock: grpcMethod(branches.commit, {
      ...common,
      plain: authenticatedUnary<CommitStockRequest, object>(operator, async ({ orderSn }) => {
        await inventory.commit(parseOrderSn(orderSn));
        return {};
      }),
    }),
  });
}
