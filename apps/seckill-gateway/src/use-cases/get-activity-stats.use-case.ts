import { AppError } from '@coupon/domain';
import type { ActivityId, ActivityStatusName } from '@coupon/domain';
import type { ActivitySnapshot, ActivityStore } from '@coupon/lua';
import type { ActivityDirectory, NotLoadedCode } from './activity-directory';

/** Counters are units; refusals are counted in claims. */
export interface ActivityStats {
  readonly activity_id: ActivityId;
  readonly status: ActivityStatusName;
  readonly total: number;
  readonly available: number;
  readonly claimed: number;
  readonly persisted: number;
  readonly in_flight: number;
  readonly claims_accepted: number;
  readonly claims_replayed: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly epoch: number;
}

export type StatsReader = Pick<ActivityStore, 'snapshot' | 'stats'>;

export async function getActivityStats(
  deps: { readonly store: StatsReader; readonly directory: ActivityDirectory },
  id: ActivityId,
): Promise<ActivityStats> {
  const snapshot = await loadedSnapshot(deps, id);
  const counters = await deps.store.stats(id);
  return {
    activity_id: id,
    status: statusOf(snapshot),
    total: snapshot.total,
    available: snapshot.available,
    claimed: snapshot.claimed,
    persisted: snapshot.persistedUnits,
    // A release counts at once in `claimed` and only later in `persisted`; the difference is never shown as negative.
    in_flight: Math.max(0, snapshot.claimed - snapshot.persistedUnits),
    claims_accepted: counters['claims_accepted'] ?? 0,
    claims_replayed: counters['claims_replayed'] ?? 0,
    refused: refusals(counters),
    epoch: snapshot.epoch,
  };
}

/** @throws ACTIVITY_NOT_FOUND, ENDED when the activity is over and archived, NOT_READY when it is to be loaded or coupon-admin cannot be asked. */
export async function loadedSnapshot(
  deps: { readonly store: Pick<StatsReader, 'snapshot'>; readonly directory: ActivityDirectory },
  id: ActivityId,
): Promise<ActivitySnapshot> {
  const snapshot = await deps.store.snapshot(id);
  if (snapshot !== null) return snapshot;
  throw notLoadedError(await deps.directory.whyNotLoaded(id));
}

export function notLoadedError(code: NotLoadedCode): AppError {
  switch (code) {
    case 'ACTIVITY_NOT_FOUND':
      return new AppError(code, 'no such activity', { details: { field: 'activity_id' } });
    case 'ENDED':
      return new AppError(code, 'the sale is over and archived: coupon-admin has its numbers and coupons');
    case 'NOT_READY':
      return new AppError(code, 'the activity is not loaded yet, please try again', {
        details: { retry_after_ms: 1_000 },
      });
  }
}

/** The status of a loaded activity by the clock of Redis. */
export function statusOf(snapshot: ActivitySnapshot): ActivityStatusName {
  if (snapshot.state === 'ended' || snapshot.nowMs >= snapshot.endMs) return 'ended';
  if (snapshot.state === 'paused') return 'paused';
  return snapshot.state === 'open' && snapshot.nowMs >= snapshot.startMs ? 'running' : 'pending';
}

function refusals(counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters).flatMap(([name, count]) =>
      name.startsWith('refused:') ? [[name.slice('refused:'.length), count]] : [],
    ),
  );
}
