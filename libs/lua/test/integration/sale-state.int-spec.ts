import { readSaleState, readWinners } from '../../src/sale-state';
import { activityKeys } from '../../src/keys';
import { HOUR_MS, aClaim, useLua } from './fixture';

const lua = useLua();
const winnersOf = async (...args: Parameters<typeof readWinners>): Promise<string[]> => {
  const winners: string[] = [];
  for await (const chunk of readWinners(...args)) winners.push(...chunk);
  return winners.sort();
};

describe('readSaleState', () => {
  test('tells window, stock and event number, and the event number changes with every win and release only', async () => {
    const { activityId } = await lua.open({ total: 2 });
    const read = () => readSaleState(lua.redis, activityId, lua.runId);
    const known = { kind: 'known', window: 'open', runId: lua.runId, epoch: 1, perUserLimit: 1, guarded: false };
    expect(await read()).toEqual({ ...known, available: 2, eventSeq: 0, stockVersion: 1 });
    const claim = aClaim(7);
    await lua.claim(activityId, claim, aClaim(8), aClaim(9));
    expect(await read()).toEqual({ ...known, available: 0, eventSeq: 2, stockVersion: 1 });
    await lua.store.addStock(activityId, { operationId: 'x', add: 1, epoch: 1 });
    expect(await read()).toEqual({ ...known, available: 1, eventSeq: 2, stockVersion: 2 });
    await lua.store.settle(activityId, {
      op: 'release',
      claimId: claim.claimId,
      userId: claim.userId,
      epoch: 1,
      reason: 'r',
    });
    expect(await read()).toEqual({ ...known, available: 2, eventSeq: 3, stockVersion: 3 });
  });

  test('says what the claim script says about the window', async () => {
    const now = Date.now();
    const cases = [
      [{}, 'open', 'won'],
      [{ startMs: now + HOUR_MS, endMs: now + 2 * HOUR_MS }, 'not_started', 'NOT_STARTED'],
      [{ startMs: now - 2 * HOUR_MS, endMs: now - HOUR_MS }, 'ended', 'ENDED'],
    ] as const;
    for (const [over, window, outcome] of cases) {
      const { activityId } = await lua.open(over);
      expect(await readSaleState(lua.redis, activityId, lua.runId)).toMatchObject({ window });
      const [first] = await lua.outcomes(activityId, aClaim(7));
      expect(first?.kind === 'won' ? 'won' : first?.code).toBe(outcome);
    }
    const { activityId } = await lua.open();
    for (const [state, window] of [
      ['paused', 'paused'],
      ['closed', 'closed'],
      ['ended', 'ended'],
    ] as const) {
      await lua.store.setState(activityId, { to: state, epoch: 1 });
      expect(await readSaleState(lua.redis, activityId, lua.runId)).toMatchObject({ window });
    }
  });

  test('never reads half an activity, or one of another run, as a state', async () => {
    const { activityId } = await lua.open({ total: 2 });
    expect(await readSaleState(lua.redis, activityId, 'other')).toEqual({ kind: 'wrong_run' });
    await lua.claim(activityId, aClaim(7));
    await lua.redis.del(activityKeys(activityId).user);
    expect(await readSaleState(lua.redis, activityId, lua.runId)).toEqual({ kind: 'half_loaded' });
    await lua.redis.del(activityKeys(activityId).stock);
    expect(await readSaleState(lua.redis, activityId, lua.runId)).toEqual({ kind: 'half_loaded' });
    await lua.redis.del(activityKeys(activityId).activity);
    expect(await readSaleState(lua.redis, activityId, lua.runId)).toEqual({ kind: 'not_loaded' });
  });
});

describe('readWinners', () => {
  test('names everybody who has a receipt, in chunks', async () => {
    const { activityId } = await lua.open({ total: 1_000 });
    expect(await winnersOf(lua.redis, activityId)).toEqual([]);
    const users = Array.from({ length: 1_000 }, (_, i) => String(i + 1));
    for (let i = 0; i < users.length; i += 100)
      await lua.claim(activityId, ...users.slice(i, i + 100).map((user) => aClaim(user)));
    expect([...new Set(await winnersOf(lua.redis, activityId, 50))].sort()).toEqual([...users].sort());
  });
});
