import { OutboxStream } from '../../src/outbox-stream';
import { activityKeys } from '../../src/keys';
import { claimKeys } from '../../src/claim-units';
import { runScript } from '../../src/run-script';
import type { TemplateId } from '@coupon/domain';
import type { ClaimOutcome } from '../../src/claim-units';
import { HOUR_MS, aClaim, useLua } from './fixture';

const lua = useLua();

const codes = (outcomes: readonly ClaimOutcome[]): string[] =>
  outcomes.map((outcome) => (outcome.kind === 'won' ? (outcome.replayed ? 'REPLAY' : 'WON') : outcome.code));

describe('claim-units', () => {
  test('invariant 1: the unit that is taken and the event that tells of it appear in one step', async () => {
    const { activityId } = await lua.open({ total: 3, perUserLimit: 2 });
    const claim = aClaim(7, { quantity: 2, idempotencyKey: 'order-"1"' });
    const [outcome] = await lua.outcomes(activityId, claim);
    expect(outcome).toMatchObject({ kind: 'won', claimId: claim.claimId });
    const [entry, ...rest] = await new OutboxStream(lua.redis).read(activityId, { consumer: 'relay-1', count: 10 });
    expect(rest).toEqual([]);
    expect(entry).toMatchObject({ type: 'flash_sale.succeeded.v1', eventId: `${activityId}-1-1`, seq: 1 });
    expect(JSON.parse(entry?.body ?? '')).toEqual({
      schema_version: 1,
      event_id: `${activityId}-1-1`,
      event_seq: 1,
      activity_id: activityId,
      template_id: '3',
      user_id: '7',
      claim_id: claim.claimId,
      units: [
        { sn: `${claim.claimId}001`, slot: 1 },
        { sn: `${claim.claimId}002`, slot: 2 },
      ],
      epoch: 1,
      claimed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      idempotency_key: 'order-"1"',
    });
    expect(await lua.store.snapshot(activityId)).toMatchObject({ available: 1, claimed: 2, eventSeq: 1 });
  });

  test('invariant 1: the script alone leaves both, so a caller that dies before it reads the reply loses nothing', async () => {
    const { activityId } = await lua.open();
    const { userId, claimId } = aClaim(1);
    await runScript(lua.redis, 'claimUnits', claimKeys(activityId), [lua.runId, userId, claimId, 1, '']);
    expect(await lua.store.snapshot(activityId)).toMatchObject({ available: 9, claimed: 1, eventSeq: 1 });
    expect(await lua.redis.xlen(activityKeys(activityId).outbox)).toBe(1);
  });

  test('invariant 1: a relay that comes late still gets every event', async () => {
    const { activityId } = await lua.open();
    await lua.outcomes(activityId, aClaim(1), aClaim(2));
    const entries = await new OutboxStream(lua.redis).read(activityId, { consumer: 'first reader', count: 10 });
    expect(entries.map((entry) => entry.seq)).toEqual([1, 2]);
  });

  test.each([
    ['a quantity of zero', ['1', 'A'.repeat(26), '0', '']],
    ['a fractional quantity', ['1', 'A'.repeat(26), '1.5', '']],
    ['a negative quantity', ['1', 'A'.repeat(26), '-1', '']],
    ['a user id that is no number', ['x', 'A'.repeat(26), '1', '']],
    ['a claim id of the wrong length', ['1', 'A', '1', '']],
    ['a key that is too long', ['1', 'A'.repeat(26), '1', 'k'.repeat(65)]],
    ['a missing value', ['1', 'A'.repeat(26), '1']],
    ['a quantity above 2^31-1', ['1', 'A'.repeat(26), '2147483648', '']],
    ['a quantity in another notation', ['1', 'A'.repeat(26), '1e1', '']],
    ['the user id 0', ['0', 'A'.repeat(26), '1', '']],
    ['a user id with a leading zero', ['007', 'A'.repeat(26), '1', '']],
    ['a claim id with a colon in it', ['1', `${'A'.repeat(25)}:`, '1', '']],
  ])('invariant 2: one bad claim (%s) refuses the whole batch before the first write', async (_, bad) => {
    const { activityId } = await lua.open({ userRatePerSecond: 5 });
    const good = aClaim(1);
    const everything = (): Promise<unknown[]> =>
      Promise.all(Object.values(activityKeys(activityId)).map((key: string) => lua.redis.dumpBuffer(key)));
    const before = await everything();
    const reply = await runScript(lua.redis, 'claimUnits', claimKeys(activityId), [
      lua.runId,
      good.userId,
      good.claimId,
      '1',
      '',
      ...bad,
    ]);
    expect(reply).toEqual([-4]);
    expect(await everything()).toEqual(before);
  });

  test('invariant 2: ids and times keep all their digits', async () => {
    const user = '9223372036854775807';
    const template = '9223372036854775806' as TemplateId;
    const { activityId } = await lua.open({ total: 1, templateId: template });
    const claim = aClaim(user);
    const before = (await lua.store.snapshot(activityId))?.nowMs ?? 0;
    await lua.outcomes(activityId, claim);
    const after = (await lua.store.snapshot(activityId))?.nowMs ?? 0;
    const release = { op: 'release', claimId: claim.claimId, userId: claim.userId, epoch: 1, reason: '' } as const;
    await lua.store.settle(activityId, release);
    const entries = await new OutboxStream(lua.redis).read(activityId, { consumer: 'a', count: 2 });
    const ids = { user_id: user, template_id: template, activity_id: activityId };
    expect(entries.map(({ body }) => JSON.parse(body) as object)).toMatchObject([ids, ids]);
    const { claimed_at } = JSON.parse(entries[0]?.body ?? '') as { claimed_at: string };
    expect(Date.parse(claimed_at)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(claimed_at)).toBeLessThanOrEqual(after);
  });

  test('invariant 3: the same key gets the same receipt, also when nothing is left and when the sale is over', async () => {
    const activity = await lua.open({ total: 1, perUserLimit: 2 });
    const id = activity.activityId;
    const first = aClaim(1, { idempotencyKey: 'k1' });
    const again = (): Promise<readonly ClaimOutcome[]> => lua.outcomes(id, aClaim(1, { idempotencyKey: 'k1' }));
    expect(codes(await lua.outcomes(id, first))).toEqual(['WON']);
    expect(await again()).toEqual([
      { kind: 'won', claimId: first.claimId, couponSns: [`${first.claimId}001`], replayed: true },
    ]);
    expect(codes(await lua.outcomes(id, aClaim(2)))).toEqual(['SOLD_OUT']);
    expect(codes(await again())).toEqual(['REPLAY']);
    await lua.store.setState(id, { to: 'paused', epoch: 1 });
    expect(codes(await again())).toEqual(['REPLAY']);
    await lua.store.setState(id, { to: 'ended', epoch: 1 });
    expect(codes(await again())).toEqual(['REPLAY']);
    expect(codes(await lua.outcomes(id, aClaim(3)))).toEqual(['ENDED']);
  });

  test('invariant 3: the same key with another quantity is a conflict', async () => {
    const { activityId } = await lua.open({ perUserLimit: 3 });
    const answers = await lua.outcomes(
      activityId,
      aClaim(1, { idempotencyKey: 'k' }),
      aClaim(1, { idempotencyKey: 'k', quantity: 2 }),
    );
    expect(codes(answers)).toEqual(['WON', 'CONFLICT']);
  });

  test('invariant 3: at limit 1 any further claim of the user is a replay of the first', async () => {
    const { activityId } = await lua.open();
    const answers = await lua.outcomes(
      activityId,
      aClaim(1, { idempotencyKey: 'a' }),
      aClaim(1, { idempotencyKey: 'b' }),
      aClaim(1),
      aClaim(1, { idempotencyKey: 'c', quantity: 4 }),
    );
    expect(codes(answers)).toEqual(['WON', 'REPLAY', 'REPLAY', 'REPLAY']);
    expect(await lua.store.snapshot(activityId)).toMatchObject({ claimed: 1 });
  });

  test('invariant 3: at limit 1 the replay comes first, too: sold out, paused and ended change nothing', async () => {
    const { activityId } = await lua.open({ total: 1 });
    const again = async (): Promise<string[]> => codes(await lua.outcomes(activityId, aClaim(1)));
    expect(await again()).toEqual(['WON']);
    expect(await again()).toEqual(['REPLAY']);
    await lua.store.setState(activityId, { to: 'paused', epoch: 1 });
    expect(await again()).toEqual(['REPLAY']);
    await lua.store.setState(activityId, { to: 'ended', epoch: 1 });
    expect(await again()).toEqual(['REPLAY']);
  });

  test('invariant 3: a replay is no try: the rate neither refuses it nor counts it', async () => {
    const { activityId } = await lua.open({ perUserLimit: 3, userRatePerSecond: 1 });
    const keyed = (key: string): ReturnType<typeof aClaim> => aClaim(1, { idempotencyKey: key });
    const answers = await lua.outcomes(activityId, keyed('a'), keyed('b'), keyed('a'), keyed('a'));
    expect(codes(answers)).toEqual(['WON', 'RATE_LIMITED', 'REPLAY', 'REPLAY']);
    expect(codes(await lua.outcomes(activityId, keyed('a')))).toEqual(['REPLAY']);
  });

  test('a new key is a new claim until the limit of the user', async () => {
    const { activityId } = await lua.open({ perUserLimit: 3 });
    const answers = await lua.outcomes(
      activityId,
      aClaim(1, { quantity: 2 }),
      aClaim(1, { quantity: 2 }),
      aClaim(1),
      aClaim(1),
      aClaim(2, { quantity: 4 }),
      aClaim(2, { quantity: 2_000_000_000 }),
    );
    expect(codes(answers)).toEqual(['WON', 'LIMIT_REACHED', 'WON', 'LIMIT_REACHED', 'LIMIT_REACHED', 'LIMIT_REACHED']);
  });

  test('a claim for more than what is left is told how much is left, and takes nothing', async () => {
    const { activityId } = await lua.open({ perUserLimit: 5, total: 3 });
    const reply = await lua.claim(activityId, aClaim(1, { quantity: 2 }), aClaim(2, { quantity: 2 }), aClaim(3));
    expect(reply.kind === 'decided' && codes(reply.outcomes)).toEqual(['WON', 'SOLD_OUT', 'WON']);
    expect(reply).toMatchObject({ available: 0 });
  });

  test('the rate of a user counts tries of this and the last second', async () => {
    const { activityId } = await lua.open({ perUserLimit: 3, userRatePerSecond: 2 });
    const tries = Array.from({ length: 6 }, () => aClaim(1, { quantity: 3 }));
    const answers = codes(await lua.outcomes(activityId, ...tries, aClaim(2)));
    expect(answers.filter((code) => code === 'WON')).toHaveLength(2);
    expect(answers.filter((code) => code === 'RATE_LIMITED').length).toBeGreaterThanOrEqual(4);
    expect(answers[6]).toBe('WON');
    expect(await lua.redis.ttl(activityKeys(activityId).rateEven).then((ttl) => ttl !== -1)).toBe(true);
  });

  test.each(['fields', 'stock', 'relay group', 'user hash'])(
    'invariant 9: without its %s an activity refuses, it is never read as empty or endless',
    async (part) => {
      const { activityId } = await lua.open({ perUserLimit: 2 });
      const k = activityKeys(activityId);
      await lua.outcomes(activityId, aClaim(1));
      if (part === 'fields') await lua.redis.hdel(k.activity, 'per_user_limit');
      if (part === 'stock') await lua.redis.del(k.stock);
      if (part === 'relay group') await lua.redis.xgroup('DESTROY', k.outbox, 'relay');
      if (part === 'user hash') await lua.redis.del(k.user);
      expect(await lua.claim(activityId, aClaim(2))).toEqual({ kind: 'half_loaded' });
      expect(await lua.redis.xlen(k.outbox)).toBe(1);
    },
  );

  test('invariant 9: an activity that was opened on another run of Redis refuses until somebody has verified it', async () => {
    const { activityId } = await lua.open();
    await lua.redis.hset(activityKeys(activityId).activity, 'run_id', 'before-the-restart');
    expect(await lua.claim(activityId, aClaim(1))).toEqual({ kind: 'wrong_run' });
    expect(await lua.store.adoptRun(activityId, { epoch: 1, verifiedRunId: 'yet another' })).toMatchObject({
      kind: 'other_run',
    });
    expect(await lua.store.adoptRun(activityId, { epoch: 1, verifiedRunId: 'before-the-restart' })).toEqual({
      kind: 'adopted',
    });
    expect(codes(await lua.outcomes(activityId, aClaim(1)))).toEqual(['WON']);
  });

  test('invariant 10: the clock of Redis decides the window', async () => {
    const [seconds] = await lua.redis.time();
    const redisNow = Number(seconds) * 1000;
    const notYet = await lua.open({ startMs: redisNow + HOUR_MS, endMs: redisNow + 2 * HOUR_MS });
    const over = await lua.open({ startMs: redisNow - 2 * HOUR_MS, endMs: redisNow - HOUR_MS });
    const now = await lua.open({ startMs: redisNow - HOUR_MS, endMs: redisNow + HOUR_MS, perUserLimit: 2 });
    const wrongClock = jest.spyOn(Date, 'now').mockReturnValue(redisNow + 1.5 * HOUR_MS);
    expect(codes(await lua.outcomes(now.activityId, aClaim(1)))).toEqual(['WON']);
    expect(codes(await lua.outcomes(notYet.activityId, aClaim(1)))).toEqual(['NOT_STARTED']);
    expect(codes(await lua.outcomes(over.activityId, aClaim(1)))).toEqual(['ENDED']);
    wrongClock.mockReturnValue(redisNow - 1.5 * HOUR_MS);
    expect(codes(await lua.outcomes(now.activityId, aClaim(1)))).toEqual(['WON']);
    expect(codes(await lua.outcomes(over.activityId, aClaim(1)))).toEqual(['ENDED']);
    wrongClock.mockRestore();
  });

  test('a paused, a closed and an unknown activity each say so', async () => {
    const paused = await lua.open();
    await lua.store.setState(paused.activityId, { to: 'paused', epoch: 1 });
    expect(codes(await lua.outcomes(paused.activityId, aClaim(1)))).toEqual(['PAUSED']);
    const closed = lua.definition();
    await lua.store.prewarm(closed);
    expect(codes(await lua.outcomes(closed.activityId, aClaim(1)))).toEqual(['NOT_READY']);
    expect(await lua.claim(lua.definition().activityId, aClaim(1))).toEqual({ kind: 'not_loaded' });
  });

  test('keys and reasons with quotes, brackets and Lua in them are data, nothing else', async () => {
    const { activityId } = await lua.open({ perUserLimit: 2, total: 5 });
    const key = `"];redis.call('FLUSHALL')--:0:R|\\`;
    const first = aClaim(1, { idempotencyKey: key });
    await lua.outcomes(activityId, first);
    const second = await lua.outcomes(
      activityId,
      aClaim(1, { idempotencyKey: 'plain' }),
      aClaim(1, { idempotencyKey: key }),
    );
    expect(codes(second)).toEqual(['WON', 'REPLAY']);
    const entries = await new OutboxStream(lua.redis).read(activityId, { consumer: 'a', count: 5 });
    expect((JSON.parse(entries[0]?.body ?? '') as { idempotency_key: string }).idempotency_key).toBe(key);
  });
});
