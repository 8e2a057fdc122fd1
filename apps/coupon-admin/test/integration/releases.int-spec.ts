import { activityKeys } from '@coupon/lua';
import { newKey, useAdmin } from './fixture';
import { lockedRow } from './locked-row';

const admin = useAdmin(() => ({ SCHEDULE_INTERVAL_MS: '60000' }));
const BASE = '/api/v1/flash-sales';

describe('release of a claim', () => {
  const release = (claimId: string, headers?: Record<string, string>) =>
    admin.call('POST', `/api/v1/claims/${claimId}/release`, { reason: 'customer asked' }, headers);

  const transitions = async (claimId: string): Promise<string[]> => {
    const rows = await admin.database.query<{ told: string }>(
      `SELECT CONCAT(t.from_status, '>', t.to_status, ' ', t.reason) AS told FROM user_coupon_transitions t
       JOIN user_coupons c ON c.id = t.user_coupon_id WHERE c.claim_id = ? ORDER BY t.id`,
      [claimId],
    );
    return rows.map(({ told }) => told);
  };

  async function wonClaim(quantity = 2) {
    const id = await admin.activity({ total_count: 10, per_user_limit: 5 }, { per_user_limit: 5 });
    await admin.call('POST', `${BASE}/${id}/start`);
    return { id, claimId: await admin.win(id, '31', quantity) };
  }

  const drain = (id: string): Promise<unknown> =>
    admin.database.query('UPDATE flash_sale_activities SET drained_at = UTC_TIMESTAMP(3) WHERE id = ?', [id]);

  it('makes the coupons void and gives the units back with an event', async () => {
    const { id, claimId } = await wonClaim();
    const answer = await release(claimId);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        claim_id: claimId,
        activity_id: id,
        user_id: '31',
        status: 'RELEASED',
        coupon_sns: [`${claimId}001`, `${claimId}002`],
      },
    });
    expect(await admin.store.snapshot(id)).toMatchObject({ available: 10, claimed: 0, eventSeq: 2 });
    const rows = await admin.database.query('SELECT status, slot FROM user_coupons WHERE claim_id = ?', [claimId]);
    expect(rows).toEqual([
      { status: 5, slot: null },
      { status: 5, slot: null },
    ]);
    expect(await transitions(claimId)).toEqual(['1>5 claim_released', '1>5 claim_released']);
    // The worker counts when it records the event.
    expect((await admin.call('GET', `${BASE}/${id}`)).body.success_count).toBe(2);
  });

  it('happens once, however often and however parallel it is asked for', async () => {
    const { id, claimId } = await wonClaim();
    const answers = await Promise.all(Array.from({ length: 10 }, () => release(claimId)));
    const again = await release(claimId, { 'idempotency-key': newKey() });
    expect(new Set([...answers, again].map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect(await admin.store.snapshot(id)).toMatchObject({ available: 10, eventSeq: 2 });
    expect(await transitions(claimId)).toHaveLength(2);
  });

  it.each([
    ['locked', 2],
    ['used', 3],
  ])('is refused once a coupon of the claim is %s, and changes nothing', async (statusName, status) => {
    const { id, claimId } = await wonClaim();
    const values = [status, `${claimId}002`];
    await admin.database.query("UPDATE user_coupons SET status = ?, order_sn = 'o-1' WHERE coupon_sn = ?", values);
    const refused = await release(claimId);
    expect([refused.status, refused.body.code, refused.body.details]).toEqual([
      409,
      'CONFLICT',
      { coupons: [{ coupon_sn: `${claimId}002`, status_name: statusName }] },
    ]);
    expect(await admin.store.snapshot(id)).toMatchObject({ available: 8, eventSeq: 1 });
    const [row] = await admin.database.query('SELECT status, slot FROM user_coupons WHERE coupon_sn = ?', [
      `${claimId}001`,
    ]);
    expect(row).toEqual({ status: 1, slot: 1 });
    expect(await transitions(claimId)).toEqual([]);
  });

  it('takes the void back when Redis knows the claim as used', async () => {
    const { id, claimId } = await wonClaim();
    const { epoch = 0 } = (await admin.store.snapshot(id)) ?? {};
    await admin.store.settle(id, { op: 'confirm', claimId, userId: '31' as never, epoch, reason: '' });
    expect((await release(claimId)).body).toMatchObject({ code: 'CONFLICT', details: { state: 'CONFIRMED' } });
    const rows = await admin.database.query('SELECT status, slot FROM user_coupons WHERE claim_id = ? ORDER BY slot', [
      claimId,
    ]);
    expect(rows).toEqual([
      { status: 1, slot: 1 },
      { status: 1, slot: 2 },
    ]);
    expect((await transitions(claimId)).sort()).toEqual([
      '1>5 claim_released',
      '1>5 claim_released',
      '5>1 release_undone',
      '5>1 release_undone',
    ]);
  });

  it('has a drained activity watched again, so that its event is stored', async () => {
    const { id, claimId } = await wonClaim();
    await admin.call('POST', `${BASE}/${id}/end`);
    await drain(id);
    expect((await release(claimId)).status).toBe(200);
    expect(await admin.store.snapshot(id)).toMatchObject({ claimed: 0, eventSeq: 2 });
    const rows = await admin.database.query(
      'SELECT drained_at, success_count FROM flash_sale_activities WHERE id = ?',
      [id],
    );
    expect(rows).toEqual([{ drained_at: null, success_count: 2 }]);
  });

  it('invariant 8: takes back that a worker writes the activity off at this moment', async () => {
    const { id, claimId } = await wonClaim();
    await admin.call('POST', `${BASE}/${id}/end`);
    // The worker has the row and has seen Redis before the release.
    const answer = await lockedRow(admin.database.url, id, 'drained_at = UTC_TIMESTAMP(3)', {
      work: () => release(claimId),
      until: async () => expect(await admin.store.snapshot(id)).toMatchObject({ eventSeq: 2 }),
    });
    expect(answer.status).toBe(200);
    const rows = await admin.database.query('SELECT drained_at FROM flash_sale_activities WHERE id = ?', [id]);
    expect(rows).toEqual([{ drained_at: null }]);
  });

  it('is refused while a worker removes the activity from Redis, and changes nothing', async () => {
    const { id, claimId } = await wonClaim(1);
    await admin.call('POST', `${BASE}/${id}/end`);
    await drain(id);
    const answer = await lockedRow(admin.database.url, id, 'archived_at = UTC_TIMESTAMP(3)', {
      work: () => release(claimId),
    });
    expect(answer).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const rows = await admin.database.query(
      `SELECT c.status, c.slot, a.drained_at IS NULL AS watched, a.archived_at IS NOT NULL AS archived
       FROM user_coupons c JOIN flash_sale_activities a ON a.id = c.activity_id WHERE c.claim_id = ?`,
      [claimId],
    );
    expect(rows.map((row) => Object.values(row).map(Number))).toEqual([[1, 1, 0, 1]]);
    const operations = await admin.database.query('SELECT 1 FROM operations WHERE active_key = ?', [
      `claim:${claimId}`,
    ]);
    expect([operations, await admin.store.snapshot(id)]).toEqual([[], expect.objectContaining({ eventSeq: 1 })]);
  });

  it('is refused once the activity is drained and has left Redis, and changes nothing', async () => {
    const { id, claimId } = await wonClaim(1);
    await drain(id);
    const { activity, stock, outbox, user } = activityKeys(id);
    await admin.redis.unlink(activity, stock, outbox, user);
    expect(await release(claimId)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const rows = await admin.database.query(
      `SELECT c.status, c.slot, a.success_count, a.drained_at IS NULL AS watched
       FROM user_coupons c JOIN flash_sale_activities a ON a.id = c.activity_id WHERE c.claim_id = ?`,
      [claimId],
    );
    expect(rows.map((row) => Object.values(row).map(Number))).toEqual([[1, 1, 1, 0]]);
  });

  it('does not find a claim nobody made', async () => {
    const answer = await release('01J00000000000000000000000');
    expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND']);
  });

  it.each(['x', '01j00000000000000000000000', "'; DROP TABLE user_coupons"])(
    'refuses %s as a claim id',
    async (claimId) => {
      const refused = await release(encodeURIComponent(claimId));
      expect([refused.status, refused.body.details.field]).toEqual([400, 'claim_id']);
    },
  );
});
