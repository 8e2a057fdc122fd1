import type { ActivityId, ClaimId, TicketId, UserId } from '@coupon/domain';
import type { EnqueueResult, TicketEntry } from '@coupon/lua';
import { EnqueuePurchase, REGISTER_EVERY_MS } from './enqueue-purchase.use-case';
import type { TicketSession } from './ticket-session';

const ACTIVITY = '42' as ActivityId;
const COMMAND = { activityId: ACTIVITY, userId: '7' as UserId, quantity: 2, idempotencyKey: 'k', address: '' };
const FRESH: EnqueueResult = { kind: 'ticket', ticketId: 'T1' as TicketId, fresh: true };

const circuitError = (): Error => Object.assign(new Error('open'), { code: 'EOPENBREAKER' });

function setUp(): {
  enqueue: EnqueuePurchase;
  calls: string[];
  entries: TicketEntry[];
  woken: ActivityId[];
  set: (
    change: Partial<{
      result: EnqueueResult | Error;
      loaded: boolean | Error;
      session: boolean;
      nowMs: number;
      open: boolean;
    }>,
  ) => void;
  reconnect: () => void;
} {
  let is = {
    result: FRESH as EnqueueResult | Error,
    loaded: true as boolean | Error,
    session: true,
    nowMs: 5_000,
    open: false,
  };
  const calls: string[] = [];
  const entries: TicketEntry[] = [];
  const woken: ActivityId[] = [];
  const orThrow = <T>(value: T | Error): Promise<T> =>
    value instanceof Error ? Promise.reject(value) : Promise.resolve(value);
  const connect = (): TicketSession =>
    ({
      runId: 'run',
      queue: {
        register: (id: ActivityId, nowMs: number) => {
          calls.push(`register ${id} ${nowMs}`);
          return orThrow(is.loaded);
        },
        enqueue: (id: ActivityId, runId: string, entry: TicketEntry, limits: unknown) => {
          calls.push(`enqueue ${id} ${runId} ${JSON.stringify(limits)}`);
          entries.push(entry);
          return orThrow(is.result);
        },
      },
    }) as unknown as TicketSession;
  let session = connect();
  let minted = 0;
  const enqueue = new EnqueuePurchase(
    { queueSize: 9, maxWaitMs: 60_000 },
    {
      session: () => (is.session ? session : null),
      mintTicketId: () => `T${(minted += 1)}` as TicketId,
      mintClaimId: () => `C${(minted += 1)}` as ClaimId,
      nowMs: () => is.nowMs,
      whyNotLoaded: () => Promise.resolve('ACTIVITY_NOT_FOUND'),
      tokens: null,
      userRate: () => undefined,
      breaker: { fire: (call) => (is.open ? Promise.reject(circuitError()) : call()), retryAfterMs: () => 700 },
      wake: (id) => void woken.push(id),
      metrics: { enqueued: () => undefined, failed: () => undefined },
    },
  );
  return {
    enqueue,
    calls,
    entries,
    woken,
    set: (change) => (is = { ...is, ...change }),
    reconnect: () => (session = connect()),
  };
}

describe('taking a purchase for later', () => {
  it('lists the queue before its first ticket, then every minute, and again on a new connection', async () => {
    const { enqueue, calls, set, reconnect } = setUp();
    const send = 'enqueue 42 run {"maxWaitMs":60000,"maxWaiting":9,"maxFields":90}';
    await enqueue.enqueue(COMMAND);
    set({ nowMs: 5_000 + REGISTER_EVERY_MS - 1 });
    await enqueue.enqueue(COMMAND);
    set({ nowMs: 5_000 + REGISTER_EVERY_MS });
    await enqueue.enqueue(COMMAND);
    reconnect();
    await enqueue.enqueue(COMMAND);
    expect(calls).toEqual(['register 42 5000', send, send, 'register 42 65000', send, 'register 42 65000', send]);
  });

  it('answers with the ticket and has its queue worked on; a ticket that was there already wakes nobody', async () => {
    const { enqueue, entries, woken, set } = setUp();
    expect(await enqueue.enqueue(COMMAND)).toEqual({ kind: 'ticket', activityId: ACTIVITY, ticketId: 'T1' });
    const { userId, quantity, idempotencyKey } = COMMAND;
    expect(entries).toEqual([{ ticketId: 'T1', claimId: 'C2', userId, quantity, idempotencyKey, hasToken: false }]);
    set({ result: { ...FRESH, ticketId: 'T0' as TicketId, fresh: false } });
    expect(await enqueue.enqueue(COMMAND)).toMatchObject({ ticketId: 'T0' });
    expect(woken).toEqual([ACTIVITY]);
  });

  it('does not list an activity that is not loaded, and says why it is not', async () => {
    const { enqueue, calls, set } = setUp();
    set({ loaded: false });
    for (let i = 0; i < 2; i += 1) {
      expect(await enqueue.enqueue(COMMAND)).toMatchObject({ kind: 'refused', code: 'ACTIVITY_NOT_FOUND' });
    }
    expect(calls).toEqual(['register 42 5000', 'register 42 5000']);
  });

  it.each<[string, Parameters<ReturnType<typeof setUp>['set']>[0], string, string]>([
    ['no connection', { session: false }, 'NOT_READY', 'claim_store'],
    ['a list that cannot be written', { loaded: new Error('Command timed out') }, 'NOT_READY', 'claim_store'],
    ['a reply that is lost', { result: new Error('Command timed out') }, 'OUTCOME_UNKNOWN', 'no_reply'],
    ['a server that did nothing', { result: new Error('LOADING dataset') }, 'NOT_READY', 'claim_store'],
    ['a full queue', { result: { kind: 'queue_full' } }, 'OVERLOADED', 'ticket_queue'],
    ['another run of Redis', { result: { kind: 'wrong_run' } }, 'NOT_READY', 'wrong_run'],
    ['half an activity', { result: { kind: 'half_loaded' } }, 'NOT_READY', 'half_loaded'],
    ['an activity that is gone', { result: { kind: 'not_loaded' } }, 'ACTIVITY_NOT_FOUND', 'not_loaded'],
    ['a refusal', { result: { kind: 'refused', code: 'ENDED', reason: 'ended' } }, 'ENDED', 'ended'],
  ])('answers %s without guessing', async (_, change, code, reason) => {
    const { enqueue, woken, set } = setUp();
    set(change);
    expect(await enqueue.enqueue(COMMAND)).toEqual({ kind: 'refused', code, reason });
    expect(woken).toEqual([]);
  });

  it('asks nothing of Redis while the breaker is open, and says when to come back', async () => {
    const { enqueue, calls, set } = setUp();
    const refusal = { kind: 'refused', code: 'CIRCUIT_OPEN', reason: 'claim_store', retryAfterMs: 700 };
    set({ open: true });
    expect(await enqueue.enqueue(COMMAND)).toEqual(refusal);
    set({ open: false });
    await enqueue.enqueue(COMMAND);
    expect(calls).toHaveLength(2);
    set({ open: true });
    expect(await enqueue.enqueue(COMMAND)).toEqual(refusal);
    expect(calls).toHaveLength(2);
  });

  it('has a bounded number under way: beyond it, and only then, it is busy', async () => {
    const { enqueue, set } = setUp();
    await enqueue.enqueue(COMMAND);
    const sent = Array.from({ length: 1_001 }, () => enqueue.enqueue(COMMAND));
    const kinds = (await Promise.all(sent)).map((answer) => (answer.kind === 'ticket' ? 'ticket' : answer.code));
    expect(kinds).toEqual([...Array<string>(1_000).fill('ticket'), 'OVERLOADED']);
    set({ result: new Error('Command timed out') });
    await enqueue.enqueue(COMMAND);
    set({ result: FRESH });
    expect(await enqueue.enqueue(COMMAND)).toMatchObject({ kind: 'ticket' });
  });
});
