import { randomUUID } from 'node:crypto';
import { Ticker } from '@coupon/service-kit';
import type { ModuleContext } from '../saga-participant';
import type { ServiceModule } from '../module';
import { Arbiter } from './arbiter';
import { createOrderBranches } from './grpc/order-branches';
import { checkoutRoutes } from './http/checkout-routes';
import type { OrderArbiter, OrderDesk } from './ports';
import { createQuoteMetrics } from './quote-metrics';
import { createSagaClient } from './sagas/saga-client';
import { SagaDriver } from './sagas/saga-driver';
import { createSagaMetrics } from './sagas/saga-metrics';
import { Desk } from './use-cases/order-desk';

export interface OrderModule {
  readonly module: ServiceModule;
  /** For payments: decides inside their transactions. */
  readonly arbiter: OrderArbiter;
  /** For the timeout queue and the lock sweeper. */
  readonly desk: OrderDesk;
}

export interface OrderModuleOptions {
  /** Of payment numbers and of the name under which this process drives sagas. @default random */
  readonly newId?: () => string;
}

const DTM_RETRY_INTERVAL_S = 10;
/** An order waits not much longer for its driver to look than its saga waits for DTM to try again. */
const PAUSE_PER_RETRY_S_MS = 1_500;

/** Orders: checkout, the state machine, the sagas and who drives them. */
export function createOrderModule(
  context: ModuleContext,
  { newId = randomUUID }: OrderModuleOptions = {},
): OrderModule {
  const { config, logger, clock, shop, coupons, authenticator } = context;
  const sagas = createSagaClient(config, context.branchAddress);
  const arbiter: Arbiter = new Arbiter({
    shop,
    paymentTimeoutMs: config.paymentTimeoutMs,
    onDecided: () => driver.expect(),
  });
  const driver = new SagaDriver({
    shop,
    arbiter,
    sagas,
    clock,
    logger,
    metrics: createSagaMetrics(context.metrics.registry),
    owner: newId(),
    leaseMs: config.sagas.leaseMs,
    pollIntervalMs: config.sagas.pollIntervalMs,
    lastPauseMs: PAUSE_PER_RETRY_S_MS * (config.sagas.retryIntervalS ?? DTM_RETRY_INTERVAL_S),
  });
  const desk = new Desk({ shop, arbiter, driver, logger });
  const common = { shop, coupons, clock, maxStackCount: config.maxStackCount };
  const { quotedStale } = createQuoteMetrics(context.metrics.registry);
  const checkout = { ...common, templates: context.reads.templates, quotedStale, driver, newPaymentSn: newId };
  const { branches, grpc } = createOrderBranches({
    ...common,
    logger,
    authenticator,
    branchSecret: config.branches.secret,
  });
  const sweeper = new Ticker({
    name: 'order sweeper',
    intervalMs: config.sweepIntervalMs,
    clock,
    logger,
    round: (stopped) => desk.sweep(stopped),
  });
  // Without DTM checkouts are taken and wait; the service still does something useful.
  context.health.register({ name: 'dtm', check: () => sagas.check(), optional: true });
  return {
    module: {
      branches,
      grpc: [grpc],
      routes: checkoutRoutes({ authenticator, shop, clock, checkout, desk }),
      components: [{ name: 'dtm client', close: () => sagas.close() }],
      drivers: [driver, sweeper],
    },
    arbiter,
    desk,
  };
}
