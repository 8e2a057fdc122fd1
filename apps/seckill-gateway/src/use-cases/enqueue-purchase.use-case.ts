import type { ActivityId, ClaimId, TicketId } from '@coupon/domain';
import { isCircuitOpen } from '@coupon/flow-control';
import type { BatchBreaker } from '@coupon/flow-control';
import { meansNothingHappened } from '@coupon/lua';
import type { EnqueueResult } from '@coupon/lua';
import type { NotLoadedCode } from './activity-directory';
import { circuitOpen } from './claim-answer';
import type { ClaimAnswer, ClaimCommand, ClaimReceiver, ClaimTaker } from './claim-answer';
import { hasGoodToken } from './purchase-token';
import type { PurchaseTokens } from './purchase-token';
import type { TicketMetrics } from './ticket-metrics';
import type { TicketSession } from './ticket-session';

export type Refused = Extract<ClaimAnswer, { kind: 'refused' }>;

export type TicketAnswer =
  { readonly kind: 'ticket'; readonly activityId: ActivityId; readonly ticketId: TicketId } | Refused;

/** Gets the ticket, or why there is none; exactly one call. */
export interface TicketReceiver extends ClaimReceiver {
  queued(ticket: Extract<TicketAnswer, { kind: 'ticket' }>): void;
}

export interface EnqueuePurchaseOptions {
  /** Tickets of one activity that may wait; beyond that OVERLOADED. */
  readonly queueSize: number;
  /** A ticket that is still waiting after that expires. */
  readonly maxWaitMs: number;
}

export interface EnqueuePurchaseDependencies {
  readonly session: () => TicketSession | null;
  readonly mintTicketId: (nowMs: number) => TicketId;
  readonly mintClaimId: (nowMs: number) => ClaimId;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Whether an activity that Redis does not have exists at all. Never rejects. */
  readonly whyNotLoaded: (id: ActivityId) => Promise<NotLoadedCode>;
  /** null without a key: no purchase token is good then. */
  readonly tokens: Pick<PurchaseTokens, 'verify'> | null;
  /** Limit per user that was set while running; undefined: each activity's own. */
  readonly userRate: () => number | undefined;
  /** A Redis that is silent here is silent to claims, too. */
  readonly breaker: Pick<BatchBreaker, 'fire' | 'retryAfterMs'>;
  /** A ticket waits in this activity's queue. */
  readonly wake: (id: ActivityId) => void;
  readonly metrics: Pick<TicketMetrics, 'enqueued' | 'failed'>;
}

/** How often a queue in use is put on the list again; far below the time after which an idle one is taken off. */
export const REGISTER_EVERY_MS = 60_000;
/** A waiting ticket has up to three; the rest is for results. */
const FIELDS_PER_PLACE = 10;
const MAX_UNDER_WAY = 1_000;
const MAX_REMEMBERED = 10_000;

const NOT_READY: Refused = { kind: 'refused', code: 'NOT_READY', reason: 'claim_store' };
const OVERLOADED: Refused = { kind: 'refused', code: 'OVERLOADED', reason: 'ticket_queue' };
const OUTCOME_UNKNOWN: Refused = { kind: 'refused', code: 'OUTCOME_UNKNOWN', reason: 'no_reply' };

/**
 * Takes a purchase for later. When it answers with a ticket, the ticket is in Redis, as durable as a claim, on a queue every gateway watches:
 * nothing of it is left in this process. In mode `replicated` enough replicas have it, too, also one that was taken before. An answer is never guessed (invariant 4).
 */
export class EnqueuePurchase implements ClaimTaker<TicketReceiver> {
  /** Purchases on their way to Redis. */
  private underWay = 0;
  private registered = new Map<ActivityId, number>();
  private registeredWith: TicketSession | null = null;

  constructor(
    private readonly options: EnqueuePurchaseOptions,
    private readonly deps: EnqueuePurchaseDependencies,
  ) {}

  claim(command: ClaimCommand, receiver: TicketReceiver): void {
    void this.enqueue(command).then((answer) => {
      if (answer.kind === 'ticket') receiver.queued(answer);
      else receiver.answered(answer);
    });
  }

  /** Never rejects. */
  async enqueue(command: ClaimCommand): Promise<TicketAnswer> {
    const answer = await this.admit(command);
    this.deps.metrics.enqueued(answer.kind === 'ticket' ? 'OK' : answer.code);
    return answer;
  }

  /** Nothing waits here: with so many on their way Redis does not keep up, and more would only wait in its connection. */
  private async admit(command: ClaimCommand): Promise<TicketAnswer> {
    if (this.underWay >= MAX_UNDER_WAY) return OVERLOADED;
    this.underWay += 1;
    try {
      return await this.decide(command);
    } finally {
      this.underWay -= 1;
    }
  }

  private async decide(command: ClaimCommand): Promise<TicketAnswer> {
    const session = this.deps.session();
    if (session === null) return NOT_READY;
    const { activityId } = command;
    let result: EnqueueResult;
    try {
      if (!(await this.isListed(session, activityId))) return await this.notLoaded(activityId);
    } catch (error) {
      if (isCircuitOpen(error)) return circuitOpen(this.deps.breaker.retryAfterMs());
      this.deps.metrics.failed('register', error);
      return NOT_READY;
    }
    try {
      result = await this.deps.breaker.fire(() => this.send(session, command));
    } catch (error) {
      if (isCircuitOpen(error)) return circuitOpen(this.deps.breaker.retryAfterMs());
      this.deps.metrics.failed('enqueue', error);
      return meansNothingHappened(error) ? NOT_READY : OUTCOME_UNKNOWN;
    }
    switch (result.kind) {
      case 'ticket':
        if (result.fresh) this.deps.wake(activityId);
        if (session.barrier !== undefined && !(await this.isReplicated(session.barrier))) return OUTCOME_UNKNOWN;
        return { kind: 'ticket', activityId, ticketId: result.ticketId };
      case 'refused':
        return { kind: 'refused', code: result.code, reason: result.reason };
      case 'queue_full':
        return OVERLOADED;
      case 'not_loaded':
        return this.notLoaded(activityId);
      case 'half_loaded':
      case 'wrong_run':
        return { kind: 'refused', code: 'NOT_READY', reason: result.kind };
    }
  }

  /** Never rejects. The ticket stands on the server that took it; whether it would survive its loss is what nobody knows (invariant 4). */
  private async isReplicated(barrier: () => Promise<boolean>): Promise<boolean> {
    try {
      return await barrier();
    } catch (error) {
      this.deps.metrics.failed('replicate', error);
      return false;
    }
  }

  private send(session: TicketSession, command: ClaimCommand): Promise<EnqueueResult> {
    const nowMs = this.deps.nowMs();
    return session.queue.enqueue(
      command.activityId,
      session.runId,
      {
        ticketId: this.deps.mintTicketId(nowMs),
        claimId: this.deps.mintClaimId(nowMs),
        userId: command.userId,
        quantity: command.quantity,
        idempotencyKey: command.idempotencyKey,
        hasToken: hasGoodToken(this.deps.tokens, command, nowMs),
      },
      {
        maxWaitMs: this.options.maxWaitMs,
        maxWaiting: this.options.queueSize,
        maxFields: FIELDS_PER_PLACE * this.options.queueSize,
        userRate: this.deps.userRate(),
      },
    );
  }

  /** Puts the activity on the list of queues before its first ticket. Another connection may lead to a Redis that has lost the list. */
  private async isListed(session: TicketSession, id: ActivityId): Promise<boolean> {
    if (this.registeredWith !== session || this.registered.size >= MAX_REMEMBERED) {
      this.registeredWith = session;
      this.registered = new Map();
    }
    const nowMs = this.deps.nowMs();
    const remembered = this.registered;
    if (nowMs - (remembered.get(id) ?? -Infinity) < REGISTER_EVERY_MS) return true;
    if (!(await this.deps.breaker.fire(() => session.queue.register(id, nowMs)))) return false;
    remembered.set(id, nowMs);
    return true;
  }

  private async notLoaded(id: ActivityId): Promise<Refused> {
    return { kind: 'refused', code: await this.deps.whyNotLoaded(id), reason: 'not_loaded' };
  }
}
