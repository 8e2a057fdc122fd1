import { AppError } from '@coupon/domain';
import type { CommitStockRequest, ReleaseStockRequest, ReserveStockRequest } from '@coupon/contracts';
import { NOT_READY, SUCCESS } from '@coupon/saga';
import type { ActionOutcome, BranchIdentity, CompensationOutcome } from '@coupon/saga';
import type { ShopTransaction } from '../../adapters/databases';
import type { Branch } from '../../branches/branch';
import { BRANCHES } from '../../branches/catalogue';
import { untilUncontended } from '../use-cases/contention';
import type { InventoryDeps } from '../use-cases/inventory';
import { parseOrderSn } from '../../serial-number';
import { mergeLines } from '../use-cases/plan-reservation';
import { refuseWhatIsShort, reserveStock } from '../use-cases/reserve-stock.use-case';
import type { ReserveCommand } from '../use-cases/reserve-stock.use-case';
import { commitStock, releaseStock } from '../use-cases/settle-stock.use-case';
import { idsOf } from '../use-cases/stock-lines';
import type { StockStrategy } from '../use-cases/stock-strategy';

export interface InventoryBranches {
  readonly reserve: Branch<ReserveStockRequest>;
  readonly release: Branch<ReleaseStockRequest>;
  readonly commit: Branch<CommitStockRequest>;
}

/** DTM takes a branch that has not answered after three seconds for failed; after this it is told to come again. */
const PATIENCE_MS = 2_000;

/**
 * reserve is an action; release its compensation, and an action of the sagas that cancel and refund; commit an action without compensation.
 * Barrier and effect are one transaction.
 */
export function inventoryBranches(deps: InventoryDeps, strategy: StockStrategy): InventoryBranches {
  const entries = BRANCHES.inventory;
  return {
    reserve: { ...entries.reserve, action: (branch, request) => reserve(deps, strategy, branch, request) },
    release: {
      ...entries.release,
      action: (branch, { orderSn }) =>
        act(deps, branch, async (tx) => {
          await releaseStock(tx, { orderSn: parseOrderSn(orderSn), alsoSold: true });
        }),
      // Its action has checked the number; without the action the barrier leaves nothing to do.
      compensation: (branch, { orderSn }) =>
        compensate(deps, branch, async (tx) => {
          await releaseStock(tx, { orderSn, alsoSold: false });
        }),
    },
    commit: {
      ...entries.commit,
      action: (branch, { orderSn }) =>
        act(deps, branch, async (tx) => {
          await commitStock(tx, parseOrderSn(orderSn));
        }),
    },
  };
}

async function reserve(
  deps: InventoryDeps,
  strategy: StockStrategy,
  branch: BranchIdentity,
  request: ReserveStockRequest,
): Promise<ActionOutcome> {
  const command = await beforehand(async () => {
    const wanted = reserveCommand(request);
    if (strategy.looksFirst) await refuseWhatIsShort(deps.shop.client, wanted);
    return wanted;
  });
  // A refusal goes through the barrier, which may know better: a late repetition of what was done is no refusal.
  if (command instanceof AppError) return act(deps, branch, () => Promise.reject(command));
  const deadline = deps.clock.nowMs() + PATIENCE_MS;
  const held = await strategy.exclusively(idsOf(command.lines), deadline, () =>
    act(deps, branch, (tx) => reserveStock(tx, strategy, command), deadline),
  );
  return held.kind === 'done' ? held.value : NOT_READY;
}

function reserveCommand({ orderSn, items }: ReserveStockRequest): ReserveCommand {
  return {
    orderSn: parseOrderSn(orderSn),
    lines: mergeLines(items),
    about: 'order',
    mayReserveAgain: true,
  };
}

async function beforehand<T>(look: () => Promise<T>): Promise<T | AppError> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

async function act(
  deps: InventoryDeps,
  branch: BranchIdentity,
  work: (tx: ShopTransaction) => Promise<unknown>,
  deadline = deps.clock.nowMs() + PATIENCE_MS,
): Promise<ActionOutcome> {
  const result = await untilUncontended(deps, deadline, () =>
    deps.shop.branches.action(branch, async (tx) => {
      await work(tx);
      return SUCCESS;
    }),
  );
  return result.kind === 'done' ? result.value : NOT_READY;
}

async function compensate(
  deps: InventoryDeps,
  branch: BranchIdentity,
  work: (tx: ShopTransaction) => Promise<unknown>,
): Promise<CompensationOutcome> {
  const result = await untilUncontended(deps, deps.clock.nowMs() + PATIENCE_MS, () =>
    deps.shop.branches.compensation(branch, async (tx) => {
      await work(tx);
      return SUCCESS;
    }),
  );
  return result.kind === 'done' ? result.value : NOT_READY;
}
