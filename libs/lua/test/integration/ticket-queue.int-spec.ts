import { randomBytes } from 'node:crypto';
import { encodeClaimId } from '@coupon/domain';
import type { ActivityId, ClaimId, TicketId, UserId } from '@coupon/domain';
import { activityKeys } from '../../src/keys';
import { TicketQueue } from '../../src/ticket-queue';
import type { DecideResult, EnqueueResult, TicketState } from '../../src/ticket-queue';
import { HOUR_MS, aClaim, useLua } from './fixture';

const lua = useLua();
const queue = (): TicketQueue => new TicketQueue(lua.redis);
const newId = (): string => encodeClaimId(Date.now(), randomBytes(10));

interface Wish {
  readonly key?: string;
  readonly quantity?: number;
  readonly maxWaitMs?: number;
  readonly maxWaiting?: number;
  readonly maxFields?: number;
  readonly runId?: string;
  readonly hasToken?: boolean;
}

const enqueue = (id: ActivityId, user: number, wish: Wish = {}): Promise<EnqueueResult> =>
  queue().enqueue(
    id,
    wish.runId ?? lua.runId,
    {
      ticketId: newId() as TicketId,
      userId: String(user) as UserId,
      claimId: newId() as ClaimId,
      quantity: wish.quantity ?? 1,
      idempotencyKey: wish.key ?? '',
      ...(wish.hasToken === undefined ? {} : { hasToken: wish.hasToken }),
    },
    { maxWaitMs: wish.maxWaitMs ?? HOUR_MS, maxWaiting: wish.maxWaiting ?? 1_000, maxFields: wish.maxFields ?? 10_000 },
  );

const ticketOf = async (result: Promise<EnqueueResult>): Promise<TicketId> => {
  const answer = await result;
  if (answer.kind !== 'ticket') throw new Error(`expected a ticket, got ${JSON.stringify(answer)}`);
  return answer.ticketId;
};

const decide = (id: ActivityId, over: { count?: number; keepMs?: number } = {}): Promise<DecideResult> =>
  queue().decide(id, lua.runId, { count: 64, keepMs: HOUR_MS, forgetAtMost: 100, ...over });

const stateOf = async (id: ActivityId, ticket: TicketId): Promise<TicketState | undefined> =>
  (await queue().read(id, [ticket]))[0]?.state;

describe('the queue of tickets', () => {
  test('500 tickets for 100 units, decided by four at once: exactly the first 100 win, each with a receipt of its own', async () => {
    const { activityId } = await lua.open({ total: 100 });
    const tickets: TicketId[] = [];
    for (let user = 1; user <= 500; user += 1) tickets.push(await ticketOf(enqueue(activityId, user)));
    const worker = async (): Promise<void> => {
      while ((await decide(activityId, { count: 7 })).waiting > 0);
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    const states = (await queue().read(activityId, tickets)).map((found) => found?.state);
    expect(states.slice(0, 100).map((state) => state?.status)).toEqual(Array(100).fill('WON'));
    expect(states.slice(100)).toEqual(Array(400).fill({ status: 'LOST', code: 'SOLD_OUT', reason: 'sold_out' }));
    const claims = new Set(states.map((state) => (state?.status === 'WON' ? state.claimId : undefined)));
    expect(claims.size).toBe(101);
    expect(await lua.store.snapshot(activityId)).toMatchObject({ available: 0, claimed: 100, eventSeq: 100 });
    expect(await lua.redis.xlen(activityKeys(activityId).outbox)).toBe(100);
  });

  test('a ticket that won shows the receipt its user has', async () => {
    const { activityId } = await lua.open({ perUserLimit: 2 });
    const ticket = await ticketOf(enqueue(activityId, 7, { quantity: 2, key: 'k' }));
    expect(await decide(activityId)).toMatchObject({ activity: 'decided', won: 1, waiting: 0, records: 2 });
    const [claim] = (await lua.store.purchased(activityId, '7' as UserId))?.claims ?? [];
    const { claimId, couponSns } = claim ?? {};
    expect(await stateOf(activityId, ticket)).toEqual({ status: 'WON', claimId, couponSns });
    expect(couponSns).toHaveLength(2);
    expect(await lua.outcomes(activityId, aClaim(7, { quantity: 2, idempotencyKey: 'k' }))).toMatchObject([
      { kind: 'won', claimId, replayed: true },
    ]);
  });

  test('the same request again is the same ticket, before and after its end; another quantity is a conflict', async () => {
    const { activityId } = await lua.open({ perUserLimit: 5 });
    const ticket = await ticketOf(enqueue(activityId, 7, { key: 'k' }));
    expect(await enqueue(activityId, 7, { key: 'k' })).toEqual({ kind: 'ticket', ticketId: ticket, fresh: false });
    expect(await enqueue(activityId, 8, { key: 'k' })).toMatchObject({ kind: 'ticket', fresh: true });
    expect(await enqueue(activityId, 7, { key: 'k', quantity: 2 })).toMatchObject({ code: 'CONFLICT' });
    await decide(activityId);
    await lua.store.setState(activityId, { to: 'ended', epoch: 1 });
    expect(await enqueue(activityId, 7, { key: 'k' })).toEqual({ kind: 'ticket', ticketId: ticket, fresh: false });
  });

  test('who holds the receipt already has a ticket that has won, also after the end', async () => {
    const { activityId } = await lua.open();
    const [outcome] = await lua.outcomes(activityId, aClaim(7));
    await lua.store.setState(activityId, { to: 'ended', epoch: 1 });
    const ticket = await ticketOf(enqueue(activityId, 7));
    expect(await stateOf(activityId, ticket)).toMatchObject({
      status: 'WON',
      claimId: outcome?.kind === 'won' ? outcome.claimId : '',
    });
    expect(await enqueue(activityId, 8)).toMatchObject({ code: 'ENDED' });
  });

  test('the key of a claim that was given back is a conflict, now or when it is the turn of its ticket', async () => {
    const { activityId } = await lua.open({ perUserLimit: 3 });
    const release = async (claimId: ClaimId): Promise<void> => {
      const claim = { op: 'release', claimId, userId: '7' as UserId, epoch: 1, reason: 'spec' } as const;
      expect(await lua.store.settle(activityId, claim)).toMatchObject({ kind: 'released' });
    };
    const early = aClaim(7, { idempotencyKey: 'early' });
    await lua.outcomes(activityId, early);
    await release(early.claimId);
    expect(await enqueue(activityId, 7, { key: 'early' })).toMatchObject({
      code: 'CONFLICT',
      reason: 'claim_released',
    });
    const ticket = await ticketOf(enqueue(activityId, 7, { key: 'late', maxWaitMs: 0 }));
    const late = aClaim(7, { idempotencyKey: 'late' });
    await lua.outcomes(activityId, late);
    await release(late.claimId);
    await decide(activityId);
    expect(await stateOf(activityId, ticket)).toEqual({ status: 'LOST', code: 'CONFLICT', reason: 'claim_released' });
  });

  test('what the state of the activity forbids is refused at once and leaves no ticket', async () => {
    const paused = await lua.open();
    await lua.store.setState(paused.activityId, { to: 'paused', epoch: 1 });
    expect(await enqueue(paused.activityId, 1)).toMatchObject({ code: 'PAUSED' });
    const early = await lua.open({ startMs: Date.now() + HOUR_MS, endMs: Date.now() + 2 * HOUR_MS });
    expect(await enqueue(early.activityId, 1)).toMatchObject({ code: 'NOT_STARTED' });
    const closed = lua.definition();
    await lua.store.prewarm(closed);
    expect(await enqueue(closed.activityId, 1)).toMatchObject({ code: 'NOT_READY', reason: 'closed' });
    expect(await enqueue(lua.definition().activityId, 1)).toEqual({ kind: 'not_loaded' });
    const { activityId } = await lua.open();
    expect(await enqueue(activityId, 1, { runId: 'another' })).toEqual({ kind: 'wrong_run' });
    await lua.redis.del(activityKeys(activityId).stock);
    expect(await enqueue(activityId, 1)).toEqual({ kind: 'half_loaded' });
    for (const id of [paused.activityId, early.activityId, closed.activityId, activityId]) {
      expect(await lua.redis.exists(activityKeys(id).queue, activityKeys(id).tickets)).toBe(0);
    }
  });

  test('a full queue refuses, and takes tickets again when it has moved', async () => {
    const { activityId } = await lua.open();
    await ticketOf(enqueue(activityId, 1, { maxWaiting: 2 }));
    await ticketOf(enqueue(activityId, 2, { maxWaiting: 2 }));
    expect(await enqueue(activityId, 3, { maxWaiting: 2 })).toEqual({ kind: 'queue_full' });
    await decide(activityId, { count: 1 });
    await ticketOf(enqueue(activityId, 3, { maxWaiting: 2 }));
  });

  test('what is kept is bounded: the holder of a receipt has one ticket for it, and a crowd cannot fill the memory with results', async () => {
    const { activityId } = await lua.open({ total: 1 });
    await lua.outcomes(activityId, aClaim(1));
    const first = await ticketOf(enqueue(activityId, 1, { key: 'a' }));
    expect(await ticketOf(enqueue(activityId, 1, { key: 'b' }))).toBe(first);
    expect(await ticketOf(enqueue(activityId, 1))).toBe(first);
    const { tickets } = activityKeys(activityId);
    const kept = await lua.redis.hlen(tickets);
    expect(await enqueue(activityId, 2, { maxFields: kept })).toMatchObject({ code: 'SOLD_OUT' });
    await lua.store.addStock(activityId, { operationId: 'more', add: 1, epoch: 1 });
    expect(await enqueue(activityId, 2, { maxFields: kept })).toEqual({ kind: 'queue_full' });
    await ticketOf(enqueue(activityId, 2, { maxFields: kept + 1 }));
    await decide(activityId);
    await decide(activityId, { keepMs: 0 });
    expect(await lua.redis.exists(tickets)).toBe(0);
    expect(await ticketOf(enqueue(activityId, 1))).not.toBe(first);
  });

  test('requests count once against the rate of their user, whichever way they ask', async () => {
    const { activityId } = await lua.open({ userRatePerSecond: 2, perUserLimit: 100, total: 1_000 });
    const startedMs = performance.now();
    const codes: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      const [direct] = await lua.outcomes(activityId, aClaim(7));
      codes.push(direct?.kind === 'won' ? 'taken' : (direct?.code ?? ''));
      const queued = await enqueue(activityId, 7);
      codes.push(queued.kind === 'refused' ? queued.code : 'taken');
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    expect(new Set(codes)).toEqual(new Set(['taken', 'RATE_LIMITED']));
    // A window that slides over two fixed seconds lets one more pass at its edge. Two counters of their own would give four.
    expect(codes.filter((code) => code === 'taken').length).toBeLessThanOrEqual(3 + 3 * seconds);
    const queued = Array.from({ length: 5 }, (_, i) => ticketOf(enqueue(activityId, i + 10)));
    await Promise.all(queued);
    expect(await decide(activityId)).toMatchObject({ waiting: 0, lost: 0 });
  });

  test('an activity with a hidden path gives tickets to those who have a token, and receipts to everybody who holds one', async () => {
    const { activityId } = await lua.open({ hiddenPath: true, total: 5 });
    expect(await enqueue(activityId, 1)).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'no_purchase_token' });
    expect(await enqueue(activityId, 1, { hasToken: false })).toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(await lua.store.stats(activityId)).toMatchObject({ 'refused:PERMISSION_DENIED': 2 });
    const ticket = await ticketOf(enqueue(activityId, 1, { hasToken: true, key: 'mine' }));
    // The token was shown when the ticket was taken; nobody asks for it at its turn, nor for the ticket itself.
    expect(await ticketOf(enqueue(activityId, 1, { key: 'mine' }))).toBe(ticket);
    await decide(activityId);
    expect(await stateOf(activityId, ticket)).toMatchObject({ status: 'WON' });
    expect(await stateOf(activityId, await ticketOf(enqueue(activityId, 1)))).toMatchObject({ status: 'WON' });
    // Without a token nothing is said about the sale.
    await lua.store.setState(activityId, { to: 'paused', epoch: 1 });
    expect(await enqueue(activityId, 2)).toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(await enqueue(activityId, 2, { hasToken: true })).toMatchObject({ code: 'PAUSED' });
  });

  test('tickets of a paused activity wait for it, in their order', async () => {
    const { activityId } = await lua.open({ total: 1 });
    const first = await ticketOf(enqueue(activityId, 1));
    const second = await ticketOf(enqueue(activityId, 2));
    await lua.store.setState(activityId, { to: 'paused', epoch: 1 });
    expect(await decide(activityId)).toMatchObject({ activity: 'paused', waiting: 2 });
    expect(await stateOf(activityId, second)).toEqual({ status: 'QUEUED', position: 2 });
    expect((await lua.store.stats(activityId))['refused:PAUSED']).toBeUndefined();
    await lua.store.setState(activityId, { to: 'open', epoch: 1 });
    expect(await decide(activityId)).toMatchObject({ activity: 'decided', won: 1, lost: 1 });
    expect(await stateOf(activityId, first)).toMatchObject({ status: 'WON' });
  });

  test('a ticket past its time expires and has certainly no claim', async () => {
    const { activityId } = await lua.open();
    const ticket = await ticketOf(enqueue(activityId, 7, { maxWaitMs: 0, key: 'k' }));
    expect(await decide(activityId)).toMatchObject({ expired: 1, won: 0, waiting: 0 });
    expect(await stateOf(activityId, ticket)).toEqual({ status: 'EXPIRED' });
    expect(await lua.store.purchased(activityId, '7' as UserId)).toEqual({ claims: [], count: 0 });
    expect(await decide(activityId)).toMatchObject({ expired: 0 });
  });
});

describe('invariant 9: on an activity nobody has verified', () => {
  const strand = async (waitedMs: number): Promise<[ActivityId, TicketId]> => {
    const { activityId } = await lua.open();
    const ticket = await ticketOf(enqueue(activityId, 7, { maxWaitMs: 0 }));
    const k = activityKeys(activityId);
    const [entry] = await lua.redis.xrange(k.queue, '-', '+');
    const fields = [...(entry?.[1] ?? [])];
    fields[fields.indexOf('expires') + 1] = String(Date.now() - waitedMs);
    await lua.redis
      .multi()
      .xdel(k.queue, '1-0')
      .xadd(k.queue, '2-0', ...fields)
      .exec();
    await lua.redis.hset(k.activity, 'run_id', 'another');
    return [activityId, ticket];
  };

  test('an overdue ticket goes on waiting: its receipt may be on its way back', async () => {
    const [activityId, ticket] = await strand(60_000);
    expect(await decide(activityId)).toMatchObject({ activity: 'wrong_run', waiting: 1, expired: 0 });
    await lua.redis.hset(activityKeys(activityId).activity, 'run_id', lua.runId);
    expect(await decide(activityId)).toMatchObject({ activity: 'decided', expired: 1 });
    expect(await stateOf(activityId, ticket)).toEqual({ status: 'EXPIRED' });
  });

  test('but not for ever', async () => {
    const [activityId, ticket] = await strand(11 * 60_000);
    expect(await decide(activityId)).toMatchObject({ activity: 'wrong_run', waiting: 0, expired: 1 });
    expect(await stateOf(activityId, ticket)).toEqual({ status: 'EXPIRED' });
  });

  test.each([
    ['not_loaded', (k: ReturnType<typeof activityKeys>) => [k.activity]],
    ['half_loaded', (k: ReturnType<typeof activityKeys>) => [k.stock]],
    ['half_loaded', (k: ReturnType<typeof activityKeys>) => [k.outbox]],
  ])('nothing is decided: %s', async (activity, lost) => {
    const { activityId } = await lua.open();
    await enqueue(activityId, 7);
    await lua.redis.del(...lost(activityKeys(activityId)));
    expect(await decide(activityId)).toMatchObject({ activity, waiting: 1, won: 0, lost: 0, expired: 0 });
  });
});

describe('results and the list of queues', () => {
  test('a result is kept for its time and then forgotten with everything that led to it; numbers go on', async () => {
    const { activityId } = await lua.open({ perUserLimit: 2 });
    const k = activityKeys(activityId);
    const ticket = await ticketOf(enqueue(activityId, 7, { key: 'k' }));
    expect(await decide(activityId, { keepMs: HOUR_MS })).toMatchObject({ won: 1, forgotten: 0, records: 2 });
    expect(await decide(activityId, { keepMs: HOUR_MS })).toMatchObject({ forgotten: 0 });
    expect(await decide(activityId, { keepMs: 0 })).toMatchObject({ forgotten: 1, records: 0 });
    expect(await stateOf(activityId, ticket)).toBeUndefined();
    expect(await lua.redis.exists(k.tickets, k.finishedTickets)).toBe(0);
    await enqueue(activityId, 8);
    expect((await lua.redis.xrange(k.queue, '-', '+')).map(([id]) => id)).toEqual(['2-0']);
  });

  test('only a loaded activity is listed, and one that was registered again stays', async () => {
    const { activityId } = await lua.open();
    const other = lua.definition().activityId;
    expect(await queue().register(other, 1_000)).toBe(false);
    expect(await queue().register(activityId, 1_000)).toBe(true);
    const listed = await queue().registered();
    expect([listed.get(activityId), listed.has(other)]).toEqual([1_000, false]);
    await queue().register(activityId, 2_000);
    expect(await queue().forget(activityId, 1_999)).toBe(false);
    expect(await queue().forget(activityId, 2_000)).toBe(true);
    expect((await queue().registered()).has(activityId)).toBe(false);
  });

  test('arguments that no gateway sends are refused before anything is written', async () => {
    const { activityId } = await lua.open();
    await expect(enqueue(activityId, 0)).rejects.toThrow('unexpected reply of enqueue-ticket');
    await expect(enqueue(activityId, 1, { key: 'x'.repeat(65) })).rejects.toThrow('unexpected reply');
    await expect(decide(activityId, { count: 129 })).rejects.toThrow('unexpected reply of decide-tickets');
    expect(await lua.redis.exists(activityKeys(activityId).queue)).toBe(0);
  });
});
