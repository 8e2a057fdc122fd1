import { HalfLoadedError } from '@coupon/lua';
import type { ActivityRecord, PrewarmActivity } from '@coupon/lua';
import type { Activity, JsonObject, Operation } from '../model';
import { activityOf, currentActivity, next, notNow, numberIn, step, textIn } from './step';
import type { OperationSteps, StepOutcome } from './step';

// The first steps of every operation that brings an activity into Redis: create-only, then read back (design invariant 9).

/** The definition that is loaded, fixed when the operation is written down. */
export function definitionPayload(activity: Activity, userRatePerSecond: number): JsonObject {
  return {
    template_id: activity.couponId,
    start_ms: activity.startMs,
    end_ms: activity.endMs,
    per_user_limit: activity.perUserLimit,
    total: activity.totalCount,
    epoch: activity.epoch,
    user_rate: userRatePerSecond,
    hidden_path: activity.hiddenPath,
  };
}

function definitionOf(operation: Operation): PrewarmActivity {
  const payload = operation.payload['definition'] as JsonObject;
  return {
    activityId: activityOf(operation),
    templateId: textIn(payload, 'template_id') as PrewarmActivity['templateId'],
    startMs: numberIn(payload, 'start_ms'),
    endMs: numberIn(payload, 'end_ms'),
    perUserLimit: numberIn(payload, 'per_user_limit'),
    total: numberIn(payload, 'total'),
    epoch: numberIn(payload, 'epoch'),
    userRatePerSecond: numberIn(payload, 'user_rate'),
    // Operations that were written down before there was such a thing do not name it.
    hiddenPath: payload['hidden_path'] === true,
  };
}

/**
 * States created -> loaded -> `verified`. Only the epoch is not the operation's own: a recovery may count it up at any moment, and what it
 * put into Redis is then the same activity under the new epoch. While MySQL and Redis disagree about it, the operation waits.
 */
export const loadSteps: OperationSteps = {
  created: step({
    act: async (context) => {
      const { epoch } = await currentActivity(context);
      return { epoch, result: await context.store.prewarm({ ...definitionOf(context.operation), epoch }) };
    },
    record: async (tables, operation, { epoch, result }): Promise<StepOutcome> => {
      if (result.kind !== 'conflict') return next('loaded');
      const { fields } = result;
      if (fields.every((field) => field === 'epoch')) throw notNow({ kind: 'wrong_epoch' });
      // Redis holds something else under this id, and nothing of this operation: the activity is as free as before. Not so once a recovery
      // has touched it.
      if (operation.payload['first_load'] === true && epoch === definitionOf(operation).epoch) {
        await tables.activities.update(activityOf(operation), { loadedAtMs: null });
      }
      return {
        kind: 'failed',
        code: 'CONFLICT',
        message: 'Redis holds a different activity under this id',
        details: { fields: [...fields] },
      };
    },
  }),
  loaded: step({
    act: async (context) => {
      const { epoch } = await currentActivity(context);
      return { epoch, record: await context.store.snapshot(activityOf(context.operation)) };
    },
    record: (_tables, operation, { epoch, record }): StepOutcome => {
      if (record === null) throw new HalfLoadedError(activityOf(operation));
      // Being recovered: what Redis holds now is about to be replaced.
      if (record.epoch !== epoch) throw notNow({ kind: 'wrong_epoch' });
      const wrong = differences(definitionOf(operation), record);
      if (wrong.length === 0) return next('verified');
      return {
        kind: 'failed',
        code: 'CONFLICT',
        message: 'Redis does not give back what was written',
        details: { fields: wrong },
      };
    },
  }),
};

function differences(wanted: PrewarmActivity, found: ActivityRecord): string[] {
  const pairs: [string, unknown, unknown][] = [
    ['coupon_id', wanted.templateId, found.templateId],
    ['start_ms', wanted.startMs, found.startMs],
    ['end_ms', wanted.endMs, found.endMs],
    ['per_user_limit', wanted.perUserLimit, found.perUserLimit],
    ['total', wanted.total, found.total],
    ['hidden_path', wanted.hiddenPath ?? false, found.hiddenPath ?? false],
    ['available', wanted.total - found.claimed, found.available],
  ];
  return pairs.filter(([, a, b]) => a !== b).map(([name]) => name);
}
