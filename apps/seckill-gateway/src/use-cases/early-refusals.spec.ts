import type { ActivityId } from '@coupon/domain';
import type { EstablishedSession } from '../adapters/claim-session';
import { EarlyRefusals } from './early-refusals';
import type { DecidedBatch } from './early-refusals';

const ID = '7' as ActivityId;
const START_MS = 1_000_000;
const connection = (): EstablishedSession => ({ redis: {}, runId: 'run' }) as unknown as EstablishedSession;

function world() {
  const state = { nowMs: 5, session: connection(), startMs: START_MS as number | undefined, learnt: 0 };
  const early = new EarlyRefusals({
    session: () => state.session,
    nowMs: () => state.nowMs,
    starts: { plannedStartMs: () => state.startMs, learn: () => void (state.learnt += 1) },
  });
  /** Redis says so, at 10 s before the start unless told otherwise. */
  const decided = (over: Partial<DecidedBatch> = {}): void =>
    early.observe(ID, {
      session: state.session,
      sentMs: state.nowMs,
      redisMs: START_MS - 10_000,
      available: 5,
      notStarted: true,
      ...over,
    });
  const code = (): string | undefined => early.refusalOf(ID)?.code;
  return { state, early, decided, code };
}

describe('EarlyRefusals', () => {
  it('refuses with what Redis has said, stock included, when the row says when the sale starts', () => {
    const { early, decided, state } = world();
    expect(early.refusalOf(ID)).toBeUndefined();
    decided();
    expect(early.refusalOf(ID)).toEqual({
      kind: 'refused',
      code: 'NOT_STARTED',
      reason: 'not_started',
      available: 5,
    });
    expect(early.refusalOf('8' as ActivityId)).toBeUndefined();
    state.startMs = undefined;
    expect(early.refusalOf(ID)).toBeUndefined();
  });

  it('asks Redis again after a second, over another connection, and when Redis has said anything else', () => {
    const { state, decided, code } = world();
    decided();
    state.nowMs += 999;
    expect(code()).toBe('NOT_STARTED');
    state.nowMs += 1;
    expect(code()).toBeUndefined();
    decided();
    state.session = connection();
    expect(code()).toBeUndefined();
    decided();
    expect(code()).toBe('NOT_STARTED');
    decided({ notStarted: false });
    expect(code()).toBeUndefined();
  });

  it.each([
    [2_001, 'NOT_STARTED'],
    [2_000, undefined],
    [1, undefined],
  ])('%i ms before the start by the clock of Redis it says %s', (leftMs, expected) => {
    const { decided, code } = world();
    decided({ redisMs: START_MS - leftMs });
    expect(code()).toBe(expected);
  });

  it('counts the time since the claims were sent as gone, not since they were answered', () => {
    const { state, decided, code } = world();
    decided({ redisMs: START_MS - 2_500, sentMs: state.nowMs - 400 });
    expect(code()).toBe('NOT_STARTED');
    state.nowMs += 100;
    expect(code()).toBeUndefined();
  });

  it('takes the latest clock of Redis it has seen on a connection: one that was set back may be set forward again', () => {
    const { state, decided, code } = world();
    decided({ redisMs: START_MS - 1_000 });
    decided({ redisMs: START_MS - 9_000 });
    expect(code()).toBeUndefined();
    state.session = connection();
    decided({ redisMs: START_MS - 9_000 });
    expect(code()).toBe('NOT_STARTED');
  });

  it('wants to know the start once a second, however many batches are decided', () => {
    const { state, decided } = world();
    for (let i = 0; i < 100; i += 1) decided();
    expect(state.learnt).toBe(1);
    state.nowMs += 1_000;
    decided();
    expect(state.learnt).toBe(2);
  });

  it('remembers a bounded number of activities', () => {
    const { early, decided, state, code } = world();
    decided();
    for (let id = 1_000; id < 2_000; id += 1)
      early.observe(String(id) as ActivityId, {
        session: state.session,
        sentMs: state.nowMs,
        redisMs: 0,
        available: 1,
        notStarted: true,
      });
    expect(code()).toBeUndefined();
  });
});
