import type { LockCouponRequest, RevertCouponRequest, UnlockCouponRequest, UseCouponRequest } from '@coupon/contracts';
import { SUCCESS } from '@coupon/saga';
import type { ActionOutcome, BranchIdentity, CompensationOutcome } from '@coupon/saga';
import type { CouponDatabase, CouponTransaction } from '../adapters/databases';
import type { Branch } from '../branches/branch';
import { BRANCHES } from '../branches/catalogue';
import { MysqlOrderCoupons } from './adapters/mysql-order-coupons';
import { lockCoupons } from './use-cases/lock-coupons.use-case';
import { revertCoupons } from './use-cases/revert-coupons.use-case';
import { unlockCoupons } from './use-cases/unlock-coupons.use-case';
import { useCoupons } from './use-cases/use-coupons.use-case';

/** The four commands, each in a transaction that somebody else has begun. */
export interface CouponCommands {
  lock(tx: CouponTransaction, request: LockCouponRequest): Promise<void>;
  unlock(tx: CouponTransaction, request: UnlockCouponRequest): Promise<void>;
  /** @returns when the coupons were used, epoch milliseconds */
  use(tx: CouponTransaction, request: UseCouponRequest): Promise<number>;
  revert(tx: CouponTransaction, request: RevertCouponRequest): Promise<void>;
}

export interface CouponCommandOptions {
  readonly newEventId: () => string;
  readonly mostCoupons: number;
  readonly lockTtlMs: number;
}

export function couponCommands(options: CouponCommandOptions): CouponCommands {
  const on = (tx: CouponTransaction): CouponCommandOptions & { store: MysqlOrderCoupons } => ({
    ...options,
    store: new MysqlOrderCoupons(tx),
  });
  return {
    lock: (tx, request) => lockCoupons(on(tx), request),
    unlock: (tx, request) => unlockCoupons(on(tx), request),
    use: (tx, request) => useCoupons(on(tx), request),
    revert: (tx, request) => revertCoupons(on(tx), request),
  };
}

export interface CouponBranches {
  readonly lock: Branch<LockCouponRequest>;
  readonly unlock: Branch<UnlockCouponRequest>;
  readonly use: Branch<UseCouponRequest>;
  readonly revert: Branch<RevertCouponRequest>;
}

/**
 * The commands as branches. Those that give back are compensations of those that take, and actions of the sagas that end an order; they never
 * refuse a request that is well formed.
 */
export function couponBranches(
  { branches }: Pick<CouponDatabase, 'branches'>,
  commands: CouponCommands,
): CouponBranches {
  type Command<Request> = (tx: CouponTransaction, request: Request) => Promise<unknown>;
  const action =
    <Request>(command: Command<Request>) =>
    (branch: BranchIdentity, request: Request): Promise<ActionOutcome> =>
      branches.action(branch, async (tx) => {
        await command(tx, request);
        return SUCCESS;
      });
  const compensation =
    <Request>(command: Command<Request>) =>
    (branch: BranchIdentity, request: Request): Promise<CompensationOutcome> =>
      branches.compensation(branch, async (tx) => {
        await command(tx, request);
        return SUCCESS;
      });
  return {
    lock: { ...BRANCHES.coupons.lock, action: action(commands.lock) },
    unlock: {
      ...BRANCHES.coupons.unlock,
      action: action(commands.unlock),
      compensation: compensation(commands.unlock),
    },
    use: { ...BRANCHES.coupons.use, action: action(commands.use) },
    revert: {
      ...BRANCHES.coupons.revert,
      action: action(commands.revert),
      compensation: compensation(commands.revert),
    },
  };
}
