import { PaymentSagaService } from '@coupon/contracts';
import type { CancelPaymentRequest, CreatePaymentRequest, RefundPaymentRequest } from '@coupon/contracts';
import type { CreatePaymentResponse } from '@coupon/contracts';
import type { BranchIdentity } from '@coupon/saga';
import { authenticatedUnary, grpcService } from '@coupon/service-kit';
import type { Authenticator, GrpcService, Logger } from '@coupon/service-kit';
import type { ShopDatabase } from '../../adapters/databases';
import { grpcMethod } from '../../branches/grpc-method';
import type { PaymentProvider } from '../ports';
import { cancel, create, refund } from './payment-branches';
import type { PaymentBranches } from './payment-branches';

export interface PaymentServiceOptions {
  readonly shop: Pick<ShopDatabase, 'transaction'>;
  readonly provider: PaymentProvider;
  readonly authenticator: Authenticator;
  readonly logger: Logger;
  /** Of calls from DTM. */
  readonly branchSecret: string | undefined;
}

/** PaymentSaga: branches for DTM, plain calls for operators. */
export function paymentSagaService(branches: PaymentBranches, options: PaymentServiceOptions): GrpcService {
  const { shop, provider, logger, authenticator, branchSecret: secret } = options;
  const plain = { logger, authenticator, role: 'operator' } as const;
  const onFault = (error: unknown, branch: BranchIdentity): void =>
    logger.error({ err: error, gid: branch.gid }, 'a payment branch failed');
  return grpcService(PaymentSagaService, {
    createPaymentWithDiscount: grpcMethod<CreatePaymentRequest, CreatePaymentResponse>(branches.create, {
      reply: () => ({ paymentSn: '', status: '' }),
      plain: authenticatedUnary(plain, async (request: CreatePaymentRequest) => {
        const { paymentSn, status } = await shop.transaction((tx) => create(tx, request));
        return { paymentSn, status };
      }),
      ...{ onFault, secret },
    }),
    cancelPaymentOrder: grpcMethod<CancelPaymentRequest, object>(branches.cancel, {
      reply: () => ({}),
      plain: authenticatedUnary(plain, async (request: CancelPaymentRequest) => {
        await shop.transaction((tx) => cancel(tx, request));
        return {};
      }),
      ...{ onFault, secret },
    }),
    refundPayment: grpcMethod<RefundPaymentRequest, object>(branches.refund, {
      reply: () => ({}),
      plain: authenticatedUnary(plain, async (request: RefundPaymentRequest) => {
        await shop.transaction((tx) => refund(tx, provider, request));
        return {};
      }),
      ...{ onFault, secret },
    }),
  });
}
