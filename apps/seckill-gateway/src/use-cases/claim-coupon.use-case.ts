import type { ActivityId, ClaimId } from '@coupon/domain';
import { isCircuitOpen } from '@coupon/flow-control';
import type { BatchBreaker, FilteredReason, SoldOutFilter, AdmissionPolicy } from '@coupon/flow-control';
import { MAX_CLAIMS_PER_BATCH, claimKeys, claimUnits, meansNothingHappened } from '@coupon/lua';
import type { BatchedClaim, ClaimOutcome } from '@coupon/lua';
import type { EstablishedSession } from '../adapters/claim-session';
import type { NotLoadedCode } from './activity-directory';
import {
  ACTIVITY_SHARE,
  ENDED,
  NOT_READY,
  NO_PURCHASE_TOKEN,
  OUTCOME_UNKNOWN,
  QUEUED_TOO_LONG,
  QUEUE_FULL,
  SOLD_OUT,
  circuitOpen,
  notLoaded,
  toAnswer,
} from './claim-answer';
import type { ClaimAnswer, ClaimCommand, ClaimReceiver, ClaimTaker, Refusal } from './claim-answer';
import type { ClaimMetrics } from './claim-metrics';
import type { LocalRefusals } from './local-refusals';
import type { EarlyRefusals } from './early-refusals';
import { hasGoodToken } from './purchase-token';
import type { PurchaseTokens } from './purchase-token';

export interface ClaimDeskDependencies {
  readonly session: () => EstablishedSession | null;
  readonly mintClaimId: (nowMs: number) => ClaimId;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly metrics: ClaimMetrics;
  /** What the claim script has not counted: refusals it was not asked for. */
  readonly refusals: Pick<LocalRefusals, 'count'>;
  /** Limit per user that was set while running; undefined: each activity's own. */
  readonly userRate: () => number | undefined;
  /** null without a key: no purchase token is good then. */
  readonly tokens: Pick<PurchaseTokens, 'verify'> | null;
  /** Why Redis does not have an activity. Never rejects. */
  readonly whyNotLoaded: (id: ActivityId) => Promise<NotLoadedCode>;
  /** The same where Redis need not be asked. Called when nothing of the activity waits or is on its way: seldom while a sale is on. */
  readonly knownNotLoaded: (id: ActivityId) => NotLoadedCode | undefined;
  /** What Redis would say without being asked; the same is said of it. */
  readonly early: Pick<EarlyRefusals, 'refusalOf' | 'observe'>;
  /** Who may wait and who may be sent. */
  readonly admission: AdmissionPolicy;
  readonly breaker: Pick<BatchBreaker, 'admits' | 'fire' | 'retryAfterMs'>;
  /** Answers for Redis while an activity is sold out or over; it is given this desk's `refuse` and `pass`. */
  readonly filter: Pick<SoldOutFilter<WaitingClaim>, 'hold' | 'observe'>;
  /** Batches of one activity on their way at once; the rest waits and grows into the next batch. */
  readonly batchesInFlight: number;
}

/** A claim that was admitted and is not answered. */
export interface WaitingClaim extends BatchedClaim {
  readonly activityId: ActivityId;
  readonly since: number;
  readonly receiver: ClaimReceiver;
}

interface Lane {
  readonly activityId: ActivityId;
  readonly keys: readonly string[];
  waiting: WaitingClaim[];
  inFlight: number;
  scheduled: boolean;
}

/**
 * Takes admitted claims one by one and decides them in micro-batches: all claims of an activity that arrive in one turn of the event loop
 * travel in one script call. Guarantees: a claim is sent at most once, with one claim id (invariant 3); an answer is never guessed
 * (invariant 4). Answers by call: a promise per claim would cost more than the claim.
 */
export class ClaimDesk implements ClaimTaker {
  private readonly lanes = new Map<ActivityId, Lane>();
  private readonly ready: Lane[] = [];
  private scheduled = false;
  /** Batches whose activity is being asked about. */
  private unexplained = 0;
  private idle: (() => void)[] = [];

  constructor(private readonly deps: ClaimDeskDependencies) {}

  claim(command: ClaimCommand, receiver: ClaimReceiver): void {
    const { activityId } = command;
    const known = this.lanes.has(activityId) ? undefined : this.deps.knownNotLoaded(activityId);
    if (known !== undefined) return this.refuseHere(activityId, receiver, notLoaded(known));
    const early = this.deps.early.refusalOf(activityId);
    if (early !== undefined) {
      this.deps.metrics.refusedEarly();
      return this.refuseHere(activityId, receiver, early);
    }
    const refusal = this.deps.admission.tryEnter(activityId);
    if (refusal !== null) {
      this.refuseHere(activityId, receiver, refusal === 'queue_full' ? QUEUE_FULL : ACTIVITY_SHARE);
      return;
    }
    const waiting: WaitingClaim = {
      activityId,
      userId: command.userId,
      claimId: this.deps.mintClaimId(Date.now()),
      quantity: command.quantity,
      idempotencyKey: command.idempotencyKey,
      hasToken: hasGoodToken(this.deps.tokens, command, Date.now()),
      since: this.deps.nowMs(),
      receiver,
    };
    if (!this.deps.filter.hold(activityId, command.userId, command.quantity, waiting)) this.pass(waiting);
  }

  /** Queues a claim that the sold-out filter has not answered. */
  pass(claim: WaitingClaim): void {
    const lane = this.lanes.get(claim.activityId) ?? this.openLane(claim.activityId);
    lane.waiting.push(claim);
    if (!lane.scheduled && lane.inFlight < this.deps.batchesInFlight) this.schedule(lane);
  }

  /** Answers a claim that the sold-out filter has kept. */
  refuse(claim: WaitingClaim, reason: FilteredReason, guarded: boolean): void {
    this.deps.admission.abandon(claim.activityId, 1);
    // Without a token nothing is said about the sale: the order of the script.
    const refusal = reason === 'ENDED' ? ENDED : SOLD_OUT;
    const { activityId, receiver } = claim;
    this.refuseHere(activityId, receiver, guarded && claim.hasToken !== true ? NO_PURCHASE_TOKEN : refusal);
    this.wakeWhenIdle();
  }

  /**
   * Refuses claims that wait behind batches that do not come back: all of them while the breaker is open, else those that have waited too
   * long. To be called a few times a second: nothing else looks at them then.
   */
  sweep(): void {
    const { breaker } = this.deps;
    const open = breaker.admits() ? null : circuitOpen(breaker.retryAfterMs());
    for (const lane of [...this.lanes.values()]) {
      if (open !== null) this.refuseHead(lane, lane.waiting.length, open);
      else if (this.refuseExpired(lane) > 0) {
        // Too slow counts like a failed batch.
        breaker.fire(() => Promise.reject(new Error('claims have waited too long'))).catch(() => undefined);
      }
      this.closeIfEmpty(lane);
    }
    this.wakeWhenIdle();
  }

  /** Claims waiting or on their way. */
  get pending(): { readonly waiting: number; readonly inFlight: number } {
    const { waiting, active } = this.deps.admission;
    return { waiting, inFlight: active };
  }

  /** Resolves when every claim taken has its answer. */
  async drain(signal?: AbortSignal): Promise<void> {
    if (this.isIdle || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      this.idle.push(resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  private get isIdle(): boolean {
    return this.deps.admission.waiting + this.deps.admission.active + this.unexplained === 0;
  }

  private wakeWhenIdle(): void {
    if (this.isIdle) for (const resolve of this.idle.splice(0)) resolve();
  }

  private openLane(activityId: ActivityId): Lane {
    const lane: Lane = { activityId, keys: claimKeys(activityId), waiting: [], inFlight: 0, scheduled: false };
    this.lanes.set(activityId, lane);
    return lane;
  }

  private schedule(lane: Lane): void {
    lane.scheduled = true;
    this.ready.push(lane);
    if (this.scheduled) return;
    this.scheduled = true;
    // After the I/O phase: everything this turn has read from its sockets is then in the queue.
    setImmediate(() => {
      this.scheduled = false;
      for (const ready of this.ready.splice(0)) {
        ready.scheduled = false;
        this.send(ready);
      }
    });
  }

  private send(lane: Lane): void {
    while (lane.waiting.length > 0 && lane.inFlight < this.deps.batchesInFlight) {
      this.refuseExpired(lane);
      const wanted = Math.min(lane.waiting.length, MAX_CLAIMS_PER_BATCH);
      const size = wanted === 0 ? 0 : this.deps.admission.start(lane.activityId, wanted);
      // The places under way are taken; `nextBlocked` comes back to this lane.
      if (size === 0) break;
      const batch = size === lane.waiting.length ? lane.waiting : lane.waiting.slice(0, size);
      lane.waiting = size === lane.waiting.length ? [] : lane.waiting.slice(size);
      this.launch(lane, batch);
    }
    this.closeIfEmpty(lane);
    this.wakeWhenIdle();
  }

  private closeIfEmpty(lane: Lane): void {
    if (lane.waiting.length === 0 && lane.inFlight === 0 && !lane.scheduled) this.lanes.delete(lane.activityId);
  }

  private launch(lane: Lane, batch: readonly WaitingClaim[]): void {
    const session = this.deps.session();
    if (session === null) {
      this.deps.refusals.count(lane.activityId, 'NOT_READY', batch.length);
      this.settle(lane, batch, () => NOT_READY);
      return;
    }
    lane.inFlight += 1;
    const startedMs = this.deps.nowMs();
    this.deps.metrics.batchSent(batch.length);
    void this.decide(session, lane, batch, startedMs).then((answers) => {
      lane.inFlight -= 1;
      this.deps.metrics.batchAnswered(this.deps.nowMs() - startedMs);
      if (answers === 'not_loaded') this.explain(lane, batch);
      else this.settle(lane, batch, answers);
      this.send(lane);
      this.sendBlocked();
    });
  }

  /** Why Redis does not have an activity takes a question to another service: the places of its claims are for others meanwhile. */
  private explain(lane: Lane, batch: readonly WaitingClaim[]): void {
    this.deps.admission.finish(lane.activityId, batch.length);
    this.unexplained += 1;
    void this.deps.whyNotLoaded(lane.activityId).then((code) => {
      this.unexplained -= 1;
      for (const { receiver } of batch) this.answer(receiver, notLoaded(code));
      this.wakeWhenIdle();
    });
  }

  private settle(lane: Lane, batch: readonly WaitingClaim[], answers: (index: number) => ClaimAnswer): void {
    this.deps.admission.finish(lane.activityId, batch.length);
    for (let i = 0; i < batch.length; i += 1) {
      const claim = batch[i];
      if (claim !== undefined) this.answer(claim.receiver, answers(i));
    }
  }

  /** Activities that were held back because too much was under way. */
  private sendBlocked(): void {
    // Each once: one that gets no place is at the end of the line again, and one that had nothing left to send takes none from the next.
    for (let left = this.deps.admission.inLine; left > 0; left -= 1) {
      const id = this.deps.admission.nextBlocked();
      if (id === undefined) return;
      const lane = this.lanes.get(id as ActivityId);
      if (lane !== undefined && lane.inFlight < this.deps.batchesInFlight) this.send(lane);
    }
  }

  /** Claims wait in order of their arrival: the expired ones are at the head. @returns how many there were */
  private refuseExpired(lane: Lane): number {
    const nowMs = this.deps.nowMs();
    let expired = 0;
    for (const { since } of lane.waiting) {
      if (!this.deps.admission.isExpired(since, nowMs)) break;
      expired += 1;
    }
    this.refuseHead(lane, expired, QUEUED_TOO_LONG);
    return expired;
  }

  private refuseHead(lane: Lane, count: number, refusal: Refusal): void {
    if (count === 0) return;
    this.deps.admission.abandon(lane.activityId, count);
    for (const { receiver } of lane.waiting.splice(0, count)) this.refuseHere(lane.activityId, receiver, refusal);
  }

  /** Never rejects: whatever goes wrong has an answer for every claim of the batch. */
  private async decide(
    session: EstablishedSession,
    lane: Lane,
    batch: readonly BatchedClaim[],
    sentMs: number,
  ): Promise<((index: number) => ClaimAnswer) | 'not_loaded'> {
    try {
      const reply = await this.deps.breaker.fire(() =>
        claimUnits(session.redis, lane.keys, session.runId, batch, this.deps.userRate()),
      );
      switch (reply.kind) {
        case 'decided': {
          const { outcomes, available, nowMs: redisMs } = reply;
          const ended = outcomes.some((outcome) => outcome.kind === 'refused' && outcome.code === 'ENDED');
          this.deps.filter.observe(lane.activityId, { available, ended });
          const notStarted = outcomes.some((outcome, i) => isNotStarted(outcome) && batch[i]?.hasToken !== true);
          this.deps.early.observe(lane.activityId, { session, sentMs, redisMs, available, notStarted });
          const kept = session.barrier === undefined || (await this.replicated(session, outcomes));
          return (index) => toAnswer(outcomes[index], available, kept);
        }
        case 'not_loaded':
          return 'not_loaded';
        case 'half_loaded':
        case 'wrong_run':
          return () => ({ kind: 'refused', code: 'NOT_READY', reason: reply.kind });
      }
    } catch (error) {
      if (isCircuitOpen(error)) {
        const refusal = circuitOpen(this.deps.breaker.retryAfterMs());
        this.deps.refusals.count(lane.activityId, refusal.code, batch.length);
        return () => refusal;
      }
      const nothingHappened = meansNothingHappened(error);
      this.deps.metrics.batchFailed(nothingHappened, error);
      if (nothingHappened) this.deps.refusals.count(lane.activityId, 'NOT_READY', batch.length);
      return () => (nothingHappened ? NOT_READY : OUTCOME_UNKNOWN);
    }
  }

  /**
   * Whether enough replicas have what this batch has won or found. Whatever goes wrong here comes after the decision: the claims stand on
   * the server that made it, and nobody knows whether they would survive its loss (invariant 4).
   */
  private async replicated(
    { redis, barrier }: EstablishedSession,
    outcomes: readonly ClaimOutcome[],
  ): Promise<boolean> {
    if (barrier === undefined || !outcomes.some(({ kind }) => kind === 'won')) return true;
    try {
      // On the connection of the batch: WAIT is about the writes of its own client.
      return (await redis.wait(barrier.replicas, barrier.waitTimeoutMs)) >= barrier.replicas;
    } catch (error) {
      this.deps.metrics.batchFailed(false, error);
      return false;
    }
  }

  private refuseHere(activityId: ActivityId, receiver: ClaimReceiver, refusal: Refusal): void {
    this.deps.refusals.count(activityId, refusal.code);
    this.answer(receiver, refusal);
  }

  private answer(receiver: ClaimReceiver, answer: ClaimAnswer): void {
    this.deps.metrics.answered(answer);
    receiver.answered(answer);
  }
}

function isNotStarted(outcome: ClaimOutcome): boolean {
  return outcome.kind === 'refused' && outcome.code === 'NOT_STARTED';
}
