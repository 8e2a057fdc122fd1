import type { ActivityId } from '@coupon/domain';
import { AppError } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';
import { commandActivity } from '../activities/command-activity.use-case';
import type { ActivityDeps, ActivityMove } from '../activities/command-activity.use-case';
import type { Actor } from '../model';
import type { ActivityStorePort } from '../ports';
import type { OperationEngine } from './operation-engine';

export interface ScheduleDeps extends ActivityDeps {
  readonly engine: Pick<OperationEngine, 'driveUntil' | 'drive'>;
  readonly store: Pick<ActivityStorePort, 'snapshot'>;
  readonly logger: Logger;
  /** How long before its start an activity is loaded. @default 300_000 */
  readonly prewarmAheadMs?: number;
}

const AT_MOST = 100;
/** After an operation by the clock has failed for a definite reason it is not tried again for so long. */
const AFTER_FAILURE_MS = 60_000;

/**
 * One round of everything that happens by itself: unfinished operations are driven on, activities are loaded ahead of their start, opened
 * and ended by the database's clock; nothing is ended that Redis' clock still sells. Any number of instances may run it: operations are leased and there is one at a time per activity.
 */
export async function runSchedule(deps: ScheduleDeps, stopped: () => boolean = () => false): Promise<void> {
  const { database, engine } = deps;
  for (const operationId of await database.operations.due(AT_MOST)) {
    if (stopped()) return;
    await engine.drive(operationId);
  }
  const { activities } = database;
  const due: readonly [ActivityMove, readonly ActivityId[]][] = [
    ['end', await activities.dueToEnd(AT_MOST)],
    ['start', await activities.dueToStart(AT_MOST)],
    ['prewarm', await activities.dueToLoad(deps.prewarmAheadMs ?? 300_000, AT_MOST)],
  ];
  for (const [move, ids] of due) {
    for (const id of ids) {
      if (stopped()) return;
      if (move === 'end' && !(await isOverForBuyers(deps, id))) continue;
      await byTheClock(deps, move, id);
    }
  }
}

/** Buyers are let in by Redis' clock up to the last moment: where the database's clock is ahead, it waits. */
async function isOverForBuyers(deps: ScheduleDeps, id: ActivityId): Promise<boolean> {
  const activity = await deps.database.activities.get(id);
  if (activity === null || activity.loadedAtMs === null) return true;
  try {
    const snapshot = await deps.store.snapshot(id);
    return snapshot === null || snapshot.nowMs >= snapshot.endMs;
  } catch (error) {
    deps.logger.warn({ activity_id: id, err: error }, 'cannot be ended while Redis does not tell the time');
    return false;
  }
}

async function byTheClock(deps: ScheduleDeps, move: ActivityMove, id: ActivityId): Promise<void> {
  if (await deps.database.operations.failedSince(id, move, AFTER_FAILURE_MS)) return;
  const actor: Actor = { subject: 'scheduler', role: 'system', requestId: '' };
  const write = { actor, action: `flash_sale.${move}`, request: null, idempotencyKey: undefined };
  try {
    // One look, no waiting: whatever is not finished then is driven on in the next round.
    await commandActivity({ ...deps, waitMs: 0 }, write, { id, move });
    deps.logger.info({ activity_id: id, operation: move }, 'by the clock');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code !== 'OUTCOME_UNKNOWN') {
      deps.logger.warn({ activity_id: id, operation: move, code: error.code, err: error }, 'not possible by the clock');
    }
  }
}
