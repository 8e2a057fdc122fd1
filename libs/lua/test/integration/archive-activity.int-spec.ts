import { activityKeys, REGISTRY_KEY } from '../../src/keys';
import { archiveActivity, registerActivity, unregisterActivity } from '../../src/archive-activity';
import { OutboxStream, markPersisted } from '../../src/outbox-stream';
import type { PrewarmActivity } from '../../src/activity-types';
import { aClaim, useLua } from './fixture';

const lua = useLua();

/** Sold, relayed, marked stored and ended; `lastSeq` is 2. */
async function finished(over: Partial<PrewarmActivity> = {}): Promise<PrewarmActivity> {
  const activity = await lua.open({ userRatePerSecond: 5, ...over });
  await lua.claim(activity.activityId, aClaim(1), aClaim(2));
  await relay(activity);
  await markPersisted(lua.redis, activity.activityId, [
    { seq: 1, units: 1 },
    { seq: 2, units: 1 },
  ]);
  await lua.redis.xadd(activityKeys(activity.activityId).queue, '*', 'ticket', 'left behind');
  await lua.store.setState(activity.activityId, { to: 'ended', epoch: 1 });
  return activity;
}

async function relay({ activityId }: PrewarmActivity): Promise<void> {
  const outbox = new OutboxStream(lua.redis);
  const entries = await outbox.read(activityId, { consumer: 'spec', count: 10 });
  await outbox.acknowledge(
    activityId,
    entries.map(({ streamId }) => streamId),
  );
}

const keysOf = (activity: PrewarmActivity): Promise<string[]> => lua.redis.keys(`coupon:*{${activity.activityId}}*`);

describe('archive-activity', () => {
  test('removes every key of an activity that is over and stored, and can be repeated', async () => {
    const activity = await finished();
    const all = Object.values({ ...activityKeys(activity.activityId) });
    // What this activity has not needed another one might: no key may be left out.
    for (const key of all) await lua.redis.setnx(key, '');
    const before = await keysOf(activity);
    expect(before).toHaveLength(all.length);
    expect(await archiveActivity(lua.redis, activity.activityId, 2)).toEqual({ kind: 'removed', keys: before.length });
    expect(await keysOf(activity)).toEqual([]);
    expect(await archiveActivity(lua.redis, activity.activityId, 2)).toEqual({ kind: 'absent' });
    expect(await lua.claim(activity.activityId, aClaim(3))).toEqual({ kind: 'not_loaded' });
    expect(await keysOf(activity)).toEqual([]);
  });

  test('removes what is left when the hash is gone', async () => {
    const activity = await finished();
    await lua.redis.del(activityKeys(activity.activityId).activity);
    expect(await archiveActivity(lua.redis, activity.activityId, 2)).toMatchObject({ kind: 'removed' });
    expect(await keysOf(activity)).toEqual([]);
  });

  test('takes the end of the window for the end, by the clock of Redis', async () => {
    const nowMs = Date.now();
    const activity = await lua.open({ startMs: nowMs - 2_000, endMs: nowMs - 1_000 });
    expect(await archiveActivity(lua.redis, activity.activityId, 0)).toMatchObject({ kind: 'removed' });
  });

  test.each(['open', 'paused', 'closed'] as const)('leaves an activity alone that is %s', async (state) => {
    const activity = await lua.open();
    await lua.store.setState(activity.activityId, { to: state, epoch: 1 });
    expect(await archiveActivity(lua.redis, activity.activityId, 0)).toEqual({ kind: 'not_over', state });
    expect(await lua.store.snapshot(activity.activityId)).toMatchObject({ state });
  });

  test('invariant 8: leaves an activity alone while its outbox holds an entry, read or not', async () => {
    const activity = await lua.open();
    await lua.claim(activity.activityId, aClaim(1));
    await lua.store.setState(activity.activityId, { to: 'ended', epoch: 1 });
    const archive = () => archiveActivity(lua.redis, activity.activityId, 1);
    expect(await archive()).toEqual({ kind: 'outbox_not_empty', length: 1, pending: 0 });
    const outbox = new OutboxStream(lua.redis);
    const [entry] = await outbox.read(activity.activityId, { consumer: 'spec', count: 1 });
    expect(await archive()).toEqual({ kind: 'outbox_not_empty', length: 1, pending: 1 });
    // Deleted without an acknowledgement: some relay still has it in hand.
    await lua.redis.xdel(activityKeys(activity.activityId).outbox, entry?.streamId ?? '');
    expect(await archive()).toEqual({ kind: 'outbox_not_empty', length: 0, pending: 1 });
    expect(await lua.store.snapshot(activity.activityId)).toMatchObject({ claimed: 1 });
  });

  test('invariant 8: leaves an activity alone that is at another event than the one MySQL is known to have', async () => {
    const activity = await finished();
    expect(await archiveActivity(lua.redis, activity.activityId, 1)).toEqual({ kind: 'other_sequence', eventSeq: 2 });
    expect(await archiveActivity(lua.redis, activity.activityId, 3)).toEqual({ kind: 'other_sequence', eventSeq: 2 });
    expect(await lua.store.snapshot(activity.activityId)).toMatchObject({ eventSeq: 2 });
  });

  test('the registry takes and forgets an activity', async () => {
    const { activityId } = lua.definition();
    await registerActivity(lua.redis, activityId);
    expect(await lua.redis.smembers(REGISTRY_KEY)).toContain(activityId);
    await unregisterActivity(lua.redis, activityId);
    expect(await lua.store.activities()).not.toContain(activityId);
  });
});
