import { AppError, parseId } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import { authenticateHttp, identityOf, requestIdOf, route } from '@coupon/service-kit';
import type { Authenticator, Route } from '@coupon/service-kit';
import type { StatsReader } from '../use-cases/get-activity-stats.use-case';
import { prewarmActivity } from '../use-cases/prewarm-activity.use-case';
import type { LoadActivity } from '../use-cases/prewarm-activity.use-case';
import { bodyFields, parseKey } from './purchase-request';

export interface PrewarmRouteDependencies {
  readonly authenticator: Authenticator;
  readonly load: LoadActivity;
  readonly store: () => Pick<StatsReader, 'snapshot'>;
}

/** POST {activity_id}, for operators. */
export function prewarmRoute(deps: PrewarmRouteDependencies): Route {
  const operator = authenticateHttp(deps.authenticator, 'operator');
  return route('post', '/api/v1/seckill/activity/prewarm', operator, async (request, response) => {
    const id = parsePrewarm(request.body);
    const caller = {
      authorization: request.get('authorization'),
      identity: identityOf(response),
      requestId: requestIdOf(response),
      idempotencyKey: parseKey(request.get('idempotency-key')),
    };
    const activity = await prewarmActivity(deps, id, caller);
    response.json({ success: true, code: 'OK', message: 'the activity is loaded', ...activity });
  });
}

/** @throws InvalidArgumentError; NOT_FOUND for `product_id`: product sales do not exist yet. */
function parsePrewarm(body: unknown): ActivityId {
  const { activity_id: activity, product_id: product } = bodyFields(body);
  if (activity === undefined && product !== undefined) {
    parseId(product, 'product_id');
    throw new AppError('NOT_FOUND', 'product_id: no such product sale', { details: { field: 'product_id' } });
  }
  return parseId<'activity'>(activity, 'activity_id');
}
