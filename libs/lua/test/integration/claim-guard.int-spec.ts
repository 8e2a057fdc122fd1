import { claimKeys } from '../../src/claim-units';
import type { ClaimOutcome } from '../../src/claim-units';
import { activityKeys } from '../../src/keys';
import { runScript } from '../../src/run-script';
import { HOUR_MS, aClaim, useLua } from './fixture';

const lua = useLua();
const withToken = { hasToken: true };
const codes = (outcomes: readonly ClaimOutcome[]): string[] =>
  outcomes.map((outcome) => (outcome.kind === 'won' ? (outcome.replayed ? 'REPLAY' : 'WON') : outcome.code));

describe('an activity with a hidden path', () => {
  test('takes claims that come with a token, each judged by its own, and counts the others', async () => {
    const { activityId } = await lua.open({ hiddenPath: true });
    const outcomes = await lua.outcomes(
      activityId,
      aClaim(1),
      aClaim(2, withToken),
      aClaim(3, { hasToken: false }),
      aClaim(4, withToken),
    );
    expect(codes(outcomes)).toEqual(['PERMISSION_DENIED', 'WON', 'PERMISSION_DENIED', 'WON']);
    expect(outcomes[0]).toMatchObject({ reason: 'no_purchase_token' });
    expect(codes(await lua.outcomes(activityId, aClaim(5)))).toEqual(['PERMISSION_DENIED']);
    expect(await lua.store.snapshot(activityId)).toMatchObject({ available: 8, claimed: 2, hiddenPath: true });
    expect(await lua.store.stats(activityId)).toMatchObject({ 'refused:PERMISSION_DENIED': 3, claims_accepted: 2 });
  });

  test('gives a receipt without one: a token lives shorter than the doubt about an answer', async () => {
    const { activityId } = await lua.open({ hiddenPath: true, perUserLimit: 2 });
    await lua.outcomes(activityId, aClaim(1, { ...withToken, idempotencyKey: 'k' }));
    expect(codes(await lua.outcomes(activityId, aClaim(1, { idempotencyKey: 'k' })))).toEqual(['REPLAY']);
    expect(codes(await lua.outcomes(activityId, aClaim(1, { idempotencyKey: 'other' })))).toEqual([
      'PERMISSION_DENIED',
    ]);
  });

  test('says nothing else to those who have none: not whether it is open, nor whether anything is left', async () => {
    const early = await lua.open({ hiddenPath: true, startMs: Date.now() + HOUR_MS, endMs: Date.now() + 2 * HOUR_MS });
    const sold = await lua.open({ hiddenPath: true, total: 1 });
    const paused = await lua.open({ hiddenPath: true });
    await lua.store.setState(paused.activityId, { to: 'paused', epoch: 1 });
    await lua.outcomes(sold.activityId, aClaim(9, withToken));
    const expected = { early: 'NOT_STARTED', sold: 'SOLD_OUT', paused: 'PAUSED' };
    for (const [name, { activityId }] of Object.entries({ early, sold, paused })) {
      expect(codes(await lua.outcomes(activityId, aClaim(1)))).toEqual(['PERMISSION_DENIED']);
      expect(codes(await lua.outcomes(activityId, aClaim(1, withToken)))).toEqual([
        expected[name as keyof typeof expected],
      ]);
    }
  });

  test('is another one than the same without it: a second prewarm does not switch it', async () => {
    const activity = await lua.open({ hiddenPath: true });
    expect(await lua.store.prewarm(activity)).toMatchObject({ kind: 'identical', record: { hiddenPath: true } });
    expect(await lua.store.prewarm({ ...activity, hiddenPath: false })).toEqual({
      kind: 'conflict',
      fields: ['guard'],
    });
    const plain = await lua.open();
    expect(await lua.store.prewarm({ ...plain, hiddenPath: true })).toEqual({ kind: 'conflict', fields: ['guard'] });
  });

  test('keeps it when it is rebuilt', async () => {
    const lost = lua.definition({ epoch: 2, hiddenPath: true });
    async function* nothing(): AsyncGenerator<[]> {
      yield [];
    }
    await lua.store.restore(lost, { claimed: 0, eventSeq: 0, claims: nothing() });
    await lua.store.setState(lost.activityId, { to: 'open', epoch: 2 });
    expect(codes(await lua.outcomes(lost.activityId, aClaim(1), aClaim(2, withToken)))).toEqual([
      'PERMISSION_DENIED',
      'WON',
    ]);
  });
});

describe('an activity without one', () => {
  test('asks for no token, also when it was loaded before there was such a thing', async () => {
    const activity = await lua.open();
    expect(codes(await lua.outcomes(activity.activityId, aClaim(1), aClaim(2, withToken)))).toEqual(['WON', 'WON']);
    await lua.redis.hdel(activityKeys(activity.activityId).activity, 'guard');
    expect(codes(await lua.outcomes(activity.activityId, aClaim(3)))).toEqual(['WON']);
    expect(await lua.store.snapshot(activity.activityId)).toMatchObject({ hiddenPath: false });
    expect(await lua.store.prewarm(activity)).toMatchObject({ kind: 'identical' });
  });
});

test.each(['T', 'T1', 'T111', 'T1x', '11', 'X11', '111', '1', ''])(
  'invariant 2: flags that do not fit two claims (%p) refuse the batch before the first write',
  async (flags) => {
    const { activityId } = await lua.open({ hiddenPath: true });
    const args = [aClaim(1), aClaim(2)].flatMap(({ userId, claimId }) => [userId, claimId, '1', '']);
    const reply = await runScript(lua.redis, 'claimUnits', claimKeys(activityId), [lua.runId, ...args, flags]);
    expect(reply).toEqual([-4]);
    expect(await lua.store.stats(activityId)).toEqual({});
  },
);
