import { CouponSagaService } from '@coupon/contracts';
import type {
  LockCouponRequest,
  RevertCouponRequest,
  UnlockCouponRequest,
  UseCouponRequest,
  UseCouponResponse,
} from '@coupon/contracts';
import type { BranchIdentity } from '@coupon/saga';
import { authenticatedUnary, grpcService } from '@coupon/service-kit';
import type { Authenticator, GrpcService, Logger } from '@coupon/service-kit';
import type { CouponDatabase } from '../../adapters/databases';
import { grpcMethod } from '../../branches/grpc-method';
import type { CouponBranches, CouponCommands } from '../coupon-branches';

export interface CouponSagaServiceDeps {
  readonly database: Pick<CouponDatabase, 'transaction'>;
  readonly commands: CouponCommands;
  readonly branches: CouponBranches;
  readonly logger: Logger;
  readonly authenticator: Authenticator;
  /** Calls from DTM must carry it. */
  readonly branchSecret: string | undefined;
}

type Empty = Record<string, never>;

/** coupon.v1.CouponSaga: branches for DTM, and for operators the same commands as plain calls, which the order number makes idempotent. */
export function couponSagaService(deps: CouponSagaServiceDeps): GrpcService {
  const { database, commands, branches, logger, branchSecret } = deps;
  const operator = { logger, authenticator: deps.authenticator, role: 'operator' } as const;
  const common = {
    secret: branchSecret,
    onFault: (error: unknown, { gid, branchId }: BranchIdentity): void => {
      logger.error({ err: error, gid, step: branchId }, 'a branch failed');
    },
  };
  const empty = (): Empty => ({});
  return grpcService(CouponSagaService, {
    lockUserCoupon: grpcMethod<LockCouponRequest, Empty>(branches.lock, {
      ...common,
      reply: empty,
      plain: authenticatedUnary<LockCouponRequest, Empty>(operator, async (request) => {
        await database.transaction((tx) => commands.lock(tx, request));
        return {};
      }),
    }),
    unlockUserCoupon: grpcMethod<UnlockCouponRequest, Empty>(branches.unlock, {
      ...common,
      reply: empty,
      plain: authenticatedUnary<UnlockCouponRequest, Empty>(operator, async (request) => {
        await database.transaction((tx) => commands.unlock(tx, request));
        return {};
      }),
    }),
    useLockedCoupon: grpcMethod<UseCouponRequest, UseCouponResponse>(branches.use, {
      ...common,
      reply: () => ({ success: true, message: '', usedTime: '' }),
      plain: authenticatedUnary<UseCouponRequest, UseCouponResponse>(operator, async (request) => {
        const usedMs = await database.transaction((tx) => commands.use(tx, request));
        return { success: true, message: '', usedTime: new Date(usedMs).toISOString() };
      }),
    }),
    revertUsedCoupon: grpcMethod<RevertCouponRequest, Empty>(branches.revert, {
      ...common,
      reply: empty,
      plain: authenticatedUnary<RevertCouponRequest, Empty>(operator, async (request) => {
        await database.transaction((tx) => commands.revert(tx, request));
        return {};
      }),
    }),
  });
}
