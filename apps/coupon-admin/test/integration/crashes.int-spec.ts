import type { ActivityId } from '@coupon/domain';
import { eventually } from '@coupon/testing';
import { CrashPlan } from './crash-plan';
import { newKey, useAdmin } from './fixture';
import type { Answer } from './fixture';

// A process that dies anywhere in a multi-step operation: another instance carries it on, and the end is the same as without the crash.

const plan = new CrashPlan();
const QUICK = { REDIS_COMMAND_TIMEOUT_MS: '300', OPERATION_LEASE_MS: '600', OPERATION_WAIT_MS: '5000' };
const admin = useAdmin(
  () => ({ ...QUICK, SCHEDULE_INTERVAL_MS: '60000' }),
  () => plan.seams,
);
const MOST_STEPS = 12;

interface Scenario {
  readonly prepare: () => Promise<Target>;
  readonly act: (target: Target, headers: Record<string, string>) => Promise<Answer>;
}

interface Target {
  readonly id: ActivityId;
  readonly claimId?: string;
}

const post = (path: string, body: unknown, headers: Record<string, string>): Promise<Answer> =>
  admin.call('POST', path, body, headers);
const command = (verb: string) => (target: Target, headers: Record<string, string>) =>
  post(`/api/v1/flash-sales/${target.id}/${verb}`, {}, headers);

async function sale(...verbs: readonly string[]): Promise<Target> {
  const id = await admin.activity({ total_count: 10, per_user_limit: 5 }, { per_user_limit: 5, total_count: 50 });
  for (const verb of verbs) await command(verb)({ id }, {});
  return { id };
}

const scenarios: Record<string, Scenario> = {
  start: { prepare: () => sale(), act: command('start') },
  pause: { prepare: () => sale('start'), act: command('pause') },
  resume: { prepare: () => sale('start', 'pause'), act: command('resume') },
  'end of a running activity': { prepare: () => sale('start'), act: command('end') },
  'end of a pending activity': { prepare: () => sale(), act: command('end') },
  stock: {
    prepare: () => sale('start'),
    act: ({ id }, headers) => post(`/api/v1/flash-sales/${id}/stock`, { add: 7 }, headers),
  },
  release: {
    prepare: async () => {
      const { id } = await sale('start');
      return { id, claimId: await admin.win(id, '9', 3) };
    },
    act: ({ claimId }, headers) => post(`/api/v1/claims/${claimId ?? ''}/release`, { reason: 'r' }, headers),
  },
};

/** Everything that must not depend on whether somebody died on the way. */
async function endState({ id, claimId }: Target): Promise<unknown> {
  const rows = (sql: string, ...parameters: string[]): Promise<unknown[]> => admin.database.query(sql, parameters);
  const snapshot = await admin.store.snapshot(id);
  return {
    activity: await rows(
      `SELECT a.status, a.total_count, a.success_count, a.paused_at IS NULL AS not_paused, a.version, t.allocated_count
       FROM flash_sale_activities a JOIN coupon_templates t ON t.id = a.coupon_id WHERE a.id = ?`,
      id,
    ),
    redis: snapshot && {
      state: snapshot.state,
      total: snapshot.total,
      available: snapshot.available,
      claimed: snapshot.claimed,
      eventSeq: snapshot.eventSeq,
    },
    unfinished: await rows('SELECT kind FROM operations WHERE activity_id = ? AND finished_at IS NULL', id),
    operations: await rows('SELECT kind, state FROM operations WHERE activity_id = ? ORDER BY id', id),
    audit: await rows('SELECT action FROM audit_log WHERE entity_id IN (?, ?) ORDER BY id', id, claimId ?? '-'),
    coupons: await rows('SELECT status, slot FROM user_coupons WHERE activity_id = ? ORDER BY coupon_sn', id),
  };
}

/** False when the process died before it had written anything down: then nothing has happened. */
async function isUnderWay({ id }: Target): Promise<boolean> {
  const sql = 'SELECT 1 FROM operations WHERE activity_id = ? AND finished_at IS NULL';
  return (await admin.database.query(sql, [id])).length > 0;
}

/** At no moment does Redis let buyers in while MySQL says that the sale is not running. */
async function expectNobodyGetsInEarly({ id }: Target): Promise<void> {
  if ((await admin.store.snapshot(id))?.state !== 'open') return;
  const [row] = await admin.database.query('SELECT status, paused_at FROM flash_sale_activities WHERE id = ?', [id]);
  expect(row).toEqual({ status: 2, paused_at: null });
}

describe.each(Object.entries(scenarios))('%s', (_name, scenario) => {
  it('ends the same wherever the process dies', async () => {
    const untouched = await scenario.prepare();
    expect((await scenario.act(untouched, {})).status).toBe(200);
    const expected = await endState(untouched);
    let crashes = 0;
    for (let n = 1; n <= MOST_STEPS; n += 1) {
      const target = await scenario.prepare();
      const key = { 'idempotency-key': newKey() };
      plan.arm(n);
      const answer = await scenario.act(target, key);
      if (!plan.revive()) {
        expect(answer.status).toBe(200);
        expect(await endState(target)).toEqual(expected);
        break;
      }
      crashes += 1;
      expect(answer.status).toBeGreaterThanOrEqual(500);
      await expectNobodyGetsInEarly(target);
      if (await isUnderWay(target)) {
        const rescuer = await admin.another({ ...QUICK, SCHEDULE_INTERVAL_MS: '50' });
        await eventually(async () => {
          expect(await endState(target)).toEqual(expected);
        });
        await rescuer.lifecycle.stop('done');
      }
      // Who asks again with the same key learns how it ended, and nothing happens twice.
      expect((await scenario.act(target, key)).status).toBe(200);
      expect(await endState(target)).toEqual(expected);
    }
    expect(crashes).toBeGreaterThanOrEqual(2);
    expect(crashes).toBeLessThan(MOST_STEPS);
  });
});
