import { OutboxStream } from '../../src/outbox-stream';
import { activityKeys } from '../../src/keys';
import { aClaim, useLua } from './fixture';

const lua = useLua();

describe('OutboxStream', () => {
  test('an entry goes to one relay, stays until it is acknowledged, and is gone then', async () => {
    const { activityId } = await lua.open();
    const outbox = new OutboxStream(lua.redis);
    await lua.outcomes(activityId, aClaim(1), aClaim(2), aClaim(3));
    const mine = await outbox.read(activityId, { consumer: 'a', count: 2 });
    const theirs = await outbox.read(activityId, { consumer: 'b', count: 2 });
    expect([...mine, ...theirs].map((entry) => entry.seq)).toEqual([1, 2, 3]);
    expect(await outbox.read(activityId, { consumer: 'a', count: 2 })).toEqual([]);
    expect(await outbox.pending(activityId)).toEqual({ length: 3, pending: 3 });
    expect(
      await outbox.acknowledge(
        activityId,
        mine.map((entry) => entry.streamId),
      ),
    ).toBe(2);
    expect(await outbox.pending(activityId)).toEqual({ length: 1, pending: 1 });
    expect([...(await outbox.sequences(activityId))]).toEqual([3]);
  });

  test('entries of a relay that died go to another, and its name is only dropped when it holds nothing', async () => {
    const { activityId } = await lua.open();
    const outbox = new OutboxStream(lua.redis);
    await lua.outcomes(activityId, aClaim(1));
    await outbox.read(activityId, { consumer: 'dead', count: 9 });
    expect(await outbox.claimStale(activityId, { consumer: 'b', minIdleMs: 60_000, count: 9 })).toEqual([]);
    expect(await outbox.removeIdleConsumers(activityId, 0)).not.toContain('dead');
    const [entry] = await outbox.claimStale(activityId, { consumer: 'b', minIdleMs: 0, count: 9 });
    expect(entry?.seq).toBe(1);
    expect(await outbox.removeIdleConsumers(activityId, 0)).toEqual(['dead']);
    expect(await outbox.acknowledge(activityId, [entry?.streamId ?? ''])).toBe(1);
  });

  test('an activity that is not loaded has an empty outbox', async () => {
    const outbox = new OutboxStream(lua.redis);
    const { activityId } = lua.definition();
    expect(await outbox.read(activityId, { consumer: 'a', count: 1 })).toEqual([]);
    expect(await outbox.claimStale(activityId, { consumer: 'a', minIdleMs: 0, count: 1 })).toEqual([]);
    expect(await outbox.pending(activityId)).toEqual({ length: 0, pending: 0 });
    expect(await outbox.removeIdleConsumers(activityId, 0)).toEqual([]);
    expect(await lua.redis.exists(activityKeys(activityId).outbox)).toBe(0);
  });
});
