import { parseId } from '@coupon/domain';
import { authenticateHttp, identityOf, requireActsFor, route } from '@coupon/service-kit';
import type { Authenticator, Route } from '@coupon/service-kit';
import { issuePurchaseToken } from '../use-cases/issue-purchase-token.use-case';
import type { IssuePurchaseTokenDependencies } from '../use-cases/issue-purchase-token.use-case';
import { bodyFields } from './purchase-request';

/** Header of a purchase over HTTP, metadata of a call or stream over gRPC. */
export const PURCHASE_TOKEN_HEADER = 'x-purchase-token';

/** POST {activity_id, user_id} -> {token, expires_at}; none without a key. */
export function purchaseTokenRoutes(
  authenticator: Authenticator,
  deps: IssuePurchaseTokenDependencies | null,
): Route[] {
  if (deps === null) return [];
  return [
    route('post', '/api/v1/seckill/purchase/token', authenticateHttp(authenticator), async (request, response) => {
      const { activity_id: activity, user_id: user } = bodyFields(request.body);
      const activityId = parseId<'activity'>(activity, 'activity_id');
      const userId = parseId<'user'>(user, 'user_id');
      requireActsFor(identityOf(response), userId);
      const { token, expiresMs } = await issuePurchaseToken(deps, activityId, userId);
      response.set('Cache-Control', 'no-store').json({ token, expires_at: new Date(expiresMs).toISOString() });
    }),
  ];
}
