import { pino } from 'pino';
import { AppError } from '@coupon/domain';
import type { UserId } from '@coupon/domain';
import { Health, createAuthenticator, createHttpApp, createMetrics, systemClock } from '@coupon/service-kit';
import type { Authenticator, HttpServer } from '@coupon/service-kit';
import { createGatewayServer } from '../../../src/http/create-gateway-server';
import type { GatewayServerOptions } from '../../../src/http/create-gateway-server';
import { ClientAddresses } from '../../../src/http/client-address';
import type { PurchaseDependencies } from '../../../src/http/purchase';
import type { HttpPurchaseDependencies } from '../../../src/http/purchase-handler';
import { gatewayRoutes } from '../../../src/http/routes';
import type { RouteDependencies } from '../../../src/http/routes';

/** Mode none. */
function none(): Authenticator {
  return createAuthenticator({ mode: 'none', nodeEnv: 'test' });
}

/** Knows the bearer `user-<id>`, decides in a later turn of the event loop like a key server does. */
export const bearerAuthenticator: Authenticator = {
  ...none(),
  authenticateNow: () => undefined,
  authenticate: async ({ authorization }) => {
    await new Promise((resolve) => setImmediate(resolve));
    const id = /^Bearer user-(\d+)$/.exec(authorization ?? '')?.[1];
    if (id === undefined) throw new AppError('UNAUTHENTICATED', 'no bearer');
    return { userId: id as UserId, role: 'user', subject: id, anyUser: false };
  },
};

export interface LaneServer {
  readonly http: HttpServer;
  close(): Promise<void>;
}

/** The gateway's port with everything on it, except that a desk of the spec decides the claims and nobody has a Redis. */
export async function startLaneServer(
  desk: PurchaseDependencies['desk'],
  options: Partial<GatewayServerOptions> & { readonly authenticator?: Authenticator } = {},
): Promise<LaneServer> {
  const logger = pino({ level: 'silent' });
  const metrics = createMetrics({ service: 'lane' });
  const health = new Health({ clock: systemClock, state: () => 'RUNNING' });
  const { authenticator, ...server } = options;
  const purchase: HttpPurchaseDependencies = {
    desk,
    addresses: new ClientAddresses([]),
    logger,
    authenticator: authenticator ?? none(),
  };
  const app = createHttpApp({
    logger,
    health,
    metrics,
    bodyLimitBytes: 16 * 1024,
    newRequestId: () => 'request-id',
    routes: gatewayRoutes({
      authenticator: none(),
      store: () => {
        throw new AppError('NOT_READY', 'there is no claim store');
      },
      directory: { whyNotLoaded: () => Promise.resolve('NOT_READY') },
      // Only asked by GET /api/v1/system/stats.
      desk: undefined as unknown as RouteDependencies['desk'],
      claimMetrics: undefined as unknown as RouteDependencies['claimMetrics'],
      metrics,
      tickets: undefined as unknown as RouteDependencies['tickets'],
      flow: undefined as unknown as RouteDependencies['flow'],
      purchase,
      load: () => Promise.reject(new AppError('NOT_READY', 'there is no coupon-admin')),
      cacheStats: () => null,
      purchaseTokens: null,
    }),
  });
  const http = createGatewayServer({ host: '127.0.0.1', port: 0, lane: {}, purchase, app, ...server });
  await http.listen();
  return {
    http,
    close: async () => {
      await http.close();
      metrics.close();
    },
  };
}
