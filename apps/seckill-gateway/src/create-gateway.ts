import { randomFillSync } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { encodeClaimId } from '@coupon/domain';
import { CouponAdminClient, descriptorSet } from '@coupon/contracts';
import { ActivityStore, countRefusals } from '@coupon/lua';
import {
  Health,
  callUnary,
  createAuthenticator,
  createGrpcServer,
  createHttpApp,
  createLifecycle,
  createMetrics,
  GroupMember,
  groupMetrics,
  registerAuthMetrics,
  systemClock,
} from '@coupon/service-kit';
import type { GrpcServer, HttpServer, Lifecycle, Logger } from '@coupon/service-kit';
import { createCachedDirectory } from './adapters/activity-cache';
import { adminActivityLoader } from './adapters/admin-activity-loader';
import { AdminActivityDirectory } from './adapters/admin-activity-directory';
import type { AskAdmin } from './adapters/admin-activity-directory';
import { ClaimSession } from './adapters/claim-session';
import { ticketSessions } from './adapters/ticket-sessions';
import type { GatewayConfig } from './config';
import { createFlowControl } from './flow-control';
import { seckillService } from './grpc/seckill-service';
import { ClientAddresses } from './http/client-address';
import { createGatewayServer } from './http/create-gateway-server';
import { gatewayRoutes } from './http/routes';
import { AdmitClaim } from './use-cases/admit-claim.use-case';
import { ClaimDesk } from './use-cases/claim-coupon.use-case';
import { ClaimMetrics } from './use-cases/claim-metrics';
import { EarlyRefusals } from './use-cases/early-refusals';
import { LocalRefusals } from './use-cases/local-refusals';
import { loadedSnapshot } from './use-cases/get-activity-stats.use-case';
import { PurchaseTokens } from './use-cases/purchase-token';
import { SaleReadings } from './use-cases/sale-readings';
import { createTickets } from './create-tickets';

export interface Gateway {
  readonly lifecycle: Lifecycle;
  readonly http: HttpServer;
  readonly grpc: GrpcServer;
}

const HOT_BODY_LIMIT_BYTES = 16 * 1024;
const ADMIN_DEADLINE_MS = 1_000;

/** Puts the gateway together; nothing is started yet. */
export function createGateway(config: GatewayConfig, logger: Logger): Gateway {
  const lifecycle = createLifecycle({ logger, deadlineMs: config.shutdownDeadlineMs, clock: systemClock });
  const ownMetrics = createMetrics({ service: 'seckill-gateway' });
  const member = config.processes > 1 ? new GroupMember(ownMetrics.registry) : undefined;
  const metrics = member === undefined ? ownMetrics : groupMetrics(ownMetrics, member);
  const health = new Health({ clock: systemClock, state: () => lifecycle.state });
  const authenticator = createAuthenticator(config.auth, {
    onKeySetFailure: (error) => logger.warn({ err: error }, 'the key set of the tokens cannot be read'),
  });
  registerAuthMetrics(metrics.registry, authenticator.statistics);
  const session = new ClaimSession(config.redis, logger);
  health.register({ name: 'redis', check: () => session.check() });

  const admin = new CouponAdminClient(config.adminGrpcAddress, credentials.createInsecure());
  const ask: AskAdmin = (id) =>
    callUnary(admin.getFlashSale.bind(admin), { activityId: id }, { deadlineMs: ADMIN_DEADLINE_MS });
  const onFailure = (error: unknown): void =>
    logger.warn({ err: error }, 'coupon-admin cannot be asked about an activity');
  const known = createCachedDirectory(config.cache, {
    ask,
    uncached: new AdminActivityDirectory(ask, () => systemClock.nowMs(), onFailure),
    registry: metrics.registry,
    logger,
    onFailure,
  });
  const { directory } = known;

  const tokens = config.purchaseTokens === null ? null : new PurchaseTokens(config.purchaseTokens);
  const claimMetrics = new ClaimMetrics(metrics.registry, logger, () => desk.pending);
  const refusals = new LocalRefusals({
    write: async (id, refused) => countRefusals(session.require().redis, id, refused),
    isReady: () => session.current() !== null,
    onError: (error) => logger.warn({ err: error }, 'refusals are missing in the statistics'),
  });
  const flow = createFlowControl(config.flow, session, () => ({ desk, admits }), metrics, logger);
  const desk: ClaimDesk = new ClaimDesk({
    ...flow,
    batchesInFlight: config.batchesInFlight,
    session: () => session.current(),
    mintClaimId: claimIdMint(),
    nowMs: () => performance.now(),
    metrics: claimMetrics,
    refusals,
    tokens,
    whyNotLoaded: (id) => directory.whyNotLoaded(id),
    knownNotLoaded: known.knownNotLoaded,
    early: new EarlyRefusals({
      session: () => session.current(),
      starts: known.starts,
      nowMs: () => performance.now(),
    }),
  });
  const admission = {
    ...flow,
    refusals,
    isReady: () => session.current() !== null,
    random: Math.random,
    nowMs: () => performance.now(),
  };
  const admit = new AdmitClaim({ ...admission, desk, metrics: claimMetrics });
  const addresses = new ClientAddresses(config.trustedProxies);
  const tickets = createTickets(config.tickets, {
    session: ticketSessions(() => session.current()),
    mintClaimId: claimIdMint(),
    tokens,
    admission,
    userRate: flow.userRate,
    whyNotLoaded: (id) => directory.whyNotLoaded(id),
    clock: systemClock,
    random: Math.random,
    registry: metrics.registry,
    logger,
  });
  const admits = [admit, tickets.admit];
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
    desk: admit,
    addresses,
    logger,
    authenticator,
  };
  const app = createHttpApp({
    logger,
    health,
    metrics,
    bodyLimitBytes: HOT_BODY_LIMIT_BYTES,
    routes: gatewayRoutes({
      authenticator,
      store,
      directory,
      desk,
      claimMetrics,
      metrics,
      flow,
      purchase,
      purchaseTokens,
      cacheStats: () => known.stats(),
      load: adminActivityLoader(admin, { speaksAsProxy: config.auth.mode === 'edge' }),
      tickets,
    }),
  });
  const http = createGatewayServer({
    ...config.http,
    purchase,
    app,
    // A trusted proxy speaks by headers of its own, which the lane does not read.
    lane: config.auth.mode === 'edge' ? null : {},
  });
  const grpc: GrpcServer = createGrpcServer({
    ...config.grpc,
    maxMessageBytes: HOT_BODY_LIMIT_BYTES,
    health,
    descriptors: descriptorSet(),
    services: [
      seckillService({
        logger,
        authenticator,
        desk: admit,
        addresses,
        store,
        directory,
        draining: () => grpc.draining,
      }),
    ],
  });

  lifecycle.register({ name: 'metrics', close: () => metrics.close() });
  lifecycle.register({ name: 'coupon-admin client', close: () => admin.close() });
  for (const component of known.components) lifecycle.register(component);
  lifecycle.register(session);
  lifecycle.register(refusals);
  lifecycle.register(flow.component);
  lifecycle.register({
    name: 'claims',
    drain: async (signal) => {
      await Promise.all([admit.drain(signal), tickets.admit.drain(signal)]);
      await desk.drain(signal);
    },
  });
  lifecycle.register(tickets.decide);
  lifecycle.register(tickets.follow);
  lifecycle.register(grpc);
  lifecycle.register(http);
  if (member !== undefined) lifecycle.register(member);
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
