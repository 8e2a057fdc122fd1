import type { ActivityId } from '@coupon/domain';
import type { BatchBreaker, ClaimLimits, LoadSensor } from '@coupon/flow-control';
import { NOT_READY, QUEUED_TOO_LONG, QUEUE_FULL, SHED, circuitOpen, rateLimited } from './claim-answer';
import type { ClaimCommand, ClaimReceiver, ClaimTaker, Refusal } from './claim-answer';
import type { LocalRefusals } from './local-refusals';

export interface AdmitClaimDependencies<R extends ClaimReceiver> {
  /** Whoever decides what is admitted. */
  readonly desk: ClaimTaker<R>;
  readonly limits: Pick<ClaimLimits, 'check' | 'ready'>;
  readonly breaker: Pick<BatchBreaker, 'admits' | 'fire' | 'retryAfterMs'>;
  readonly sensor: Pick<LoadSensor, 'shouldShed' | 'shedShare'>;
  /** Whether there is an examined connection to the claim store. */
  readonly isReady: () => boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly metrics: { answered(refusal: Refusal): void };
  /** For the statistics of the activity. */
  readonly refusals: Pick<LocalRefusals, 'count'>;
}

/** Claims that wait for permits of a shared limit, over all activities. */
const MAX_WAITING_FOR_LEASES = 10_000;
const LEASE_PATIENCE_MS = 1_000;

/**
 * What a claim meets before it is queued, cheapest first and all in process: load, circuit breaker, limits per address, activity and
 * instance. Whatever is refused here has not happened and has cost no round trip.
 */
export class AdmitClaim<R extends ClaimReceiver = ClaimReceiver> implements ClaimTaker<R> {
  private readonly waiting = new Map<ActivityId, { command: ClaimCommand; receiver: R; since: number }[]>();
  private waitingCount = 0;
  private outageCounted = false;
  private idle: (() => void)[] = [];

  constructor(private readonly deps: AdmitClaimDependencies<R>) {}

  /** Claims that wait for permits of a shared limit. */
  get waitingForLeases(): number {
    return this.waitingCount;
  }

  claim(command: ClaimCommand, receiver: R): void {
    const { deps } = this;
    const { activityId } = command;
    if (!deps.breaker.admits()) {
      this.refuse(activityId, receiver, circuitOpen(deps.breaker.retryAfterMs()));
      return;
    }
    if (!deps.isReady()) {
      this.refuse(activityId, receiver, NOT_READY);
      this.countOutage();
      return;
    }
    if (deps.sensor.shedShare > 0 && deps.sensor.shouldShed(deps.random())) {
      this.refuse(activityId, receiver, SHED);
      return;
    }
    const decision = deps.limits.check(command.address, activityId);
    if (decision === null) this.waitForLease(command, receiver, deps.nowMs());
    else if (decision.allowed) deps.desk.claim(command, receiver);
    else this.refuse(activityId, receiver, rateLimited(decision.limit, decision.retryAfterMs));
  }

  /** Refuses whoever waits for permits from a store that does not answer. To be called a few times a second. */
  sweep(): void {
    const { breaker } = this.deps;
    if (this.waitingCount === 0 || breaker.admits()) return;
    const refusal = circuitOpen(breaker.retryAfterMs());
    const lines = [...this.waiting];
    this.waiting.clear();
    this.waitingCount = 0;
    for (const [activityId, line] of lines) {
      for (const { receiver } of line) this.refuse(activityId, receiver, refusal);
    }
    this.wakeWhenIdle();
  }

  /** Resolves when nobody waits for a lease any more. */
  async drain(signal?: AbortSignal): Promise<void> {
    if (this.waitingCount === 0 || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      this.idle.push(resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Permits of a shared limit are fetched ahead of demand; the first claims after a pause come before them. */
  private waitForLease(command: ClaimCommand, receiver: R, since: number): void {
    const { activityId } = command;
    if (this.waitingCount >= MAX_WAITING_FOR_LEASES) {
      this.refuse(activityId, receiver, QUEUE_FULL);
      return;
    }
    this.waitingCount += 1;
    const line = this.waiting.get(activityId);
    if (line !== undefined) {
      line.push({ command, receiver, since });
      return;
    }
    this.waiting.set(activityId, [{ command, receiver, since }]);
    void this.deps.limits.ready(activityId).then(() => this.retry(activityId));
  }

  private retry(activityId: ActivityId): void {
    const line = this.waiting.get(activityId) ?? [];
    this.waiting.delete(activityId);
    this.waitingCount -= line.length;
    for (const { command, receiver, since } of line) {
      if (this.deps.nowMs() - since > LEASE_PATIENCE_MS) {
        this.refuse(activityId, receiver, QUEUED_TOO_LONG);
        continue;
      }
      const decision = this.deps.limits.check(command.address, activityId);
      if (decision === null) this.waitForLease(command, receiver, since);
      else if (decision.allowed) this.deps.desk.claim(command, receiver);
      else this.refuse(activityId, receiver, rateLimited(decision.limit, decision.retryAfterMs));
    }
    this.wakeWhenIdle();
  }

  private wakeWhenIdle(): void {
    if (this.waitingCount === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  /** What would have been a batch of this turn has failed: without a connection the breaker would never hear of it. */
  private countOutage(): void {
    if (this.outageCounted) return;
    this.outageCounted = true;
    setImmediate(() => {
      this.outageCounted = false;
      this.deps.breaker
        .fire(() => Promise.reject(new Error('no connection to the claim store')))
        .catch(() => undefined);
    });
  }

  private refuse(activityId: ActivityId, receiver: R, refusal: Refusal): void {
    this.deps.refusals.count(activityId, refusal.code);
    this.deps.metrics.answered(refusal);
    receiver.answered(refusal);
  }
}
