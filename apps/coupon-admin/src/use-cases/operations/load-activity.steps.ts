import { HalfLoadedError } from '@coupon/lua';
import type { ActivityRecord, PrewarmActivity } from '@coupon/lua';
import type { Activity, JsonObject, Operation } from '../model';
import { activityOf, next, numberIn, step, textIn } from './step';
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
  };
}

/** States created -> loaded -> `verified`. */
export const loadSteps: OperationSteps = {
  created: step({
    act: ({ operation, store }) => store.prewarm(definitionOf(operation)),
    record: async (tables, operation, result): Promise<StepOutcome> => {
      if (result.kind !== 'conflict') return next('loaded');
      // Redis holds something else under this id, and nothing of this operation: the activity is as free as before.
      if (operation.payload['first_load'] === true) {
        await tables.activities.update(activityOf(operation), { loadedAtMs: null });
      }
      return {
        kind: 'failed',
        code: 'CONFLICT',
        message: 'Redis holds a different activity under this id',
        details: { fields: [...result.fields] },
      };
    },
  }),
  loaded: step({
    act: ({ operation, store }) => store.snapshot(activityOf(operation)),
    record: (_tables, operation, record): StepOutcome => {
      if (record === null) throw new HalfLoadedError(activityOf(operation));
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
    ['epoch', wanted.epoch, found.epoch],
    ['available', wanted.total - found.claimed, found.available],
  ];
  return pairs.filter(([, a, b]) => a !== b).map(([name]) => name);
}
