import { mountHttp } from '../branches/branch';
import type { ServiceModule } from '../module';
import type { ModuleContext } from '../saga-participant';
import { ReferencePaymentProvider } from './adapters/reference-payment-provider';
import { paymentBranches } from './grpc/payment-branches';
import { paymentSagaService } from './grpc/payment-saga-service';
import { notifyRoute } from './http/notify-route';
import { createPaymentMetrics } from './payment-metrics';
import type { PaymentArbiter, PaymentProvider } from './ports';
import { RecordNotification } from './use-cases/record-notification.use-case';

export interface PaymentModuleOptions {
  readonly arbiter: PaymentArbiter;
  /** @default the table `refunds` */
  readonly provider?: PaymentProvider;
  /** The arbiter has decided on an order, and that is committed: what it has decided on can be driven at once. @default nothing */
  readonly onDecided?: (orderSn: string) => void;
}

/** Payments, the provider's notifications, and the branches of PaymentSaga. */
export function createPaymentModule(context: ModuleContext, options: PaymentModuleOptions): ServiceModule {
  const { config, logger, metrics, shop, authenticator } = context;
  const { arbiter, provider = new ReferencePaymentProvider(), onDecided = () => undefined } = options;
  const branches = paymentBranches(shop, provider);
  return {
    branches: [mountHttp(branches.create), mountHttp(branches.cancel), mountHttp(branches.refund)],
    grpc: [
      paymentSagaService(branches, { shop, provider, authenticator, logger, branchSecret: config.branches.secret }),
    ],
    routes: [
      notifyRoute({
        recordNotification: new RecordNotification({ shop, arbiter, provider }),
        secret: config.paymentWebhookSecret,
        metrics: createPaymentMetrics(metrics.registry),
        logger,
        onDecided,
      }),
    ],
    components: [],
    drivers: [],
  };
}
