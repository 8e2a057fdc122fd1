import { parseId } from '@coupon/domain';
import type { ActivityStore } from '@coupon/lua';
import { authenticateHttp, identityOf, requireMayRead, route } from '@coupon/service-kit';
import type { Authenticator, Metrics, Route } from '@coupon/service-kit';
import type { ActivityDirectory } from '../use-cases/activity-directory';
import type { ClaimDesk } from '../use-cases/claim-coupon.use-case';
import type { ClaimMetrics } from '../use-cases/claim-metrics';
import type { FlowControl } from '../flow-control';
import type { IssuePurchaseTokenDependencies } from '../use-cases/issue-purchase-token.use-case';
import { PURCHASE_PATH } from './purchase';
import { purchaseOver } from './purchase-handler';
import type { HttpPurchaseDependencies } from './purchase-handler';
import { prewarmRoute } from './prewarm-route';
import type { PrewarmRouteDependencies } from './prewarm-route';
import { purchaseTokenRoutes } from './purchase-token-route';
import { ticketRoutes } from './ticket-routes';
import type { TicketRouteDependencies } from './ticket-routes';
import { getActivityStats } from '../use-cases/get-activity-stats.use-case';
import { getPurchases } from '../use-cases/get-purchases.use-case';

export interface RouteDependencies {
  readonly authenticator: Authenticator;
  /** @throws NOT_READY while there is no examined connection */
  readonly store: () => ActivityStore;
  readonly directory: ActivityDirectory;
  readonly desk: ClaimDesk;
  readonly claimMetrics: ClaimMetrics;
  readonly metrics: Metrics;
  readonly flow: FlowControl;
  readonly purchase: HttpPurchaseDependencies;
  /** null without a key for purchase tokens. */
  readonly purchaseTokens: IssuePurchaseTokenDependencies | null;
  /** null when nothing is cached. */
  readonly cacheStats: () => object | null;
  readonly load: PrewarmRouteDependencies['load'];
  readonly tickets: Pick<TicketRouteDependencies, 'admit' | 'session' | 'follow' | 'random'>;
}

/** Everything beside the hot route; the purchase is here too, for spellings of its path that the hot route does not know. */
export function gatewayRoutes(deps: RouteDependencies): Route[] {
  const authenticated = authenticateHttp(deps.authenticator);
  return [
    route('post', PURCHASE_PATH, (request, response) => {
      purchaseOver(deps.purchase, request, response, { json: request.body as unknown });
    }),
    ...ticketRoutes({ ...deps, ...deps.tickets }),
    prewarmRoute(deps),
    ...purchaseTokenRoutes(deps.authenticator, deps.purchaseTokens),
    route('get', '/api/v1/seckill/stats/:activity_id', authenticated, async (request, response) => {
      const id = parseId<'activity'>(request.params['activity_id'], 'activity_id');
      response.json(await getActivityStats({ store: deps.store(), directory: deps.directory }, id));
    }),
    route('get', '/api/v1/seckill/purchased/:activity_id/:user_id', authenticated, async (request, response) => {
      const activityId = parseId<'activity'>(request.params['activity_id'], 'activity_id');
      const userId = parseId<'user'>(request.params['user_id'], 'user_id');
      requireMayRead(identityOf(response), userId);
      const barrier = deps.tickets.session()?.barrier;
      const reader = { store: deps.store(), directory: deps.directory, barrier };
      response.json(await getPurchases(reader, activityId, userId));
    }),
    route('get', '/api/v1/system/stats', authenticateHttp(deps.authenticator, 'operator'), (_request, response) => {
      const { waiting, inFlight } = deps.desk.pending;
      const { settings, version } = deps.flow.watcher.current();
      response.json({
        claims: deps.claimMetrics.totals(),
        queue: { waiting, in_flight: inFlight },
        event_loop_delay: deps.metrics.eventLoopDelay(),
        breaker: deps.flow.breaker.state(),
        load: { used: deps.flow.sensor.load, shed_share: deps.flow.sensor.shedShare },
        limits: { version, ...settings },
        cache: deps.cacheStats(),
      });
    }),
  ];
}
