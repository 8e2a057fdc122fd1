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
  systemClock,
} from '@coupon/service-kit';
import type { GrpcServer, HttpServer, Identity, Lifecycle, Logger } from '@coupon/service-kit';
import { AdminActivityDirectory } from './adapters/admin-activity-directory';
import { ClaimSession } from './adapters/claim-session';
import { ticketSessions } from './adapters/ticket-sessions';
import type { GatewayConfig } from './config';
import { seckillService } from './grpc/seckill-service';
import { errorReply } from './http/claim-reply';
import { FastLane } from './http/fast-lane/fast-lane';
import { servePlain } from './http/fast-lane/serve-plain';
import { PURCHASE_PATH } from './http/purchase';
import { isPurchase, purchaseHandler } from './http/purchase-handler';
import { gatewayRoutes } from './http/routes';
import { ClaimDesk } from './use-cases/claim-coupon.use-case';
import { ClaimMetrics } from './use-cases/claim-metrics';
import { createTickets } from './create-tickets';

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
  const authenticator = createAuthenticator(config.auth);
  const session = new ClaimSession(config.redis, logger);
  health.register({ name: 'redis', check: () => session.check() });

  const admin = new CouponAdminClient(config.adminGrpcAddress, credentials.createInsecure());
  const directory = new AdminActivityDirectory(
    (id) => callUnary(admin.getFlashSale.bind(admin), { activityId: id }, { deadlineMs: ADMIN_DEADLINE_MS }),
    () => systemClock.nowMs(),
    (error) => logger.warn({ err: error }, 'coupon-admin cannot be asked about an activity'),
  );

  const claimMetrics = new ClaimMetrics(metrics.registry, logger, () => desk.pending);
  const desk: ClaimDesk = new ClaimDesk(config.claims, {
    session: () => session.current(),
    mintClaimId: claimIdMint(),
    nowMs: () => performance.now(),
    metrics: claimMetrics,
    whyNotLoaded: (id) => directory.whyNotLoaded(id),
  });
  const tickets = createTickets(config.tickets, {
    session: ticketSessions(() => session.current()),
    mintClaimId: claimIdMint(),
    whyNotLoaded: (id) => directory.whyNotLoaded(id),
    clock: systemClock,
    random: Math.random,
    registry: metrics.registry,
    logger,
  });
  const store = (): ActivityStore => new ActivityStore(session.require().redis);

  const purchase = {
    desk,
    authenticator,
    anybody: config.auth.mode === 'none' ? ANYBODY : null,
  };
  const app = createHttpApp({
    logger,
    health,
    metrics,
    bodyLimitBytes: HOT_BODY_LIMIT_BYTES,
    routes: gatewayRoutes({ authenticator, store, directory, desk, claimMetrics, metrics, logger, purchase, tickets }),
  });
  const handlePurchase = purchaseHandler(purchase, logger);
  const lane = new FastLane({
    path: PURCHASE_PATH,
    serve: (head, body, connection) => {
      servePlain(purchase, head, body, connection);
    },
    errorReply: (error) => errorReply(error, logger),
  });
  const http = createHttpServer({
    ...config.http,
    // A trusted proxy speaks by headers of its own, which the lane does not read.
    ...(config.auth.mode === 'edge' ? {} : { front: lane }),
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
  lifecycle.register(tickets.decide);
  lifecycle.register(tickets.follow);
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
    const id = encodeClaimId(nowMs, pool, at);
    at += 10;
    return id;
  };
}
