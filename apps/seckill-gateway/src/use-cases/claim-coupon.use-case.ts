import type { ActivityId, ClaimId, ErrorCode, UserId } from '@coupon/domain';
import { MAX_CLAIMS_PER_BATCH, claimKeys, claimUnits, meansNothingHappened } from '@coupon/lua';
import type { BatchedClaim, ClaimOutcome } from '@coupon/lua';
import type { EstablishedSession } from '../adapters/claim-session';
import type { ClaimMetrics } from './claim-metrics';
import type { PurchaseTokens } from './purchase-token';

/** What a caller is told. `available` is the stock after the batch this claim was decided in. */
export type ClaimAnswer =
  | {
      readonly kind: 'won';
      readonly claimId: ClaimId;
      readonly couponSns: readonly string[];
      readonly available: number;
      readonly replayed: boolean;
    }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly reason: string; readonly available?: number };

export interface ClaimCommand {
  readonly activityId: ActivityId;
  readonly userId: UserId;
  readonly quantity: number;
  /** '' when the client gave none. */
  readonly idempotencyKey: string;
  /** As the client sent it; only activities with a hidden path ask for it. */
  readonly purchaseToken?: string | undefined;
}

export interface ClaimDeskOptions {
  /** Batches of one activity on their way at once; the rest waits and grows into the next batch. */
  readonly batchesInFlight: number;
  /** Claims waiting over all activities. */
  readonly queueSize: number;
  /** A claim that waited longer is refused unsent. */
  readonly queueTimeoutMs: number;
}

export interface ClaimDeskDependencies {
  readonly session: () => EstablishedSession | null;
  readonly mintClaimId: (nowMs: number) => ClaimId;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly metrics: ClaimMetrics;
  /** null without a key: no token is good then. */
  readonly tokens: PurchaseTokens | null;
  /** Whether an activity that Redis does not have exists at all. Never rejects. */
  readonly whyNotLoaded: (id: ActivityId) => Promise<'ACTIVITY_NOT_FOUND' | 'NOT_READY'>;
}

interface WaitingClaim extends BatchedClaim {
  readonly since: number;
  readonly done: (answer: ClaimAnswer) => void;
}

interface Lane {
  readonly activityId: ActivityId;
  readonly keys: readonly string[];
  waiting: WaitingClaim[];
  inFlight: number;
}

const NOT_READY: ClaimAnswer = { kind: 'refused', code: 'NOT_READY', reason: 'claim_store' };
const OVERLOADED: ClaimAnswer = { kind: 'refused', code: 'OVERLOADED', reason: 'queue' };
const OUTCOME_UNKNOWN: ClaimAnswer = { kind: 'refused', code: 'OUTCOME_UNKNOWN', reason: 'no_reply' };

/**
 * Takes claims one by one and decides them in micro-batches: all claims of an activity that arrive in one turn of the event loop travel in
 * one script call. Guarantees: a claim is sent at most once, with one claim id (invariant 3); an answer is never guessed (invariant 4).
 * Answers by callback: a promise per claim would cost more than the claim.
 */
export class ClaimDesk {
  private readonly lanes = new Map<ActivityId, Lane>();
  private readonly ready: Lane[] = [];
  private waiting = 0;
  private inFlight = 0;
  private scheduled = false;
  private idle: (() => void)[] = [];

  constructor(
    private readonly options: ClaimDeskOptions,
    private readonly deps: ClaimDeskDependencies,
  ) {}

  claim(command: ClaimCommand, done: (answer: ClaimAnswer) => void): void {
    if (this.deps.session() === null) {
      this.answer(done, NOT_READY);
      return;
    }
    if (this.waiting >= this.options.queueSize) {
      this.answer(done, OVERLOADED);
      return;
    }
    const lane = this.lanes.get(command.activityId) ?? this.openLane(command.activityId);
    const since = this.deps.nowMs();
    lane.waiting.push({
      userId: command.userId,
      claimId: this.deps.mintClaimId(Date.now()),
      quantity: command.quantity,
      idempotencyKey: command.idempotencyKey,
      hasToken: command.purchaseToken !== undefined && this.isGood(command.purchaseToken, command),
      since,
      done,
    });
    this.waiting += 1;
    if (lane.waiting.length === 1 && lane.inFlight < this.options.batchesInFlight) this.schedule(lane);
  }

  /** Claims waiting or on their way. */
  get pending(): { readonly waiting: number; readonly inFlight: number } {
    return { waiting: this.waiting, inFlight: this.inFlight };
  }

  /** Resolves when every claim taken has its answer. */
  async drain(signal?: AbortSignal): Promise<void> {
    if (this.waiting + this.inFlight === 0 || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      this.idle.push(resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** The script decides whether the activity asks; the answer travels with the claim, so that nobody has to ask first. */
  private isGood(token: string, { activityId, userId }: ClaimCommand): boolean {
    return this.deps.tokens?.verify(token, activityId, userId, Date.now()) ?? false;
  }

  private openLane(activityId: ActivityId): Lane {
    const lane: Lane = { activityId, keys: claimKeys(activityId), waiting: [], inFlight: 0 };
    this.lanes.set(activityId, lane);
    return lane;
  }

  private schedule(lane: Lane): void {
    this.ready.push(lane);
    if (this.scheduled) return;
    this.scheduled = true;
    // After the I/O phase: everything this turn has read from its sockets is then in the queue.
    setImmediate(() => {
      this.scheduled = false;
      for (const ready of this.ready.splice(0)) this.send(ready);
    });
  }

  private send(lane: Lane): void {
    while (lane.waiting.length > 0 && lane.inFlight < this.options.batchesInFlight) {
      const session = this.deps.session();
      const batch =
        lane.waiting.length <= MAX_CLAIMS_PER_BATCH ? lane.waiting : lane.waiting.slice(0, MAX_CLAIMS_PER_BATCH);
      lane.waiting = lane.waiting.length <= MAX_CLAIMS_PER_BATCH ? [] : lane.waiting.slice(MAX_CLAIMS_PER_BATCH);
      this.waiting -= batch.length;
      const startedMs = this.deps.nowMs();
      const fresh = this.refuseExpired(batch, startedMs);
      if (fresh.length === 0) continue;
      if (session === null) {
        for (const claim of fresh) this.answer(claim.done, NOT_READY);
        continue;
      }
      lane.inFlight += 1;
      this.inFlight += fresh.length;
      this.deps.metrics.batchSent(fresh.length);
      void this.decide(session, lane, fresh).then((answers) => {
        lane.inFlight -= 1;
        this.inFlight -= fresh.length;
        this.deps.metrics.batchAnswered(this.deps.nowMs() - startedMs);
        for (let i = 0; i < fresh.length; i += 1) {
          const claim = fresh[i];
          if (claim !== undefined) this.answer(claim.done, answers(i));
        }
        this.send(lane);
      });
    }
    if (lane.waiting.length === 0 && lane.inFlight === 0) this.lanes.delete(lane.activityId);
    if (this.waiting + this.inFlight === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  private refuseExpired(batch: WaitingClaim[], nowMs: number): WaitingClaim[] {
    const oldest = batch[0];
    if (oldest === undefined || nowMs - oldest.since <= this.options.queueTimeoutMs) return batch;
    return batch.filter((claim) => {
      if (nowMs - claim.since <= this.options.queueTimeoutMs) return true;
      this.answer(claim.done, OVERLOADED);
      return false;
    });
  }

  /** Never rejects: whatever goes wrong has an answer for every claim of the batch. */
  private async decide(
    session: EstablishedSession,
    lane: Lane,
    batch: readonly BatchedClaim[],
  ): Promise<(index: number) => ClaimAnswer> {
    try {
      const reply = await claimUnits(session.redis, lane.keys, session.runId, batch);
      switch (reply.kind) {
        case 'decided':
          return (index) => toAnswer(reply.outcomes[index], reply.available);
        case 'not_loaded': {
          const code = await this.deps.whyNotLoaded(lane.activityId);
          return () => ({ kind: 'refused', code, reason: 'not_loaded' });
        }
        case 'half_loaded':
        case 'wrong_run':
          return () => ({ kind: 'refused', code: 'NOT_READY', reason: reply.kind });
      }
    } catch (error) {
      const nothingHappened = meansNothingHappened(error);
      this.deps.metrics.batchFailed(nothingHappened, error);
      return () => (nothingHappened ? NOT_READY : OUTCOME_UNKNOWN);
    }
  }

  private answer(done: (answer: ClaimAnswer) => void, answer: ClaimAnswer): void {
    this.deps.metrics.answered(answer);
    done(answer);
  }
}

function toAnswer(outcome: ClaimOutcome | undefined, available: number): ClaimAnswer {
  if (outcome === undefined) return OUTCOME_UNKNOWN;
  if (outcome.kind === 'refused') return { kind: 'refused', code: outcome.code, reason: outcome.reason, available };
  return {
    kind: 'won',
    claimId: outcome.claimId,
    couponSns: outcome.couponSns,
    available,
    replayed: outcome.replayed,
  };
}
