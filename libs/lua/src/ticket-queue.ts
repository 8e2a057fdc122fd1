import type { ActivityId, ClaimId, TicketId, UserId } from '@coupon/domain';
import { REFUSALS, claimKeys, couponSnsOf } from './claim-units';
import type { ClaimOutcome } from './claim-units';
import { QUEUES_KEY, activityKeys } from './keys';
import { REPLY, UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

/** A purchase to be queued. */
export interface TicketEntry {
  readonly ticketId: TicketId;
  readonly userId: UserId;
  /** Minted now and never again: whoever decides the ticket, and however often, claims with this id. */
  readonly claimId: ClaimId;
  readonly quantity: number;
  /** '' when the client gave none. */
  readonly idempotencyKey: string;
  /** Came with a purchase token that is verified; only an activity with a hidden path asks. @default false */
  readonly hasToken?: boolean;
}

export interface EnqueueLimits {
  /** A ticket that is still waiting after that expires. */
  readonly maxWaitMs: number;
  /** Tickets waiting. */
  readonly maxWaiting: number;
  /** Tickets waiting and finished, with their keys: up to three fields each. */
  readonly maxFields: number;
  /** Claims per user and second that is in force instead of the activity's own; 0 = no limit. */
  readonly userRate?: number | undefined;
}

type Refusal = Extract<ClaimOutcome, { kind: 'refused' }>;

export type EnqueueResult =
  /** `fresh`: waits in the queue now; otherwise the request, or at limit 1 the user, had this ticket or its receipt already. */
  | { readonly kind: 'ticket'; readonly ticketId: TicketId; readonly fresh: boolean }
  | { readonly kind: 'queue_full' | 'not_loaded' | 'half_loaded' | 'wrong_run' }
  | Refusal;

/** What a ticket is. Positions count from 1; a ticket's position never grows. */
export type TicketState =
  | { readonly status: 'QUEUED'; readonly position: number }
  | { readonly status: 'WON'; readonly claimId: ClaimId; readonly couponSns: readonly string[] }
  | { readonly status: 'LOST'; readonly code: Refusal['code']; readonly reason: Refusal['reason'] }
  | { readonly status: 'EXPIRED' };

export interface StoredTicket {
  readonly userId: UserId;
  readonly state: TicketState;
}

export interface DecideResult {
  /** Why tickets had to wait, or that they had not. */
  readonly activity: 'decided' | 'not_loaded' | 'half_loaded' | 'wrong_run' | 'not_started' | 'paused' | 'closed';
  /** Tickets still in the queue. */
  readonly waiting: number;
  /** Entries in the store of tickets, waiting and finished. */
  readonly records: number;
  readonly forgotten: number;
  readonly won: number;
  readonly lost: number;
  readonly expired: number;
}

const ACTIVITY_STATES: Readonly<Record<number, DecideResult['activity']>> = {
  0: 'decided',
  [REPLY.NOT_LOADED]: 'not_loaded',
  [REPLY.HALF_LOADED]: 'half_loaded',
  [REPLY.WRONG_RUN]: 'wrong_run',
  [REPLY.NOT_STARTED]: 'not_started',
  [REPLY.PAUSED]: 'paused',
  [REPLY.CLOSED]: 'closed',
};

const RECORD = /^1 ([QWLE]) (\d+) (\d+) \d+ (\S+) \d+ =/;

/** The queues of asynchronous purchases, one stream per activity; every step of a ticket is one atomic script. */
export class TicketQueue {
  constructor(private readonly redis: ClaimRedis) {}

  /** Rejects with the Redis error when there was no reply: see `meansNothingHappened` for what that tells. */
  async enqueue(id: ActivityId, runId: string, entry: TicketEntry, limits: EnqueueLimits): Promise<EnqueueResult> {
    const k = activityKeys(id);
    const reply = await runScript(
      this.redis,
      'enqueueTicket',
      [k.activity, k.stock, k.user, k.rateEven, k.rateOdd, k.stats, k.queue, k.tickets, k.finishedTickets],
      [
        runId,
        entry.ticketId,
        entry.userId,
        entry.claimId,
        entry.quantity,
        entry.idempotencyKey,
        limits.maxWaitMs,
        limits.maxWaiting,
        entry.hasToken === true ? 1 : 0,
        limits.userRate ?? '',
        limits.maxFields,
      ],
    );
    const [code, ticketId] = Array.isArray(reply) ? (reply as unknown[]) : [];
    if ((code === 1 || code === 2 || code === 3) && typeof ticketId === 'string') {
      return { kind: 'ticket', ticketId: ticketId as TicketId, fresh: code === 1 };
    }
    if (code === REPLY.NOT_LOADED) return { kind: 'not_loaded' };
    if (code === REPLY.HALF_LOADED) return { kind: 'half_loaded' };
    if (code === REPLY.WRONG_RUN) return { kind: 'wrong_run' };
    if (code === REPLY.QUEUE_FULL) return { kind: 'queue_full' };
    const refusal = typeof code === 'number' ? REFUSALS[code] : undefined;
    if (refusal === undefined) throw new UnexpectedReplyError('enqueue-ticket', reply);
    return refusal;
  }

  /** Decides up to `count` tickets at the head of the queue. Safe to repeat at any time, by anybody, also when the reply was lost. */
  async decide(
    id: ActivityId,
    runId: string,
    options: { readonly count: number; readonly keepMs: number; readonly forgetAtMost: number },
  ): Promise<DecideResult> {
    const k = activityKeys(id);
    const reply = await runScript(
      this.redis,
      'decideTickets',
      [...claimKeys(id), k.queue, k.tickets, k.finishedTickets],
      [runId, options.count, options.keepMs, options.forgetAtMost],
    );
    if (!Array.isArray(reply) || reply.length !== 7) throw new UnexpectedReplyError('decide-tickets', reply);
    const [state, waiting, records, forgotten, won, lost, expired] = reply.map(Number);
    const activity = ACTIVITY_STATES[state ?? NaN];
    if (activity === undefined) throw new UnexpectedReplyError('decide-tickets', reply);
    return {
      activity,
      waiting: waiting ?? 0,
      records: records ?? 0,
      forgotten: forgotten ?? 0,
      won: won ?? 0,
      lost: lost ?? 0,
      expired: expired ?? 0,
    };
  }

  /** Tickets of one activity in one reading; null for one that is not (or no longer) known. */
  async read(id: ActivityId, tickets: readonly TicketId[]): Promise<readonly (StoredTicket | null)[]> {
    const k = activityKeys(id);
    const reply = await runScript(this.redis, 'readTickets', [k.queue, k.tickets], tickets);
    if (!Array.isArray(reply)) throw new UnexpectedReplyError('read-tickets', reply);
    const [head, ...records] = reply as unknown[];
    // A nil at the end of a reply is still an element: Redis sends the array's length.
    return tickets.map((_, i) => parseRecord(records[i] ?? null, Number(head)));
  }

  /**
   * Puts a loaded activity on the list of queues that every gateway watches. Must come before its first ticket, and again within the time after
   * which `forget` may take it off. @returns false when the activity is not loaded: then it is not listed.
   */
  async register(id: ActivityId, nowMs: number): Promise<boolean> {
    if ((await this.redis.exists(activityKeys(id).activity)) === 0) return false;
    await this.redis.zadd(QUEUES_KEY, nowMs, id);
    return true;
  }

  /** Activities that have, or lately had, a queue, and when they were registered last (epoch ms). */
  async registered(): Promise<ReadonlyMap<ActivityId, number>> {
    const reply = await this.redis.zrange(QUEUES_KEY, '0', '-1', 'WITHSCORES');
    const found = new Map<ActivityId, number>();
    for (let i = 0; i + 1 < reply.length; i += 2) found.set(reply[i] as ActivityId, Number(reply[i + 1]));
    return found;
  }

  /** Takes an activity off the list unless it was registered after `lastRegisteredMs`. @returns whether it was taken off. */
  async forget(id: ActivityId, lastRegisteredMs: number): Promise<boolean> {
    return (await runScript(this.redis, 'forgetQueue', [QUEUES_KEY], [id, lastRegisteredMs])) === 1;
  }
}

function parseRecord(record: unknown, head: number): StoredTicket | null {
  if (record === null) return null;
  const found = typeof record === 'string' ? RECORD.exec(record) : null;
  if (found === null) throw new UnexpectedReplyError('read-tickets', record);
  const [, status, number, userId, detail = ''] = found;
  return { userId: userId as UserId, state: stateOf(status, Number(number), detail, head) };
}

function stateOf(status: string | undefined, number: number, detail: string, head: number): TicketState {
  if (status === 'Q') return { status: 'QUEUED', position: number - head + 1 };
  if (status === 'E') return { status: 'EXPIRED' };
  if (status === 'W') {
    const claimId = detail.slice(0, 26) as ClaimId;
    return { status: 'WON', claimId, couponSns: couponSnsOf(claimId, Number(detail.slice(27))) };
  }
  const refusal = REFUSALS[Number(detail)];
  if (refusal === undefined) throw new UnexpectedReplyError('read-tickets', detail);
  return { status: 'LOST', code: refusal.code, reason: refusal.reason };
}
