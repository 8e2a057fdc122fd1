import type { ActivityId } from '@coupon/domain';
import { HalfLoadedError } from '@coupon/lua';
import type { Operation } from '../model';
import type { ActivityStorePort, AdminTables, FlowSettingsPort } from '../ports';
import { loadSteps } from './load-activity.steps';
import type { StepOutcome } from './step';

const definition = {
  template_id: '3',
  start_ms: 1_000,
  end_ms: 2_000,
  per_user_limit: 2,
  total: 10,
  epoch: 1,
  user_rate: 0,
};
const operation: Operation = {
  operationId: 'o',
  kind: 'start',
  activityId: '7' as ActivityId,
  state: 'loaded',
  payload: { definition },
  result: null,
  attempts: 1,
  lastError: null,
  finishedAtMs: null,
};
const record = {
  templateId: '3',
  startMs: 1_000,
  endMs: 2_000,
  perUserLimit: 2,
  total: 10,
  epoch: 1,
  claimed: 0,
  available: 10,
};

async function readBack(found: object | null): Promise<StepOutcome> {
  const store = { snapshot: () => Promise.resolve(found) } as unknown as ActivityStorePort;
  const tables = {
    activities: { get: () => Promise.resolve({ id: '7', epoch: definition.epoch }) },
  } as unknown as AdminTables;
  const finish = await loadSteps['loaded']?.run({
    operation,
    store,
    flowSettings: {} as FlowSettingsPort,
    pause: () => Promise.resolve(),
    reads: tables,
  });
  if (finish === undefined) throw new Error('no such step');
  return finish(tables);
}

describe('invariant 9: what was loaded is read back before anything opens', () => {
  it('goes on when Redis holds what was written, also when somebody has claimed from it before', async () => {
    expect(await readBack(record)).toEqual({ kind: 'next', state: 'verified' });
    expect(await readBack({ ...record, claimed: 4, available: 6 })).toEqual({ kind: 'next', state: 'verified' });
  });

  it.each<[string, object]>([
    ['coupon_id', { templateId: '4' }],
    ['start_ms', { startMs: 1_001 }],
    ['end_ms', { endMs: 2_001 }],
    ['per_user_limit', { perUserLimit: 3 }],
    ['total', { total: 11 }],
    ['hidden_path', { hiddenPath: true }],
    ['available', { available: 11 }],
  ])('fails when Redis holds another %s', async (field, change) => {
    expect(await readBack({ ...record, ...change })).toMatchObject({
      kind: 'failed',
      code: 'CONFLICT',
      details: { fields: [field] },
    });
  });

  it('stays where it is while a recovery has not reached Redis, or has not reached MySQL', async () => {
    await expect(readBack({ ...record, epoch: 2 })).rejects.toThrow('wrong_epoch');
  });

  it('stays where it is when Redis holds nothing', async () => {
    await expect(readBack(null)).rejects.toBeInstanceOf(HalfLoadedError);
  });
});
