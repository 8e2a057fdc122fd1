import type { ActivityId } from '@coupon/domain';
import { PIPELINE_KEY, OutboxStream, archiveActivity } from '@coupon/lua';
import { useAdmin } from './fixture';
import type { Answer } from './fixture';

const admin = useAdmin(() => ({ SCHEDULE_INTERVAL_MS: '60000' }));
const report = (id: string): Promise<Answer> => admin.call('GET', `/api/v1/flash-sales/${id}/reconciliation`);

/** The clock as it is, also while a test turns it. */
const clockMs = Date.now;

/** A worker that looks at the queue every 100 ms, as long as the test runs. */
function watchQueue(seen: { queue_ready: number; unacked: number }): () => Promise<void> {
  const write = (): void => void admin.redis.hset(PIPELINE_KEY, 'w-1', JSON.stringify({ at_ms: clockMs(), ...seen }));
  write();
  const timer = setInterval(write, 100);
  return async () => {
    clearInterval(timer);
    await admin.redis.del(PIPELINE_KEY);
  };
}

async function saleWith(wins: number): Promise<ActivityId> {
  const id = await admin.activity({ total_count: 20 });
  await admin.call('POST', `/api/v1/flash-sales/${id}/start`);
  for (let user = 1; user <= wins; user += 1) await admin.win(id, String(user));
  return id;
}

/** What the relay does once the broker has confirmed. */
async function drainOutbox(id: ActivityId): Promise<void> {
  const outbox = new OutboxStream(admin.redis);
  const entries = await outbox.read(id, { consumer: 'c', count: 100 });
  await outbox.acknowledge(
    id,
    entries.map((entry) => entry.streamId),
  );
}

/** Takes a stored claim out of MySQL again: its event is as if it had never arrived. */
async function unstore(id: ActivityId, seq: number): Promise<void> {
  await admin.database.query(
    'DELETE u FROM user_coupons u JOIN claim_events e ON e.claim_id = u.claim_id WHERE e.activity_id = ? AND e.event_seq = ?',
    [id, seq],
  );
  await admin.database.query('DELETE FROM claim_events WHERE activity_id = ? AND event_seq = ?', [id, seq]);
  await admin.database.query('UPDATE flash_sale_activities SET success_count = success_count - 1 WHERE id = ?', [id]);
}

const age = (id: ActivityId): Promise<unknown> =>
  admin.database.query('UPDATE claim_events SET at = at - INTERVAL 60 SECOND WHERE activity_id = ?', [id]);

it('is ok for an activity nobody has started, and for one whose every unit is stored', async () => {
  const pending = await admin.activity({ total_count: 20 });
  expect(await report(pending)).toMatchObject({
    status: 200,
    body: { verdict: 'ok', total: 20, available: 20, claimed: 0 },
  });
  const id = await saleWith(3);
  expect((await report(id)).body).toMatchObject({
    activity_id: id,
    verdict: 'ok',
    seq: 3,
    total: 20,
    available: 17,
    claimed: 3,
    persisted_units: 3,
    in_flight: { outbox: 0, queue: 0, dead_lettered: 0 },
    missing: [],
  });
});

it('finds an event on its way in the outbox', async () => {
  const stop = watchQueue({ queue_ready: 0, unacked: 0 });
  const id = await saleWith(4);
  await age(id);
  await unstore(id, 2);
  expect((await report(id)).body).toMatchObject({
    verdict: 'in_flight',
    in_flight: { outbox: 1, queue: 0, dead_lettered: 0 },
    missing: [{ from: 2, to: 2, where: 'outbox' }],
  });
  await stop();
});

it('names the number of an event that is nowhere', async () => {
  const stop = watchQueue({ queue_ready: 0, unacked: 0 });
  const id = await saleWith(4);
  await age(id);
  await drainOutbox(id);
  await unstore(id, 2);
  expect((await report(id)).body).toMatchObject({
    verdict: 'violation',
    missing: [{ from: 2, to: 2, where: 'nowhere' }],
  });
  await stop();
});

it.each([-3_600_000, 3_600_000])(
  'judges observations by the clock of Redis when its own is off by %d ms',
  async (offMs) => {
    const stop = watchQueue({ queue_ready: 0, unacked: 0 });
    const id = await saleWith(4);
    await age(id);
    await drainOutbox(id);
    await unstore(id, 2);
    const wrongClock = jest.spyOn(Date, 'now').mockImplementation(() => clockMs() + offMs);
    const { body } = await report(id);
    wrongClock.mockRestore();
    expect(body.verdict).toBe('violation');
    await stop();
  },
);

it('says nothing about lost events while nobody watches the queue', async () => {
  const id = await saleWith(4);
  await age(id);
  await drainOutbox(id);
  await unstore(id, 2);
  expect((await report(id)).body.verdict).toBe('unverified');
  await admin.redis.hset(PIPELINE_KEY, 'w-1', 'not JSON');
  expect((await report(id)).body.verdict).toBe('unverified');
  await admin.redis.del(PIPELINE_KEY);
});

it('follows a release from the moment it is asked for', async () => {
  const stop = watchQueue({ queue_ready: 0, unacked: 0 });
  const id = await saleWith(2);
  const claimId = await admin.win(id, '3');
  await admin.call('POST', `/api/v1/claims/${claimId}/release`, { reason: 'r' });
  // The event of the release is in the outbox: not stored yet, and no violation.
  expect((await report(id)).body).toMatchObject({ verdict: 'in_flight', seq: 4, claimed: 2, in_flight: { outbox: 1 } });
  await admin.database.query(
    `INSERT INTO claim_events (activity_id, event_seq, claim_id, user_id, quantity, kind, epoch, at)
     VALUES (?, 4, ?, 3, 1, 2, 1, UTC_TIMESTAMP(3))`,
    [id, claimId],
  );
  await admin.database.query('UPDATE flash_sale_activities SET success_count = success_count - 1 WHERE id = ?', [id]);
  expect((await report(id)).body).toMatchObject({ verdict: 'ok', persisted_units: 2, available: 18 });
  await stop();
});

it('answers from MySQL once the activity is archived', async () => {
  const id = await saleWith(3);
  await admin.database.query(
    'UPDATE flash_sale_activities SET status = 3, drained_at = UTC_TIMESTAMP(3), archived_at = UTC_TIMESTAMP(3) WHERE id = ?',
    [id],
  );
  await drainOutbox(id);
  await admin.store.setState(id, { to: 'ended', epoch: 1 });
  expect(await archiveActivity(admin.redis, id, 3)).toMatchObject({ kind: 'removed' });
  expect((await report(id)).body).toMatchObject({
    verdict: 'ok',
    seq: 3,
    total: 20,
    available: 17,
    claimed: 3,
    persisted_units: 3,
    missing: [],
  });
  await unstore(id, 2);
  // Nobody watches the queue, but MySQL alone knows that something is missing.
  expect((await report(id)).body.verdict).not.toBe('ok');
});

it('sees a counter that somebody changed by hand', async () => {
  const id = await saleWith(2);
  await admin.database.query('UPDATE flash_sale_activities SET success_count = 3 WHERE id = ?', [id]);
  const { body } = await report(id);
  expect(body.verdict).toBe('violation');
});

it('does not know an activity that is not there', async () => {
  expect(await report('999999')).toMatchObject({ status: 404, body: { code: 'ACTIVITY_NOT_FOUND' } });
});
