import { isFinal } from '@coupon/saga';
import type { Clock, Component, Logger } from '@coupon/service-kit';
import type { ShopDatabase } from '../../adapters/databases';
import { claimDueRuns, renewLeases, returnRun } from '../adapters/saga-runs';
import type { ClaimedRun, Lease, OpenState } from '../adapters/saga-runs';
import type { Arbiter } from '../arbiter';
import type { OrderStatus } from '../order-transitions';
import type { SagaClient } from './saga-client';
import type { SagaMetrics } from './saga-metrics';
import type { SagaRun } from './saga-run';

export interface SagaDriverOptions {
  readonly shop: ShopDatabase;
  readonly arbiter: Pick<Arbiter, 'sagaEnded'>;
  readonly sagas: SagaClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SagaMetrics;
  /** Unlike that of any other process, also of an earlier one of the same name. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly pollIntervalMs: number;
  /** Longest pause before DTM is asked again about a saga. */
  readonly lastPauseMs: number;
  /** Sagas driven at once; what is beyond waits in the table. @default 128 */
  readonly maxInFlight?: number;
}

/** How far the drive came: the status of the order after the last saga that has ended. */
export interface DriveEnd {
  readonly status: OrderStatus;
  readonly reasonCode: string | null;
}

const FIRST_PAUSE_MS = 500;
const MAX_IN_FLIGHT = 128;
/** For a decision in a transaction of somebody else to be committed. */
const COMMIT_MS = 10;

/**
 * Brings the sagas of saga_runs to their end: submits them, asks DTM what became of them, and tells the arbiter. The lease in the row makes it
 * the only submitter of a gid. Runs that were written here are driven at once; a poll finds those of processes that died, those DTM was not
 * there for, and those that take longer than one pass.
 */
export class SagaDriver implements Component {
  readonly name = 'saga driver';
  readonly #options: SagaDriverOptions;
  readonly #inFlight = new Map<string, { readonly done: Promise<unknown>; renewMs: number }>();
  readonly #maxInFlight: number;
  #isStopped = true;
  #polling: Promise<void> = Promise.resolve();
  #isPolling = false;
  #pollAgain = false;
  #cancelPoll: (() => void) | undefined;
  #cancelWake: (() => void) | undefined;

  constructor(options: SagaDriverOptions) {
    this.#options = options;
    this.#maxInFlight = options.maxInFlight ?? MAX_IN_FLIGHT;
  }

  /** With which a run is to be written that `drive` is called for after the commit; undefined: it is left to the poll, here or elsewhere. */
  get lease(): Lease | undefined {
    if (this.#isStopped || this.#inFlight.size >= this.#maxInFlight) return undefined;
    return { owner: this.#options.owner, ms: this.#options.leaseMs };
  }

  /** Drives a run that is leased to this driver, and the sagas that follow. Never rejects; undefined: it goes on later. */
  drive(run: SagaRun, { isNew }: { readonly isNew: boolean }): Promise<DriveEnd | undefined> {
    return this.#track({ run, attempts: isNew ? 0 : 1 });
  }

  /** Looks for due runs at once, or after `delayMs`. */
  wake(delayMs = 0): void {
    if (this.#isStopped || this.#cancelWake !== undefined) return;
    this.#cancelWake = this.#options.clock.after(delayMs, () => {
      this.#cancelWake = undefined;
      this.#poll();
    });
  }

  /** A decision that somebody else's transaction will commit in a moment. */
  readonly expect = (): void => this.wake(COMMIT_MS);

  start(): void {
    this.#isStopped = false;
    this.#poll();
  }

  stopIntake(): void {
    this.#isStopped = true;
    this.#cancelPoll?.();
    this.#cancelWake?.();
  }

  async drain(): Promise<void> {
    await this.#polling;
    await Promise.all([...this.#inFlight.values()].map(({ done }) => done));
  }

  close(): void {
    this.stopIntake();
  }

  /** One look at a time; a call during one makes another follow. */
  #poll(): void {
    if (this.#isStopped) return;
    if (this.#isPolling) {
      this.#pollAgain = true;
      return;
    }
    this.#isPolling = true;
    this.#pollAgain = false;
    this.#cancelPoll?.();
    this.#polling = this.#round()
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'the look for due sagas failed'))
      .then(() => {
        this.#isPolling = false;
        if (this.#isStopped) return;
        if (this.#pollAgain) this.#poll();
        else this.#cancelPoll = this.#options.clock.after(this.#options.pollIntervalMs, () => this.#poll());
      });
  }

  async #round(): Promise<void> {
    const { shop, owner, leaseMs } = this.#options;
    const lease = { owner, ms: leaseMs };
    await this.#renew(lease);
    const room = this.#maxInFlight - this.#inFlight.size;
    if (room <= 0) return;
    const claimed = await shop.transaction((tx) => claimDueRuns(tx, lease, room));
    for (const one of claimed) void this.#track(one);
    // There may be more than there was room for: go on as soon as something has ended.
    if (claimed.length === room)
      void Promise.race([...this.#inFlight.values()].map(({ done }) => done)).then(() => this.wake());
  }

  async #renew(lease: Lease): Promise<void> {
    const { shop, clock } = this.#options;
    const now = clock.nowMs();
    const old = [...this.#inFlight].filter(([, { renewMs }]) => renewMs <= now);
    if (old.length === 0) return;
    await renewLeases(
      shop.client,
      lease,
      old.map(([gid]) => gid),
    );
    for (const [, entry] of old) entry.renewMs = now + lease.ms / 3;
  }

  #track(claimed: ClaimedRun): Promise<DriveEnd | undefined> {
    const { clock, leaseMs } = this.#options;
    const { gid } = claimed.run;
    const done = this.#run(claimed).finally(() => this.#inFlight.delete(gid));
    this.#inFlight.set(gid, { done, renewMs: clock.nowMs() + leaseMs / 3 });
    return done;
  }

  async #run({ run, attempts }: ClaimedRun): Promise<DriveEnd | undefined> {
    const { sagas, metrics, logger } = this.#options;
    try {
      const state = await sagas.submit(run, attempts === 0);
      if (isFinal(state)) {
        // Passes of DTM may overlap: what one has done after another's rollback, nobody else would undo.
        if (state.kind === 'failed') await sagas.seal(run);
        metrics.ended(run.kind, state.kind);
        return await this.#ended(run, state);
      }
      await this.#putBack(run, attempts, { state: 'RUNNING', reason: state.kind });
    } catch (error) {
      metrics.interrupted(run.kind);
      logger.warn({ err: error, gid: run.gid }, 'a saga could not be driven on');
      const reason = error instanceof Error ? error.message : String(error);
      // When even this fails, the lease ends some time.
      await this.#putBack(run, attempts, { reason }).catch((cause: unknown) =>
        logger.warn({ err: cause, gid: run.gid }, 'a saga could not be given back'),
      );
    }
    return undefined;
  }

  async #ended(run: SagaRun, state: Parameters<Arbiter['sagaEnded']>[1]): Promise<DriveEnd | undefined> {
    if (state.kind === 'failed' && run.kind !== 'checkout' && run.kind !== 'reacquire') {
      this.#options.logger.error({ gid: run.gid, reason: state.reason }, 'a saga has failed that cannot be refused');
    }
    const ruling = await this.#options.arbiter.sagaEnded(run, state, this.lease);
    if (ruling === undefined) return undefined;
    const { started, order } = ruling;
    if (started?.isLeased === true) {
      const further = await this.#track({ run: started.run, attempts: 0 });
      if (further !== undefined) return further;
    } else if (started !== undefined) this.wake();
    return { status: order.status, reasonCode: order.reasonCode };
  }

  async #putBack(
    run: SagaRun,
    attempts: number,
    next: { readonly state?: OpenState; readonly reason: string },
  ): Promise<void> {
    const { shop, owner, lastPauseMs } = this.#options;
    const delayMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts, 16), lastPauseMs);
    await returnRun(shop.client, run.gid, owner, { ...next, delayMs });
  }
}
