import { randomUUID } from 'node:crypto';
import { descriptorSet } from '@coupon/contracts';
import { createPrisma } from '@coupon/persistence';
import { createReadModels } from '@coupon/read-models';
import type { ReadModels } from '@coupon/read-models';
import { createHttpBranches } from '@coupon/saga';
import { Router } from 'express';
import {
  Health,
  authenticateHttp,
  createAuthenticator,
  createGrpcServer,
  createHttpApp,
  createHttpServer,
  createLifecycle,
  createMetrics,
  registerAuthMetrics,
  route,
  systemClock,
} from '@coupon/service-kit';
import type { Authenticator, Clock, GrpcServer, HttpServer, Lifecycle, Logger, Metrics } from '@coupon/service-kit';
import { openCouponDatabase, openShopDatabase } from './adapters/databases';
import type { CouponDatabase, ShopDatabase } from './adapters/databases';
import { createBarrierMetrics } from './branches/barrier-metrics';
import { requireBranchSecret } from './branches/branch-secret';
import { branchAddress } from './config';
import type { SagaConfig } from './config';
import type { BranchAddress } from './branches/branch';
import { createCouponModule } from './coupons/coupons.module';
import { createInventoryModule } from './inventory/inventory.module';
import type { ServiceModule } from './module';
import { createOrderModule } from './orders/orders.module';
import { createOutboxModule } from './outbox/outbox.module';
import { createPaymentModule } from './payments/payments.module';

export interface SagaParticipant {
  readonly lifecycle: Lifecycle;
  readonly http: HttpServer;
  readonly grpc: GrpcServer;
}

/** Connections for what the caches have to read. */
const CACHE_ORIGIN_POOL = 4;

/** What the modules share. */
export interface ModuleContext {
  readonly config: SagaConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly authenticator: Authenticator;
  readonly coupons: CouponDatabase;
  readonly shop: ShopDatabase;
  /** What was committed and announced; what decides reads the rows. */
  readonly reads: ReadModels;
  /** Known once the servers listen. */
  readonly branchAddress: () => BranchAddress;
}

/**
 * Builds the service out of its parts; nothing runs before `lifecycle.start()`.
 * @param createModules the services in it; a shop that has its own, and tests, bring others
 */
export function createSagaParticipant(
  config: SagaConfig,
  logger: Logger,
  createModules: (context: ModuleContext) => readonly ServiceModule[] = ownModules,
): SagaParticipant {
  const lifecycle = createLifecycle({ logger, deadlineMs: config.shutdownDeadlineMs, clock: systemClock });
  const health = new Health({ clock: systemClock, state: () => lifecycle.state });
  const metrics = createMetrics({ service: 'saga-participant' });
  const authenticator = createAuthenticator(config.auth, {
    onKeySetFailure: (error) => logger.warn({ err: error }, 'the key set of the tokens cannot be read'),
  });
  registerAuthMetrics(metrics.registry, authenticator.statistics);
  const pool = {
    ...config.mysqlPool,
    onConnectionError: (error: Error) => logger.warn({ err: error }, 'a database connection broke'),
    onVerdict: createBarrierMetrics(metrics.registry),
  };
  const coupons = openCouponDatabase(config.couponMysqlUrl, pool);
  const shop = openShopDatabase(config.shopMysqlUrl, pool);
  health.register({ name: 'mysql', check: () => answers(coupons.client) });
  health.register({ name: 'shop-mysql', check: () => answers(shop.client) });
  // What is read through caches has models, and misses are few.
  const cacheOrigin = createPrisma(config.couponMysqlUrl, { ...pool, poolSize: CACHE_ORIGIN_POOL, poolIdle: 1 });
  const reads = createReadModels({
    prisma: cacheOrigin,
    settings: config.cache,
    name: 'saga-participant',
    newToken: randomUUID,
    logger,
  });
  reads.registerMetrics(metrics.registry);
  const context: ModuleContext = {
    config,
    logger,
    clock: systemClock,
    metrics,
    health,
    authenticator,
    coupons,
    shop,
    reads,
    branchAddress: () => branchAddress(config, { http: http.port, grpc: grpc.port }),
  };
  const modules = createModules(context);
  const branches = createHttpBranches(
    modules.flatMap((module) => module.branches.flatMap((branch) => branch.http)),
    { onFault: (error, branch) => logger.error({ err: error, gid: branch?.gid }, 'a branch failed') },
  );
  const http: HttpServer = createHttpServer({
    ...config.http,
    handler: createHttpApp({
      logger,
      health,
      metrics,
      // In front of what parses bodies: its refusals would be repeated by DTM for ever.
      before: [Router().use('/dtm', requireBranchSecret(config.branches.secret), branches)],
      routes: [
        ...modules.flatMap((module) => module.routes),
        route('get', '/api/v1/system/stats', authenticateHttp(authenticator, 'operator'), (_request, response) => {
          response.json({ cache: reads.stats(), event_loop_delay: metrics.eventLoopDelay() });
        }),
      ],
    }),
  });
  const grpc: GrpcServer = createGrpcServer({
    ...config.grpc,
    services: modules.flatMap((module) => module.grpc),
    health,
    descriptors: descriptorSet(),
  });
  // grpc.health.v1 says SERVING at once, not with its next look a second later.
  lifecycle.onState(() => void grpc.refreshHealth());
  // What others need comes first; the servers come last, so that they are the first to take no more work.
  lifecycle.register({ name: 'metrics', close: () => metrics.close() });
  lifecycle.register({ name: 'coupon database', close: () => coupons.close() });
  lifecycle.register({ name: 'origin of the caches', close: () => cacheOrigin.$disconnect() });
  lifecycle.register({ name: 'shop database', close: () => shop.close() });
  for (const component of reads.components) lifecycle.register(component);
  for (const component of modules.flatMap((module) => module.components)) lifecycle.register(component);
  lifecycle.register(grpc);
  lifecycle.register(http);
  // What submits sagas: DTM calls the branches back at once.
  for (const component of modules.flatMap((module) => module.drivers)) lifecycle.register(component);
  return { lifecycle, http, grpc };
}

/** The services in here, each of which a shop may replace by its own. */
function ownModules(context: ModuleContext): readonly ServiceModule[] {
  const orders = createOrderModule(context);
  const outbox = createOutboxModule(context, { onPaymentDue: (orderSn) => orders.desk.paymentDue(orderSn) });
  return [
    outbox,
    createCouponModule(context, { orders: orders.desk }),
    createInventoryModule(context),
    createPaymentModule(context, {
      arbiter: orders.arbiter,
      onDecided: () => {
        orders.desk.driveSoon();
        outbox.wake('shop');
      },
    }),
    orders.module,
  ];
}

async function answers(client: { $queryRawUnsafe(sql: string): Promise<unknown> }): Promise<void> {
  await client.$queryRawUnsafe('SELECT 1');
}
