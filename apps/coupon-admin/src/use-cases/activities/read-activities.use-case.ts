import type { ActivityId, ActivityStatus, TemplateId } from '@coupon/domain';
import { pageOf, pageView } from '@coupon/service-kit';
import type { Clock, PageQuery, PageView } from '@coupon/service-kit';
import { foundActivity } from '../not-found';
import type { AdminDatabase } from '../ports';
import type { ActivityView } from '../views/schemas';
import { activityView } from '../views/views';

interface Deps {
  readonly database: AdminDatabase;
  readonly clock: Clock;
}

/** @throws ACTIVITY_NOT_FOUND */
export async function getActivity(deps: Deps, id: ActivityId): Promise<ActivityView> {
  return activityView(foundActivity(await deps.database.activities.get(id), id), deps.clock.nowMs());
}

export interface ListActivitiesQuery extends PageQuery {
  readonly status?: ActivityStatus | undefined;
  readonly couponId?: TemplateId | undefined;
}

/** Newest first; `status` filters by the stored number. */
export async function listActivities(deps: Deps, query: ListActivitiesQuery): Promise<PageView<ActivityView>> {
  const filter = {
    ...(query.status === undefined ? {} : { status: query.status }),
    ...(query.couponId === undefined ? {} : { couponId: query.couponId }),
  };
  const nowMs = deps.clock.nowMs();
  const rows = await deps.database.activities.list(filter, pageOf(query));
  return pageView(rows, query, (row) => activityView(row, nowMs));
}
