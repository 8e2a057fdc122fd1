import type { ActivityId } from '@coupon/domain';
import type { Clock, Component } from '@coupon/service-kit';
import type { TicketMetrics } from './ticket-metrics';
import type { TicketSession } from './ticket-session';

export interface DecideTicketsOptions {
  /** Tickets per script call, at most 128. */
  readonly batchSize: number;
  /** How long the result of a ticket is kept. */
  readonly resultTtlMs: number;
  /** How often the queues of all gateways are looked at. */
  readonly sweepIntervalMs: number;
}

export interface DecideTicketsDependencies {
  readonly session: () => TicketSession | null;
  readonly clock: Clock;
  readonly metrics: Pick<TicketMetrics, 'decided' | 'failed'>;
}

const FORGET_AT_MOST = 256;
/** An idle queue leaves the list after that; one in use is registered every minute. */
const UNLIST_AFTER_MS = 3_600_000;

/**
 * Brings tickets to their end, whoever took them. A queue is worked on at once when this process puts a ticket on it, and every sweep looks at
 * all listed queues: so tickets of a gateway that died are ended by the others, or by the next one that starts. Several processes may work on
 * one queue; each call of the script is complete in itself, so a call that failed is simply followed by the next one.
 */
export class DecideTickets implements Component {
  readonly name = 'tickets';
  private readonly working = new Set<ActivityId>();
  private readonly again = new Set<ActivityId>();
  private listed: ReadonlyMap<ActivityId, number> = new Map();
  private idle: (() => void)[] = [];
  private cancelSweep = (): void => undefined;
  private sweeping = false;
  private stopping = false;

  constructor(
    private readonly options: DecideTicketsOptions,
    private readonly deps: DecideTicketsDependencies,
  ) {}

  start(): void {
    this.sweeping = true;
    this.scheduleSweep();
  }

  /** Works on a queue until nothing on it can be decided. */
  wake(id: ActivityId): void {
    if (this.stopping) return;
    if (this.working.has(id)) {
      this.again.add(id);
      return;
    }
    this.working.add(id);
    void this.work(id);
  }

  stopIntake(): void {
    this.sweeping = false;
    this.cancelSweep();
  }

  /** Ends after the calls under way; what still waits is the other gateways' work, or the next start's. */
  async drain(): Promise<void> {
    this.stopping = true;
    if (this.working.size > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  close(): void {
    this.stopIntake();
    this.stopping = true;
  }

  /** Never rejects. */
  private async work(id: ActivityId): Promise<void> {
    do {
      this.again.delete(id);
      try {
        while (!this.stopping && (await this.decideOnce(id)));
      } catch (error) {
        // Nobody has lost anything: the next sweep looks at this queue again.
        this.deps.metrics.failed('decide', error);
      }
    } while (this.again.has(id) && !this.stopping);
    this.working.delete(id);
    if (this.working.size === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  /** @returns whether another call would find something to do. */
  private async decideOnce(id: ActivityId): Promise<boolean> {
    const session = this.deps.session();
    if (session === null) return false;
    const result = await session.queue.decide(id, session.runId, {
      count: this.options.batchSize,
      keepMs: this.options.resultTtlMs,
      forgetAtMost: FORGET_AT_MOST,
    });
    this.deps.metrics.decided(result);
    if (result.waiting === 0 && result.records === 0) await this.unlistWhenIdle(session, id);
    const moved = result.won + result.lost + result.expired > 0;
    return (moved && result.waiting > 0) || result.forgotten === FORGET_AT_MOST;
  }

  private async unlistWhenIdle(session: TicketSession, id: ActivityId): Promise<void> {
    const lastRegisteredMs = this.deps.clock.nowMs() - UNLIST_AFTER_MS;
    const registeredMs = this.listed.get(id);
    if (registeredMs === undefined || registeredMs > lastRegisteredMs) return;
    await session.queue.forget(id, lastRegisteredMs);
  }

  private scheduleSweep(): void {
    this.cancelSweep = this.deps.clock.after(this.options.sweepIntervalMs, () => {
      void this.sweep().finally(() => {
        if (this.sweeping) this.scheduleSweep();
      });
    });
  }

  /** Never rejects. */
  private async sweep(): Promise<void> {
    const session = this.deps.session();
    if (session === null) return;
    try {
      this.listed = await session.queue.registered();
      for (const id of this.listed.keys()) this.wake(id);
    } catch (error) {
      this.deps.metrics.failed('list', error);
    }
  }
}
