import { randomFillSync } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { encodeClaimId } from '@coupon/domain';
import { CouponAdminClient, descriptorSet } from '@coupon/contracts';
import { ActivityStore } from '@coupon/lua';
import {
  Health,
  callUnary,
  createAuthenticator,
  createGrpcServer,
  createHttpApp,
  createHttpServer,
  createLifecycle,
  createMetrics,
  registerAuthMetrics,
  systemClock,
} from '@coupon/service-kit';
import type { GrpcServer, HttpServer, Identity, Lifecycle, Logger } from '@coupon/service-kit';
import { AdminActivityDirectory } from './adapters/admin-activity-directory';
import { ClaimSession } from './adapters/claim-session';
import type { GatewayConfig } from './config';
import { seckillService } from './grpc/seckill-service';
import { isPurchase, purchaseHandler } from './http/purchase-handler';
import { gatewayRoutes } from './http/routes';
import { ClaimDesk } from './use-cases/claim-coupon.use-case';
import { ClaimMetrics } from './use-cases/claim-metrics';
import { loadedSnapshot } from './use-cases/get-activity-stats.use-case';
import { PurchaseTokens } from './use-cases/purchase-token';
import { SaleReadings } from './use-cases/sale-readings';

export interface Gateway {
  readonly lifecycle: Lifecycle;
  readonly http: HttpServer;
  readonly grpc: GrpcServer;
}

const HOT_BODY_LIMIT_BYTES = 16 * 1024;
const ADMIN_DEADLINE_MS = 1_000;
const ANYBODY: Identity = Object.freeze({ userId: null, role: 'admin', subject: 'anonymous', anyUser: true });

/** Puts the gateway together; nothing is started yet. */
export function createGateway(config: GatewayConfig, logger: Logger): Gateway {
  const lifecycle = createLifecycle({ logger, deadlineMs: config.shutdownDeadlineMs, clock: systemClock });
  const metrics = createMetrics({ service: 'seckill-gateway' });
  const health = new Health({ clock: systemClock, state: () => lifecycle.state });
  const authenticator = createAuthenticator(config.auth, {
    onKeySetFailure: (error) => logger.warn({ err: error }, 'the key set of the tokens cannot be read'),
  });
  registerAuthMetrics(metrics.registry, authenticator.statistics);
  const session = new ClaimSession(config.redis, logger);
  health.register({ name: 'redis', check: () => session.check() });

  const admin = new CouponAdminClient(config.adminGrpcAddress, credentials.createInsecure());
  const directory = new AdminActivityDirectory(
    (id) => callUnary(admin.getFlashSale.bind(admin), { activityId: id }, { deadlineMs: ADMIN_DEADLINE_MS }),
    () => systemClock.nowMs(),
    (error) => logger.warn({ err: error }, 'coupon-admin cannot be asked about an activity'),
  );

  const tokens = config.purchaseTokens === null ? null : new PurchaseTokens(config.purchaseTokens);
  const claimMetrics = new ClaimMetrics(metrics.registry, logger, () => desk.pending);
  const desk: ClaimDesk = new ClaimDesk(config.claims, {
    session: () => session.current(),
    mintClaimId: claimIdMint(),
    nowMs: () => performance.now(),
    metrics: claimMetrics,
    tokens,
    whyNotLoaded: (id) => directory.whyNotLoaded(id),
  });
  const store = (): ActivityStore => new ActivityStore(session.require().redis);

  const readings = new SaleReadings(
    (id) => loadedSnapshot({ store: store(), directory }, id),
    () => performance.now(),
  );
  const purchaseTokens =
    tokens === null || config.purchaseTokens === null
      ? null
      : { tokens, readings, leadMs: config.purchaseTokens.leadMs, nowMs: () => systemClock.nowMs() };
  const purchase = {
    desk,
    authenticator,
    anybody: config.auth.mode === 'none' ? ANYBODY : null,
    logger,
  };
  const app = createHttpApp({
    logger,
    health,
    metrics,
    bodyLimitBytes: HOT_BODY_LIMIT_BYTES,
    routes: gatewayRoutes({ authenticator, store, directory, desk, claimMetrics, metrics, purchase, purchaseTokens }),
  });
  const handlePurchase = purchaseHandler(purchase);
  const http = createHttpServer({
    ...config.http,
    handler: (request, response) => {
      if (isPurchase(request)) handlePurchase(request, response);
      else app(request, response);
    },
  });
  const grpc: GrpcServer = createGrpcServer({
    ...config.grpc,
    health,
    descriptors: descriptorSet(),
    services: [seckillService({ logger, authenticator, desk, store, directory, draining: () => grpc.draining })],
  });

  lifecycle.register({ name: 'metrics', close: () => metrics.close() });
  lifecycle.register({ name: 'coupon-admin client', close: () => admin.close() });
  lifecycle.register(session);
  lifecycle.register({ name: 'claims', drain: (signal) => desk.drain(signal) });
  lifecycle.register(grpc);
  lifecycle.register(http);
  return { lifecycle, http, grpc };
}

/** Claim ids from a pool of random bytes: asking the system for ten bytes at a time is what would cost. */
function claimIdMint(): (nowMs: number) => ReturnType<typeof encodeClaimId> {
  const pool = new Uint8Array(10 * 512);
  let at = pool.length;
  return (nowMs) => {
    if (at >= pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    const id = encodeClaimId(nowMs, pool.subarray(at, at + 10));
    at += 10;
    return id;
  };
}
