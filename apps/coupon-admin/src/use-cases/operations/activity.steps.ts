import { ACTIVITY_STATUS } from '@coupon/domain';
import type { ActivityState } from '@coupon/domain';
import type { SetStateResult } from '@coupon/lua';
import type { Activity, JsonObject, Operation } from '../model';
import { foundActivity, lockAfterTemplate } from '../not-found';
import type { ActivityChange, AdminTables } from '../ports';
import { activityView } from '../views/views';
import { loadSteps } from './load-activity.steps';
import {
  activityOf,
  actorOf,
  currentActivity,
  databaseStep,
  next,
  notNow,
  numberIn,
  step,
  textIn,
  waitUntilHeard,
} from './step';
import type { OperationSteps, Step, StepContext, StepOutcome } from './step';

/** Loaded five minutes ahead: open in Redis with its start in the future, still pending in MySQL. */
export const prewarmSteps: OperationSteps = {
  ...loadSteps,
  verified: openStep((operation) => numberIn(operation.payload['definition'] as JsonObject, 'start_ms')),
};

/** MySQL says running before Redis lets anybody in. */
export const startSteps: OperationSteps = {
  ...loadSteps,
  verified: step({
    act: ({ operation, store }) => store.snapshot(activityOf(operation)),
    record: async (tables, operation, snapshot): Promise<StepOutcome> => {
      if (snapshot === null) throw new Error('the activity has gone from Redis');
      const nowMs = await tables.nowMs();
      const before = await lockActivity(tables, operation);
      if (before.endMs <= nowMs) return { kind: 'failed', code: 'ENDED', message: 'the activity is over' };
      // The earlier of both clocks, or Redis would answer NOT_STARTED for the difference.
      const startMs = Math.min(before.startMs, nowMs, snapshot.nowMs);
      const change: ActivityChange = { status: ACTIVITY_STATUS.running, startMs };
      await changeActivity(tables, operation, before, change, nowMs);
      return next('running', { ...operation.payload, start_ms: startMs });
    },
  }),
  running: openStep((operation) => numberIn(operation.payload, 'start_ms')),
};

/** Redis stops first: after the answer nobody gets in. */
export const pauseSteps: OperationSteps = {
  created: setStateStep('paused', 'refusing'),
  refusing: databaseStep(async (tables, operation) => {
    const nowMs = await tables.nowMs();
    const before = await lockActivity(tables, operation);
    return done(await changeActivity(tables, operation, before, { pausedAtMs: nowMs }, nowMs), nowMs);
  }),
};

export const resumeSteps: OperationSteps = {
  created: databaseStep(async (tables, operation) => {
    const nowMs = await tables.nowMs();
    const before = await lockActivity(tables, operation);
    await changeActivity(tables, operation, before, { pausedAtMs: null }, nowMs);
    return next('resumed');
  }),
  resumed: openStep(),
};

/** Final. A pending activity that nobody has claimed from gives its units back to the template. */
export const endSteps: OperationSteps = {
  created: setStateStep('ended', 'refusing'),
  refusing: step({
    act: ({ operation, store }) => store.snapshot(activityOf(operation)),
    record: async (tables, operation, snapshot): Promise<StepOutcome> => {
      const nowMs = await tables.nowMs();
      const id = activityOf(operation);
      const before = await lockAfterTemplate(tables, id);
      const untouched = (snapshot?.claimed ?? 0) === 0 && (snapshot?.eventSeq ?? 0) === 0 && before.successCount === 0;
      if (before.status === ACTIVITY_STATUS.pending && untouched) {
        await tables.templates.giveBack(before.couponId, before.totalCount);
      }
      const after = await changeActivity(tables, operation, before, { status: ACTIVITY_STATUS.ended }, nowMs);
      return done(after, nowMs);
    },
  }),
};

/**
 * MySQL has counted the units when the operation was written down; Redis adds them once per operation id. A recovery in between rebuilds
 * the activity with the new total already: then there is nothing to add.
 */
export const stockSteps: OperationSteps = {
  created: step({
    act: async (context): Promise<{ readonly kind: string }> => {
      const { operation, store } = context;
      const id = activityOf(operation);
      const { epoch, totalCount } = await currentActivity(context);
      const snapshot = await store.snapshot(id);
      if (snapshot === null) return orGone(context, { kind: 'not_loaded' });
      // About to be replaced by a recovery: neither its total nor what is added to it counts.
      if (snapshot.epoch !== epoch) return { kind: 'wrong_epoch' };
      // Operations of an activity are one at a time, so nothing else moves either total meanwhile.
      if (snapshot.total === totalCount) return { kind: 'already' };
      return store.addStock(id, { operationId: operation.operationId, add: numberIn(operation.payload, 'add'), epoch });
    },
    record: async (tables, operation, result): Promise<StepOutcome> => {
      if (result.kind === 'gone') return takeStockBack(tables, operation);
      if (result.kind !== 'added' && result.kind !== 'already') throw notNow(result);
      return done(await readActivity(tables, operation), await tables.nowMs());
    },
  }),
};

/** Opens in Redis and ends the operation; `startMs` is Redis' to know from now on. */
function openStep(startMs?: (operation: Operation) => number): Step {
  return step({
    act: async (context) => {
      const { operation, store } = context;
      await waitUntilHeard(context);
      const window = startMs === undefined ? {} : { startMs: startMs(operation) };
      const change = { to: 'open', epoch: await currentEpoch(context), ...window } as const;
      return orGone(context, await store.setState(activityOf(operation), change));
    },
    record: async (tables, operation, result): Promise<StepOutcome> => {
      if (result.kind === 'gone') return OVER;
      if (result.kind === 'refused') {
        return { kind: 'failed', code: 'CONFLICT', message: `Redis says the activity is ${result.state}` };
      }
      if (result.kind !== 'changed' && result.kind !== 'unchanged') throw notNow(result);
      return done(await readActivity(tables, operation), await tables.nowMs());
    },
  });
}

function setStateStep(to: ActivityState, state: string): Step {
  return step({
    act: async (context): Promise<SetStateResult | Gone> => {
      // Never loaded: there is nothing in Redis to stop.
      if (context.operation.payload['loaded'] !== true) return { kind: 'unchanged', from: to };
      await waitUntilHeard(context);
      const change = { to, epoch: await currentEpoch(context) };
      return orGone(context, await context.store.setState(activityOf(context.operation), change));
    },
    record: (_tables, _operation, result): StepOutcome => {
      if (result.kind === 'gone') return to === 'ended' ? next(state) : OVER;
      if (result.kind === 'refused') {
        return { kind: 'failed', code: 'CONFLICT', message: `Redis says the activity is ${result.state}` };
      }
      if (result.kind !== 'changed' && result.kind !== 'unchanged') throw notNow(result);
      return next(state);
    },
  });
}

/** Not in Redis any more, and not to come back: it is over and everything of it is stored. */
interface Gone {
  readonly kind: 'gone';
}

const OVER: StepOutcome = { kind: 'failed', code: 'ENDED', message: 'the activity is over' };

async function orGone<Result extends { readonly kind: string }>(
  context: StepContext,
  result: Result,
): Promise<Result | Gone> {
  if (result.kind !== 'not_loaded') return result;
  return (await currentActivity(context)).drainedAtMs === null ? result : { kind: 'gone' };
}

/** The units MySQL has counted already cannot be sold any more. */
async function takeStockBack(tables: AdminTables, operation: Operation): Promise<StepOutcome> {
  const before = await lockAfterTemplate(tables, activityOf(operation));
  const units = numberIn(operation.payload, 'add');
  await tables.templates.giveBack(before.couponId, units);
  await changeActivity(tables, operation, before, { totalCount: before.totalCount - units }, await tables.nowMs());
  return OVER;
}

async function currentEpoch(context: StepContext): Promise<number> {
  return (await currentActivity(context)).epoch;
}

async function lockActivity(tables: AdminTables, operation: Operation): Promise<Activity> {
  const id = activityOf(operation);
  return foundActivity(await tables.activities.lock(id), id);
}

async function readActivity(tables: AdminTables, operation: Operation): Promise<Activity> {
  const id = activityOf(operation);
  return foundActivity(await tables.activities.get(id), id);
}

async function changeActivity(
  tables: AdminTables,
  operation: Operation,
  before: Activity,
  change: ActivityChange,
  nowMs: number,
): Promise<Activity> {
  const after = await tables.activities.update(before.id, change);
  await tables.audit.append({
    actor: actorOf(operation),
    action: textIn(operation.payload, 'action'),
    entity: 'flash_sale_activity',
    entityId: before.id,
    before: activityView(before, nowMs),
    after: activityView(after, nowMs),
  });
  return after;
}

function done(activity: Activity, nowMs: number): StepOutcome {
  return { kind: 'done', result: activityView(activity, nowMs) };
}
