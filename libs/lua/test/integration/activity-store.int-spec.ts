import { HalfLoadedError } from '../../src/reply-codes';
import { OutboxStream, markPersisted } from '../../src/outbox-stream';
import { activityKeys } from '../../src/keys';
import type { RestoredClaim } from '../../src/restored-claim';
import { aClaim, useLua } from './fixture';

const lua = useLua();

async function* chunks(...claims: RestoredClaim[]): AsyncGenerator<readonly RestoredClaim[]> {
  yield claims;
}

describe('ActivityStore', () => {
  test('invariant 9: prewarm is create-only; it cannot reset the stock of a running sale', async () => {
    const activity = await lua.open({ total: 5 });
    await lua.outcomes(activity.activityId, aClaim(1), aClaim(2));
    expect(await lua.store.prewarm(activity)).toMatchObject({
      kind: 'identical',
      record: { available: 3, claimed: 2, state: 'open' },
    });
    expect(await lua.store.prewarm({ ...activity, total: 500, perUserLimit: 2 })).toEqual({
      kind: 'conflict',
      fields: ['per_user_limit', 'total'],
    });
    expect(await lua.store.snapshot(activity.activityId)).toMatchObject({ total: 5, available: 3 });
    expect(await lua.store.activities()).toContain(activity.activityId);
  });

  test('invariant 9: half of an activity is neither repaired nor overwritten by a prewarm', async () => {
    const activity = await lua.open();
    await lua.redis.del(activityKeys(activity.activityId).stock);
    await expect(lua.store.prewarm(activity)).rejects.toBeInstanceOf(HalfLoadedError);
    await expect(lua.store.snapshot(activity.activityId)).rejects.toBeInstanceOf(HalfLoadedError);
    const leftover = lua.definition();
    await lua.redis.set(activityKeys(leftover.activityId).stock, '3');
    await expect(lua.store.prewarm(leftover)).rejects.toBeInstanceOf(HalfLoadedError);
  });

  test('ended is final, and a state is only moved under the epoch the caller knows', async () => {
    const { activityId } = await lua.open();
    expect(await lua.store.setState(activityId, { to: 'open', epoch: 1 })).toEqual({ kind: 'unchanged', from: 'open' });
    expect(await lua.store.setState(activityId, { to: 'paused', epoch: 2 })).toEqual({ kind: 'wrong_epoch', epoch: 1 });
    expect(await lua.store.setState(activityId, { to: 'ended', epoch: 1 })).toEqual({ kind: 'changed', from: 'open' });
    expect(await lua.store.setState(activityId, { to: 'open', epoch: 1 })).toEqual({ kind: 'refused', state: 'ended' });
    expect(await lua.store.setState(lua.definition().activityId, { to: 'open', epoch: 1 })).toEqual({
      kind: 'not_loaded',
    });
  });

  test('stock is added once per operation and raises the stock version', async () => {
    const { activityId } = await lua.open({ total: 1 });
    const addition = { operationId: 'op-1', add: 4, epoch: 1 };
    expect(await lua.store.addStock(activityId, addition)).toEqual({ kind: 'added', total: 5, available: 5 });
    expect(await lua.store.addStock(activityId, addition)).toEqual({ kind: 'already', total: 5, available: 5 });
    expect(await lua.store.snapshot(activityId)).toMatchObject({ total: 5, available: 5, stockVersion: 2 });
    expect(await lua.store.addStock(activityId, { ...addition, operationId: 'op-2', epoch: 9 })).toEqual({
      kind: 'wrong_epoch',
      epoch: 1,
    });
  });

  test('invariant 7: a claim is released once, with its event, and its slots can be taken again', async () => {
    const { activityId } = await lua.open({ total: 2, perUserLimit: 2 });
    const claim = aClaim(1, { quantity: 2, idempotencyKey: 'k' });
    await lua.outcomes(activityId, claim);
    const release = {
      op: 'release',
      claimId: claim.claimId,
      userId: claim.userId,
      epoch: 1,
      reason: 'a "test"',
    } as const;
    expect(await lua.store.settle(activityId, release)).toEqual({ kind: 'released', eventSeq: 2 });
    expect(await lua.store.settle(activityId, release)).toEqual({ kind: 'already' });
    expect(await lua.store.snapshot(activityId)).toMatchObject({
      available: 2,
      claimed: 0,
      eventSeq: 2,
      stockVersion: 2,
    });
    const entries = await new OutboxStream(lua.redis).read(activityId, { consumer: 'a', count: 9 });
    expect(JSON.parse(entries[1]?.body ?? '')).toMatchObject({
      event_id: `${activityId}-1-2`,
      claim_id: claim.claimId,
      reason: 'a "test"',
      units: [{ slot: 1 }, { slot: 2 }],
    });
    const [sameKey, fresh] = await lua.outcomes(activityId, aClaim(1, { quantity: 2, idempotencyKey: 'k' }), aClaim(1));
    expect(sameKey).toMatchObject({ code: 'CONFLICT', reason: 'claim_released' });
    expect(fresh).toMatchObject({ kind: 'won', replayed: false });
  });

  test('invariant 7: a release that comes before its claim leaves a tombstone', async () => {
    const { activityId } = await lua.open();
    const late = aClaim(1);
    const release = { op: 'release', claimId: late.claimId, userId: late.userId, epoch: 1, reason: 'early' } as const;
    expect(await lua.store.settle(activityId, release)).toEqual({ kind: 'tombstoned' });
    expect(await lua.store.settle(activityId, release)).toEqual({ kind: 'already' });
    const [outcome] = await lua.outcomes(activityId, late);
    expect(outcome).toMatchObject({ code: 'CONFLICT', reason: 'claim_released' });
    expect(await lua.store.snapshot(activityId)).toMatchObject({ available: 10, claimed: 0, eventSeq: 0 });
  });

  test('invariant 9: nothing is settled on a Redis that nobody has verified, or that has lost its receipts', async () => {
    const { activityId } = await lua.open({ total: 2 });
    const claim = aClaim(1);
    await lua.outcomes(activityId, claim);
    const keys = activityKeys(activityId);
    const release = { op: 'release', claimId: aClaim(2).claimId, userId: claim.userId, epoch: 1, reason: '' } as const;
    await lua.redis.hset(keys.activity, 'run_id', 'an-earlier-run');
    expect(await lua.store.settle(activityId, release)).toEqual({ kind: 'wrong_run' });
    await lua.redis.hset(keys.activity, 'run_id', lua.runId);
    const receipt = await lua.redis.hget(keys.user, claim.userId);
    await lua.redis.del(keys.user);
    await expect(lua.store.settle(activityId, release)).rejects.toBeInstanceOf(HalfLoadedError);
    expect(await lua.redis.exists(keys.user)).toBe(0);
    await lua.redis.hset(keys.user, claim.userId, receipt ?? '');
    expect(await lua.store.settle(activityId, release)).toEqual({ kind: 'tombstoned' });
  });

  test('invariant 7: a confirmed claim cannot be released, a released one not confirmed', async () => {
    const { activityId } = await lua.open();
    const kept = aClaim(1);
    const given = aClaim(2);
    await lua.outcomes(activityId, kept, given);
    const settle = (claim: typeof kept, op: 'confirm' | 'release'): ReturnType<typeof lua.store.settle> =>
      lua.store.settle(activityId, { op, claimId: claim.claimId, userId: claim.userId, epoch: 1, reason: '' });
    expect(await settle(kept, 'confirm')).toEqual({ kind: 'confirmed' });
    expect(await settle(kept, 'confirm')).toEqual({ kind: 'already' });
    expect(await settle(kept, 'release')).toEqual({ kind: 'refused', state: 'CONFIRMED' });
    expect(await settle(given, 'release')).toMatchObject({ kind: 'released' });
    expect(await settle(given, 'confirm')).toEqual({ kind: 'refused', state: 'RELEASED' });
    expect(await settle(aClaim(3), 'confirm')).toEqual({ kind: 'no_such_claim' });
    expect(await lua.store.snapshot(activityId)).toMatchObject({ available: 9, claimed: 1 });
  });

  test('invariant 7: a release can never raise the stock above the total', async () => {
    const { activityId } = await lua.open({ total: 2 });
    const claim = aClaim(1);
    await lua.outcomes(activityId, claim);
    await lua.redis.set(activityKeys(activityId).stock, '2');
    const release = { op: 'release', claimId: claim.claimId, userId: claim.userId, epoch: 1, reason: '' } as const;
    expect(await lua.store.settle(activityId, release)).toEqual({ kind: 'exceeds_total' });
    expect(await lua.store.snapshot(activityId)).toMatchObject({ available: 2, claimed: 1, eventSeq: 1 });
  });

  test('purchases tell what is already in MySQL', async () => {
    const { activityId } = await lua.open({ perUserLimit: 4 });
    const [first, second] = [aClaim(1, { quantity: 2 }), aClaim(1)];
    await lua.outcomes(activityId, first, second);
    expect(await markPersisted(lua.redis, activityId, [{ seq: 1, units: 2 }])).toBe(true);
    expect(await markPersisted(lua.redis, activityId, [{ seq: 1, units: 2 }])).toBe(true);
    expect(await lua.store.purchased(activityId, first.userId)).toEqual({
      count: 3,
      claims: [
        {
          claimId: first.claimId,
          couponSns: [`${first.claimId}001`, `${first.claimId}002`],
          persisted: true,
          released: false,
        },
        { claimId: second.claimId, couponSns: [`${second.claimId}001`], persisted: false, released: false },
      ],
    });
    expect(await lua.store.snapshot(activityId)).toMatchObject({ persistedEvents: 1, persistedUnits: 2 });
    expect(await markPersisted(lua.redis, lua.definition().activityId, [{ seq: 1, units: 1 }])).toBe(false);
  });

  test('invariant 9: an activity that Redis has lost comes back closed under the next epoch, with every receipt', async () => {
    const lost = lua.definition({ epoch: 2, total: 5, perUserLimit: 2 });
    const [kept, given] = [aClaim(1), aClaim(2)];
    const claims: RestoredClaim[] = [
      {
        userId: kept.userId,
        claimId: kept.claimId,
        eventSeq: 1,
        slots: [1],
        idempotencyKey: 'my-key',
        released: false,
      },
      { userId: given.userId, claimId: given.claimId, eventSeq: 2, slots: [], idempotencyKey: '', released: true },
    ];
    const restore = (): ReturnType<typeof lua.store.restore> =>
      lua.store.restore(lost, { claimed: 1, eventSeq: 1000, claims: chunks(...claims) });
    expect(await restore()).toEqual({ kind: 'restored' });
    expect(await restore()).toEqual({ kind: 'already' });
    expect(await lua.store.snapshot(lost.activityId)).toMatchObject({
      state: 'closed',
      available: 4,
      epoch: 2,
      eventSeq: 1000,
    });
    await lua.store.setState(lost.activityId, { to: 'open', epoch: 2 });
    const [replay, tombstone, fresh] = await lua.outcomes(
      lost.activityId,
      aClaim(1, { idempotencyKey: 'my-key' }),
      given,
      aClaim(1),
    );
    expect(replay).toMatchObject({ kind: 'won', replayed: true, claimId: kept.claimId });
    expect(tombstone).toMatchObject({ reason: 'claim_released' });
    expect(fresh).toMatchObject({ kind: 'won', replayed: false });
    expect(await lua.store.snapshot(lost.activityId)).toMatchObject({ claimed: 2, eventSeq: 1001 });
  });

  test('invariant 9: a restore without the receipts of what was claimed is refused: the activity stays lost, not half there', async () => {
    const lost = lua.definition({ epoch: 2 });
    expect(await lua.store.restore(lost, { claimed: 3, eventSeq: 3, claims: chunks() })).toEqual({
      kind: 'incomplete',
    });
    expect(await lua.store.snapshot(lost.activityId)).toBeNull();
    expect(await lua.store.restore(lost, { claimed: 11, eventSeq: 11, claims: chunks() })).toEqual({
      kind: 'exceeds_total',
    });
  });

  test('invariant 9: only what is lost is closed before a rebuild, never a whole activity on this run', async () => {
    const whole = await lua.open();
    expect(await lua.store.closeLost(whole.activityId, 1)).toBe(false);
    expect(await lua.store.snapshot(whole.activityId)).toMatchObject({ state: 'open' });
    const elsewhere = await lua.open();
    await lua.redis.hset(activityKeys(elsewhere.activityId).activity, 'run_id', 'an-earlier-run');
    expect(await lua.store.closeLost(elsewhere.activityId, 2)).toBe(true);
    expect(await lua.store.snapshot(elsewhere.activityId)).toMatchObject({ state: 'open' });
    expect(await lua.store.closeLost(elsewhere.activityId, 1)).toBe(true);
    expect(await lua.store.snapshot(elsewhere.activityId)).toMatchObject({ state: 'closed' });
    const half = await lua.open();
    await lua.redis.del(activityKeys(half.activityId).stock);
    expect(await lua.store.closeLost(half.activityId, 1)).toBe(true);
    expect(await lua.redis.hget(activityKeys(half.activityId).activity, 'state')).toBe('closed');
  });

  test('invariant 9: a restore throws no outbox entry away and goes back to no older epoch', async () => {
    const activity = await lua.open({ epoch: 3 });
    await lua.outcomes(activity.activityId, aClaim(1));
    const empty = { claimed: 0, eventSeq: 9, claims: chunks() };
    expect(await lua.store.restore({ ...activity, epoch: 4 }, empty)).toEqual({ kind: 'nothing_to_restore' });
    await lua.store.setState(activity.activityId, { to: 'closed', epoch: 3 });
    expect(await lua.store.restore({ ...activity, epoch: 4 }, { ...empty, claims: chunks() })).toEqual({
      kind: 'outbox_not_empty',
      length: 1,
    });
    expect(await lua.store.restore({ ...activity, epoch: 2 }, { ...empty, claims: chunks() })).toEqual({
      kind: 'wrong_epoch',
      epoch: 3,
    });
    expect(await lua.store.snapshot(activity.activityId)).toMatchObject({ claimed: 1, epoch: 3 });
  });
});
