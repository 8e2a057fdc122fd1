import type { ActivityId, ActivityStatus, TemplateId } from '@coupon/domain';
import { pageOf, pageView } from '@coupon/service-kit';
import type { Clock, PageQuery, PageView } from '@coupon/service-kit';
import type { DisplayReads, OnStale } from '../display-reads';
import { foundActivity } from '../not-found';
import type { AdminDatabase } from '../ports';
import type { ActivityView } from '../views/schemas';
import { activityView } from '../views/views';
import { activityOperationKey } from './command-activity.use-case';

interface Deps {
  readonly database: AdminDatabase;
  readonly clock: Clock;
}

/** @throws ACTIVITY_NOT_FOUND */
export async function getActivity(
  deps: { readonly reads: DisplayReads; readonly clock: Clock },
  id: ActivityId,
  onStale?: OnStale,
): Promise<ActivityView> {
  return activityView(foundActivity(await deps.reads.activity(id, onStale), id), deps.clock.nowMs());
}

/**
 * The row as it is now, past every cache: whoever keeps what is answered here drops it when the next change is announced, which must not have
 * been announced already. @throws ACTIVITY_NOT_FOUND
 */
export async function getStoredActivity(deps: Deps, id: ActivityId): Promise<ActivityView> {
  return activityView(foundActivity(await deps.database.activities.get(id), id), deps.clock.nowMs());
}

/**
 * Whether claims can be refused with NOT_STARTED by this row until its start has come: it is in Redis, where its start is final, and no
 * operation is under way. Who opens or ends it before its start writes the operation and a new version of the row together, and Redis is
 * changed only when the version is known everywhere. To be asked after the row was read.
 */
export async function awaitsStart(deps: Deps, { id, status_name, loaded_at }: ActivityView): Promise<boolean> {
  if (status_name !== 'pending' || loaded_at === null) return false;
  return (await deps.database.operations.activeId(activityOperationKey(id as ActivityId))) === null;
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
