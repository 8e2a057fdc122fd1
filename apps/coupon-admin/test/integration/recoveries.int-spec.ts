import type { ActivityId, ActivityState } from '@coupon/domain';
import { activityKeys } from '@coupon/lua';
import { eventually } from '@coupon/testing';
import type { AdminSeams } from '../../src/create-admin';
import { newKey, useAdmin } from './fixture';

// What a worker does to an activity while an operation is under way: it rebuilds it in Redis under the next epoch, or writes it off.

type Hook = () => Promise<void>;
type StoreMethod = 'prewarm' | 'snapshot' | 'setState' | 'addStock' | 'settle';

/** What happens between the service's look at MySQL and its call to Redis; each hook once. */
class Interference {
  private readonly hooks = new Map<string, Hook>();

  readonly seams: AdminSeams = {
    store: (store) =>
      new Proxy(store, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          return async (...args: unknown[]) => {
            const hook = this.hooks.get(String(name));
            this.hooks.delete(String(name));
            await hook?.();
            return Reflect.apply(member, target, args) as unknown;
          };
        },
      }),
  };

  before(method: StoreMethod, hook: Hook): void {
    this.hooks.set(method, hook);
  }
}

const interference = new Interference();
const admin = useAdmin(
  () => ({ SCHEDULE_INTERVAL_MS: '50', OPERATION_WAIT_MS: '10000' }),
  () => interference.seams,
);
const BASE = '/api/v1/flash-sales';
const post = (path: string, body?: unknown, headers?: Record<string, string>) =>
  admin.call('POST', path, body, headers);

/** First half of a recovery, in MySQL. */
async function beginRecovery(id: ActivityId): Promise<void> {
  await admin.database.query('UPDATE flash_sale_activities SET epoch = epoch + 1 WHERE id = ?', [id]);
}

/** Second half, in Redis, with the total that MySQL had when the recovery began. */
async function finishRecovery(id: ActivityId, state: ActivityState, total?: number): Promise<void> {
  const { body } = await admin.call('GET', `${BASE}/${id}`);
  const [row] = await admin.database.query<{ epoch: number }>('SELECT epoch FROM flash_sale_activities WHERE id = ?', [
    id,
  ]);
  const epoch = row?.epoch ?? 0;
  const definition = {
    activityId: id,
    templateId: body.coupon_id as never,
    startMs: Date.parse(body.start_time),
    endMs: Date.parse(body.end_time),
    perUserLimit: 1,
    total: total ?? body.total_count,
    epoch,
    userRatePerSecond: 0,
  };
  const old = await admin.store.snapshot(id);
  if (old !== null) await admin.store.setState(id, { to: 'closed', epoch: old.epoch });
  const none = { claimed: 0, eventSeq: 0, claims: (async function* () {})() };
  expect(await admin.store.restore(definition, none)).toEqual({ kind: 'restored' });
  expect(await admin.store.setState(id, { to: state, epoch })).toMatchObject({ kind: 'changed' });
}

/** Over, everything stored, and no longer kept in Redis. */
async function archive(id: ActivityId): Promise<void> {
  await admin.database.query('UPDATE flash_sale_activities SET drained_at = UTC_TIMESTAMP(3) WHERE id = ?', [id]);
  const { activity, stock, outbox } = activityKeys(id);
  await admin.redis.unlink(activity, stock, outbox);
}

const failedOnes = (id: ActivityId): Promise<unknown[]> =>
  admin.database.query("SELECT kind FROM operations WHERE activity_id = ? AND state = 'failed'", [id]);

describe('start', () => {
  it('goes on with the activity a recovery has put into Redis before it', async () => {
    const id = await admin.activity({ total_count: 7 });
    interference.before('prewarm', async () => {
      await beginRecovery(id);
      await finishRecovery(id, 'open');
    });
    expect(await post(`${BASE}/${id}/start`)).toMatchObject({ status: 200, body: { status_name: 'running' } });
    expect(await admin.store.snapshot(id)).toMatchObject({ state: 'open', epoch: 2, total: 7, available: 7 });
    expect((await admin.call('GET', `${BASE}/${id}`)).body.loaded_at).not.toBeNull();
    expect(await failedOnes(id)).toEqual([]);
  });

  it('waits for the end of a recovery that began while it loaded', async () => {
    const id = await admin.activity({ total_count: 7 });
    interference.before('prewarm', () => beginRecovery(id));
    const key = { 'idempotency-key': newKey() };
    const started = post(`${BASE}/${id}/start`, undefined, key);
    await eventually(async () => {
      const sql = "SELECT state FROM operations WHERE activity_id = ? AND last_error = 'Redis answers wrong_epoch'";
      expect(await admin.database.query(sql, [id])).toEqual([{ state: 'loaded' }]);
    });
    await finishRecovery(id, 'open');
    expect(await started).toMatchObject({ status: 200, body: { status_name: 'running' } });
    expect(await admin.store.snapshot(id)).toMatchObject({ state: 'open', epoch: 2, available: 7 });
  });
});

describe('stock', () => {
  const sale = async (): Promise<ActivityId> => {
    const id = await admin.activity({ total_count: 10 });
    await post(`${BASE}/${id}/start`);
    return id;
  };

  it('is not lost in a recovery that planned with the old total', async () => {
    const id = await sale();
    // What Redis still holds of the activity is about to be replaced.
    await beginRecovery(id);
    interference.before('snapshot', () => {
      interference.before('snapshot', () => finishRecovery(id, 'open', 10));
      return Promise.resolve();
    });
    expect(await post(`${BASE}/${id}/stock`, { add: 5 })).toMatchObject({ status: 200, body: { total_count: 15 } });
    expect(await admin.store.snapshot(id)).toMatchObject({ epoch: 2, total: 15, available: 15 });
  });

  it('is not added twice when a recovery has brought it already', async () => {
    const id = await sale();
    interference.before('addStock', async () => {
      await beginRecovery(id);
      await finishRecovery(id, 'open');
    });
    expect(await post(`${BASE}/${id}/stock`, { add: 5 })).toMatchObject({ status: 200, body: { total_count: 15 } });
    expect(await admin.store.snapshot(id)).toMatchObject({ epoch: 2, total: 15, available: 15 });
  });
});

describe('an activity that has been drained and has left Redis', () => {
  const running = async (): Promise<ActivityId> => {
    const id = await admin.activity({ total_count: 10 });
    await post(`${BASE}/${id}/start`);
    return id;
  };

  it('is ended in MySQL alone', async () => {
    const id = await running();
    await archive(id);
    expect(await post(`${BASE}/${id}/end`)).toMatchObject({ status: 200, body: { status_name: 'ended' } });
    expect(await post(`${BASE}/${id}/end`)).toMatchObject({ status: 200, body: { status_name: 'ended' } });
  });

  it.each([
    ['pause', undefined],
    ['stock', { add: 5 }],
  ])('refuses %s', async (verb, body) => {
    const id = await running();
    await archive(id);
    expect(await post(`${BASE}/${id}/${verb}`, body)).toMatchObject({ status: 409, body: { code: 'ENDED' } });
    expect((await admin.call('GET', `${BASE}/${id}`)).body.total_count).toBe(10);
  });

  it('gives units that came too late back to the template', async () => {
    const id = await running();
    interference.before('snapshot', () => archive(id));
    expect(await post(`${BASE}/${id}/stock`, { add: 5 })).toMatchObject({ status: 409, body: { code: 'ENDED' } });
    const { body } = await admin.call('GET', `${BASE}/${id}`);
    expect(body.total_count).toBe(10);
    const template = await admin.call('GET', `/api/v1/coupon-templates/${body.coupon_id}`);
    expect(template.body.allocated_count).toBe(10);
  });
});
