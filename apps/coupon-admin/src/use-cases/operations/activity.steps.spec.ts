import type { ActivityId } from '@coupon/domain';
import type { Activity, JsonObject, Operation } from '../model';
import type { ActivityStorePort, AdminTables, FlowSettingsPort } from '../ports';
import { endSteps, pauseSteps, startSteps } from './activity.steps';
import { HEARD_AFTER_MS } from './step';
import type { Step } from './step';

/** What a step does, in order. */
async function doings(step: Step | undefined, payload: JsonObject): Promise<string[]> {
  const done: string[] = [];
  const operation = { operationId: 'o', activityId: '7' as ActivityId, payload } as Partial<Operation> as Operation;
  const store = {
    setState: (_id: ActivityId, { to }: { to: string }) => {
      done.push(to);
      return Promise.resolve({ kind: 'changed', from: 'open' });
    },
  } as Partial<ActivityStorePort> as ActivityStorePort;
  const activity = { epoch: 1 } as Partial<Activity> as Activity;
  await step?.run({
    operation,
    store,
    flowSettings: {} as FlowSettingsPort,
    reads: { activities: { get: () => Promise.resolve(activity) } } as unknown as AdminTables,
    pause: (ms) => {
      done.push(`waits ${ms}`);
      return Promise.resolve();
    },
  });
  return done;
}

describe('an activity in Redis before its start', () => {
  it.each([
    ['opened', startSteps['running'], { start_ms: 1 }, 'open'],
    ['ended', endSteps['created'], { loaded: true }, 'ended'],
  ])('is %s there when every gateway has heard that it will be', async (_what, step, payload, to) => {
    expect(await doings(step, { ...payload, heard_first: true })).toEqual([`waits ${HEARD_AFTER_MS}`, to]);
  });

  it.each([
    ['opened for the first time', startSteps['running'], { start_ms: 1, heard_first: false }, ['open']],
    ['opened by an operation of an older version', startSteps['running'], { start_ms: 1 }, ['open']],
    ['ended after its start', endSteps['created'], { loaded: true, heard_first: false }, ['ended']],
    ['paused', pauseSteps['created'], { loaded: true, heard_first: false }, ['paused']],
    ['ended without having been loaded', endSteps['created'], { loaded: false }, []],
  ])('nobody waits where it is %s', async (_what, step, payload, expected) => {
    expect(await doings(step, payload)).toEqual(expected);
  });

  it('is waited for at least as long as a gateway may answer from what it has not been told yet', () => {
    // The heartbeat of the bus: 500 ms without one, 400 ms late, and half a second until what was read too early is dropped again.
    expect(HEARD_AFTER_MS).toBeGreaterThanOrEqual(500 + 400 + 500);
  });
});
