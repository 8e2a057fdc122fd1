import { OrderDiscountResponse, OrderSagaService } from '@coupon/contracts';
import type { OrderDiscountRequest, RevertOrderDiscountRequest } from '@coupon/contracts';
import { AppError, isErrorCode } from '@coupon/domain';
import { SUCCESS, refused } from '@coupon/saga';
import { authenticatedUnary, grpcService } from '@coupon/service-kit';
import type { Authenticator, GrpcService, Logger } from '@coupon/service-kit';
import type { ShopDatabase } from '../../adapters/databases';
import { reading } from '../../adapters/reading';
import { mountHttp } from '../../branches/branch';
import type { Branch, MountedBranch } from '../../branches/branch';
import { BRANCHES } from '../../branches/catalogue';
import { grpcMethod } from '../../branches/grpc-method';
import { confirmDiscount } from '../use-cases/confirm-discount.use-case';
import type { ConfirmDiscountDeps } from '../use-cases/confirm-discount.use-case';

export interface OrderBranchesDeps extends ConfirmDiscountDeps {
  readonly shop: ShopDatabase;
  readonly logger: Logger;
  readonly authenticator: Authenticator;
  readonly branchSecret: string | undefined;
}

/** The branches of OrderSaga, over both transports. The quote was written with the order; they only look whether it still holds. */
export function createOrderBranches(deps: OrderBranchesDeps): {
  readonly branches: readonly MountedBranch[];
  readonly grpc: GrpcService;
} {
  const { shop, logger, authenticator, branchSecret } = deps;
  const discount: Branch<OrderDiscountRequest> = {
    ...BRANCHES.orders.discount,
    action: async (branch, request) => {
      const confirmation = await confirmDiscount(deps, shop.client, request, { isLocked: true });
      // A repetition is answered as before, whatever the prices are by now.
      if (confirmation.kind === 'refused') return shop.branches.action(branch, async () => refused(confirmation.code));
      return shop.branches.actionWithoutEffect(branch, shop.client);
    },
  };
  const revert: Branch<RevertOrderDiscountRequest> = {
    ...BRANCHES.orders.revertDiscount,
    // Nothing to undo but the action itself: it must not come any more.
    compensation: (branch) => shop.branches.compensation(branch, () => Promise.resolve(SUCCESS)),
  };
  const onFault = (error: unknown, { gid }: { readonly gid: string }): void =>
    logger.error({ err: error, gid }, 'a branch failed');
  const plain = { logger, authenticator, role: 'operator' } as const;
  const common = { onFault, secret: branchSecret };
  const grpc = grpcService(OrderSagaService, {
    calculateOrderDiscount: grpcMethod(discount, {
      ...common,
      reply: () => OrderDiscountResponse.fromPartial({}),
      plain: authenticatedUnary(plain, async (request) =>
        answerOf(await reading(() => confirmDiscount(deps, shop.client, request, { isLocked: false }))),
      ),
    }),
    revertOrderDiscount: grpcMethod(revert, {
      ...common,
      reply: () => ({}),
      plain: authenticatedUnary(plain, () => ({})),
    }),
  });
  return { branches: [mountHttp(discount), mountHttp(revert)], grpc };
}

function answerOf(confirmation: Awaited<ReturnType<typeof confirmDiscount>>): OrderDiscountResponse {
  if (confirmation.kind === 'refused') {
    const { code, cause } = confirmation;
    if (cause !== undefined) throw cause;
    throw new AppError(isErrorCode(code) ? code : 'CONFLICT', 'the quote does not hold', { details: { reason: code } });
  }
  const { originalMinor, discountMinor, finalMinor, coupons } = confirmation.priced;
  return OrderDiscountResponse.fromPartial({
    originalMinor: String(originalMinor),
    discountMinor: String(discountMinor),
    finalMinor: String(finalMinor),
    couponDiscounts: coupons.map(({ userCouponId, couponSn, discountMinor: minor }) => ({
      couponId: userCouponId,
      couponSn,
      discountMinor: String(minor),
    })),
  });
}
