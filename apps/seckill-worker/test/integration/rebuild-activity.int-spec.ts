import type { UserId } from '@coupon/domain';
import { OutboxStream, activityKeys } from '@coupon/lua';
import { MysqlRestoreLedger } from '../../src/adapters/mysql-restore-ledger';
import { RestoreActivity } from '../../src/use-cases/restore-activity.use-case';
import { SEEN, logger, useRestart } from '../support/restart';

const restart = useRestart();

describe('invariant 9: an activity that Redis has lost', () => {
  test('a Redis that lost everything gets it back from MySQL: receipts, slots, tombstones, stock', async () => {
    const id = await restart.running(20, 3);
    const first = await restart.claim(restart.redis, id, 1, 2, 'key-of-user-1');
    for (let user = 2; user <= 6; user += 1) await restart.claim(restart.redis, id, user, 1);
    const given = await restart.claim(restart.redis, id, 7, 2);
    if (first.kind !== 'won' || given.kind !== 'won') throw new Error('not won');
    const release = { op: 'release', claimId: given.claimId, userId: '7' as UserId, epoch: 1, reason: 'spec' } as const;
    await restart.store.settle(id, release);
    await restart.persistOutbox(id);
    await restart.redis.flushdb();
    expect(await restart.verifier().execute(id)).toBe('restored');
    expect(await restart.store.snapshot(id)).toMatchObject({
      epoch: 2,
      state: 'open',
      total: 20,
      claimed: 7,
      available: 13,
      eventSeq: 8,
      persistedEvents: 8,
      persistedUnits: 7,
    });
    expect(await restart.claim(restart.redis, id, 1, 2, 'key-of-user-1')).toMatchObject({
      claimId: first.claimId,
      replayed: true,
    });
    expect(await restart.claim(restart.redis, id, 1, 2)).toMatchObject({ code: 'LIMIT_REACHED' });
    expect(await restart.claim(restart.redis, id, 1, 1)).toMatchObject({ kind: 'won', replayed: false });
    const [entry] = await new OutboxStream(restart.redis).read(id, { consumer: 'spec', count: 1 });
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({ event_seq: 9, epoch: 2, units: [{ slot: 3 }] });
    expect(await restart.prisma.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } })).toMatchObject({
      epoch: 2,
    });
    expect(await restart.prisma.operation.findFirstOrThrow({ where: { activityId: BigInt(id) } })).toMatchObject({
      state: 'done',
      activeKey: null,
    });
  });

  test('a release that was cut off between MySQL and Redis can be carried through after a rebuild', async () => {
    const id = await restart.running(5, 3);
    const given = await restart.claim(restart.redis, id, 1, 2);
    await restart.claim(restart.redis, id, 1, 1);
    await restart.persistOutbox(id);
    if (given.kind !== 'won') throw new Error('not won');
    await restart.prisma.userCoupon.updateMany({ where: { claimId: given.claimId }, data: { status: 5, slot: null } });
    await restart.redis.flushdb();
    expect(await restart.verifier().execute(id)).toBe('restored');
    expect(await restart.store.snapshot(id)).toMatchObject({ claimed: 3, available: 2, eventSeq: 2 });
    const release = { op: 'release', claimId: given.claimId, userId: '1' as UserId, epoch: 2, reason: 'spec' } as const;
    expect(await restart.store.settle(id, release)).toEqual({ kind: 'released', eventSeq: 3 });
    expect(await restart.store.snapshot(id)).toMatchObject({ claimed: 1, available: 4 });
  });

  test('a Redis that is behind MySQL (an older disk) is rebuilt, not believed', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.claim(restart.redis, id, 2);
    await restart.persistOutbox(id);
    const k = activityKeys(id);
    // As the activity was before the second claim.
    await restart.redis.hset(k.activity, { claimed: '1', event_seq: '1', run_id: 'an-earlier-run' });
    await restart.redis.set(k.stock, '4');
    await restart.redis.hdel(k.user, '2');
    expect(await restart.verifier().execute(id)).toBe('restored');
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 2, claimed: 2, available: 3, eventSeq: 2 });
    expect(await restart.claim(restart.redis, id, 2)).toMatchObject({ replayed: true });
  });

  test('a Redis whose counters do not add up is rebuilt, not believed', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.persistOutbox(id);
    await restart.redis.set(activityKeys(id).stock, '5');
    await restart.anotherRun(id);
    expect(await restart.verifier().execute(id)).toBe('restored');
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 2, claimed: 1, available: 4 });
  });

  test('a rebuild waits until the outbox that was left is relayed', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.redis.del(activityKeys(id).stock);
    await restart.anotherRun(id);
    const verify = restart.verifier();
    expect(await verify.execute(id)).toBe('waiting');
    // Nothing has begun: what is in the outbox belongs to the epoch that still holds.
    expect(await restart.prisma.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } })).toMatchObject({
      epoch: 1,
    });
    expect(await restart.prisma.operation.count({ where: { activityId: BigInt(id) } })).toBe(0);
    expect(await restart.redis.hget(activityKeys(id).activity, 'state')).toBe('closed');
    await restart.persistOutbox(id);
    expect(await verify.execute(id)).toBe('restored');
    expect(await restart.store.snapshot(id)).toMatchObject({ claimed: 1, available: 4 });
  });

  test('a rebuild that died in the middle is continued under the same epoch', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.persistOutbox(id);
    await restart.redis.flushdb();
    const ledger = new MysqlRestoreLedger(restart.prisma, { userRatePerSecond: 0 });
    expect(await ledger.begin(id, SEEN)).toMatchObject({ plan: { activity: { epoch: 2 }, claimed: 1, eventSeq: 1 } });
    expect(await restart.verifier().execute(id)).toBe('restored');
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 2, state: 'open' });
  });

  test('a rebuild that died before it could open the activity is continued, too', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.persistOutbox(id);
    await restart.redis.flushdb();
    const ledger = new MysqlRestoreLedger(restart.prisma, { userRatePerSecond: 0 });
    const begun = await ledger.begin(id, SEEN);
    if (begun.kind !== 'plan') throw new Error('no plan');
    await restart.store.restore(begun.plan.activity, { claimed: 1, eventSeq: 1, claims: ledger.claims(id) });
    expect(await restart.verifier().execute(id)).toBe('restored');
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 2, state: 'open', persistedEvents: 1 });
  });

  test('a worker that comes late neither closes nor rebuilds what another has put back', async () => {
    const id = await restart.running(5, 1);
    await restart.redis.flushdb();
    expect(await restart.verifier().execute(id)).toBe('restored');
    await restart.claim(restart.redis, id, 1);
    const ledger = new MysqlRestoreLedger(restart.prisma, { userRatePerSecond: 0 });
    const late = new RestoreActivity({
      store: restart.store,
      outbox: { pending: () => Promise.resolve({ length: 0, pending: 0 }) },
      ledger,
      markPersisted: () => Promise.resolve(),
      logger,
    });
    expect(await late.prepare(id, 1)).toBe(true);
    expect(await late.prepare(id, 2)).toBe(false);
    expect(await late.execute(id, SEEN)).toBe(false);
    // It saw the restore under way, and the other one finished before it could lock the row.
    expect(await late.execute(id, { epoch: 2, restoring: true })).toBe(false);
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 2, state: 'open', claimed: 1 });
  });

  test('a restore that was begun and then not needed ends, and Redis follows to the epoch MySQL has moved to', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.persistOutbox(id);
    const ledger = new MysqlRestoreLedger(restart.prisma, { userRatePerSecond: 0 });
    const restore = new RestoreActivity({
      store: restart.store,
      outbox: new OutboxStream(restart.redis),
      ledger,
      markPersisted: () => Promise.resolve(),
      logger,
    });
    // It was found lost; whoever found it whole has opened it since.
    expect(await restore.execute(id, SEEN)).toBe(false);
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 1, state: 'open' });
    expect([...(await ledger.unfinishedRestores())]).toContain(id);
    await restart.claim(restart.redis, id, 2);
    expect(await restart.verifier().execute(id, true)).toBe('current');
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 2, state: 'open', claimed: 2, eventSeq: 2 });
    expect(await ledger.activity(id)).toMatchObject({ epoch: 2, restoring: false });
    expect([...(await ledger.unfinishedRestores())]).not.toContain(id);
    expect(await restart.claim(restart.redis, id, 3)).toMatchObject({ kind: 'won' });
  });

  test('a restore that died after it had opened the activity is finished', async () => {
    const id = await restart.running(5, 1);
    await restart.redis.flushdb();
    const finish = jest.spyOn(MysqlRestoreLedger.prototype, 'finish').mockRejectedValueOnce(new Error('killed'));
    await expect(restart.verifier().execute(id)).rejects.toThrow('killed');
    finish.mockRestore();
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 2, state: 'open' });
    expect(await restart.verifier().execute(id, true)).toBe('current');
    const ledger = new MysqlRestoreLedger(restart.prisma, { userRatePerSecond: 0 });
    expect(await ledger.activity(id)).toMatchObject({ epoch: 2, restoring: false });
  });

  test('an activity in use that knows less than MySQL does not get the epoch of a restore it would need', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.persistOutbox(id);
    const ledger = new MysqlRestoreLedger(restart.prisma, { userRatePerSecond: 0 });
    await ledger.begin(id, SEEN);
    await restart.redis.hset(activityKeys(id).activity, 'event_seq', '0');
    expect(await restart.verifier().execute(id, true)).toBe('waiting');
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 1 });
    expect(await ledger.activity(id)).toMatchObject({ restoring: true });
  });

  test('two workers that rebuild at once bring back one activity', async () => {
    const id = await restart.running(30, 1);
    for (let user = 1; user <= 10; user += 1) await restart.claim(restart.redis, id, user);
    await restart.persistOutbox(id);
    await restart.redis.flushdb();
    await Promise.all([restart.verifier().execute(id), restart.verifier().execute(id), restart.verifier().execute(id)]);
    expect(await restart.verifier().execute(id)).toBe('current');
    expect(await restart.store.snapshot(id)).toMatchObject({ claimed: 10, available: 20, state: 'open', epoch: 2 });
    expect(await restart.claim(restart.redis, id, 10)).toMatchObject({ replayed: true });
  });

  test('an activity whose first load is still under way is left to whoever loads it', async () => {
    const id = await restart.running(5, 1);
    await restart.redis.flushdb();
    const operation = await restart.prisma.operation.create({
      data: {
        operationId: `load-${id}`,
        kind: 'start',
        activityId: BigInt(id),
        activeKey: `activity:${id}`,
        state: 'created',
        payload: {},
      },
    });
    expect(await restart.verifier().execute(id)).toBe('waiting');
    const ledger = new MysqlRestoreLedger(restart.prisma, { userRatePerSecond: 0 });
    expect(await ledger.begin(id, SEEN)).toEqual({ kind: 'superseded' });
    await restart.prisma.operation.update({
      where: { id: operation.id },
      data: { finishedAt: new Date(), activeKey: null },
    });
    expect(await restart.verifier().execute(id)).toBe('restored');
  });

  test('an activity with promised units in the dead-letter queue is not sold again before they are replayed', async () => {
    const id = await restart.running(5, 1);
    await restart.redis.flushdb();
    const letter = await restart.prisma.deadLetter.create({
      data: {
        eventId: `${id}-1-1`,
        queue: 'q',
        activityId: BigInt(id),
        eventSeq: 1n,
        reasonCode: 'X',
        reason: 'spec',
        body: '{}',
      },
    });
    expect(await restart.verifier().execute(id)).toBe('waiting');
    await restart.prisma.deadLetter.update({ where: { id: letter.id }, data: { replayedAt: new Date() } });
    expect(await restart.verifier().execute(id)).toBe('restored');
    expect(await restart.store.snapshot(id)).toMatchObject({ eventSeq: 1 });
  });

  test('a restore opens from closed only: an operator who ended the sale meanwhile is not overruled', async () => {
    const id = await restart.running(5, 1);
    await restart.redis.flushdb();
    const ledger = new MysqlRestoreLedger(restart.prisma, { userRatePerSecond: 0 });
    const restore = new RestoreActivity({
      store: restart.store,
      outbox: new OutboxStream(restart.redis),
      ledger,
      markPersisted: () => Promise.resolve(),
      logger,
    });
    const events = jest.spyOn(ledger, 'state').mockImplementation(async () => {
      await restart.store.setState(id, { to: 'paused', epoch: 2 });
      return 'open';
    });
    expect(await restore.execute(id, SEEN)).toBe(true);
    expect(events).toHaveBeenCalled();
    expect(await restart.store.snapshot(id)).toMatchObject({ state: 'paused' });
  });
});
