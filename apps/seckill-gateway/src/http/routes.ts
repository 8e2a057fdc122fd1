import { parseId } from '@coupon/domain';
import type { ActivityStore } from '@coupon/lua';
import { authenticateHttp, identityOf, requireMayRead, route } from '@coupon/service-kit';
import type { Authenticator, Metrics, Route } from '@coupon/service-kit';
import type { ActivityDirectory } from '../use-cases/activity-directory';
import type { ClaimDesk } from '../use-cases/claim-coupon.use-case';
import type { ClaimMetrics } from '../use-cases/claim-metrics';
import { PURCHASE_PATH, purchase } from './purchase-handler';
import type { PurchaseDependencies } from './purchase-handler';
import { purchaseTokenRoutes } from './purchase-token-route';
import type { IssuePurchaseTokenDependencies } from '../use-cases/issue-purchase-token.use-case';
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
  readonly purchase: PurchaseDependencies;
  /** null without a key for purchase tokens. */
  readonly purchaseTokens: IssuePurchaseTokenDependencies | null;
}

/** Everything beside the hot route; the purchase is here too, for spellings of its path that the hot route does not know. */
export function gatewayRoutes(deps: RouteDependencies): Route[] {
  const authenticated = authenticateHttp(deps.authenticator);
  return [
    route('post', PURCHASE_PATH, (request, response) => {
      purchase(deps.purchase, request, response, () => request.body as unknown);
    }),
    ...purchaseTokenRoutes(deps.authenticator, deps.purchaseTokens),
    route('get', '/api/v1/seckill/stats/:activity_id', authenticated, async (request, response) => {
      const id = parseId<'activity'>(request.params['activity_id'], 'activity_id');
      response.json(await getActivityStats({ store: deps.store(), directory: deps.directory }, id));
    }),
    route('get', '/api/v1/seckill/purchased/:activity_id/:user_id', authenticated, async (request, response) => {
      const activityId = parseId<'activity'>(request.params['activity_id'], 'activity_id');
      const userId = parseId<'user'>(request.params['user_id'], 'user_id');
      requireMayRead(identityOf(response), userId);
      response.json(await getPurchases({ store: deps.store(), directory: deps.directory }, activityId, userId));
    }),
    route('get', '/api/v1/system/stats', authenticateHttp(deps.authenticator, 'operator'), (_request, response) => {
      const { waiting, inFlight } = deps.desk.pending;
      response.json({
        claims: deps.claimMetrics.totals(),
        queue: { waiting, in_flight: inFlight },
        event_loop_delay: deps.metrics.eventLoopDelay(),
      });
    }),
  ];
}
