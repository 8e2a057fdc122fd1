import type { Clock } from '../clock';
import type { Logger } from '../logging/create-logger';

/**
 * STARTING -> RUNNING -> DRAINING -> STOPPED | FAILED; STARTING -> DRAINING when stopped or failed before everything is up.
 * STOPPED: everything ended in order and in time. FAILED: a start failed, a component reported a fatal error, or the end was forced.
 */
export type LifecycleState = 'STARTING' | 'RUNNING' | 'DRAINING' | 'STOPPED' | 'FAILED';

/** Part of a service that starts and ends. Register what others need first: components start in this order and end in reverse. */
export interface Component {
  readonly name: string;
  start?(): Promise<void> | void;
  /** Take no new work; what has been taken goes on. */
  stopIntake?(): Promise<void> | void;
  /** Resolves when the work in hand is done. The signal aborts when time is up. */
  drain?(signal: AbortSignal): Promise<void> | void;
  /** Release resources; also called after a forced end, so it must not wait for work. */
  close?(): Promise<void> | void;
}

export interface LifecycleOptions {
  readonly logger: Logger;
  /** Time for the whole end, from the first stop; then what is left is cut off. Keep it below the platform's grace period. */
  readonly deadlineMs: number;
  readonly clock: Clock;
}

/** How long `close` of all components may take once the end is forced. */
const FORCED_CLOSE_MS = 1_000;

export interface Lifecycle {
  readonly state: LifecycleState;
  /** The error that made it fail, if any. */
  readonly failure: Error | undefined;
  /** Settles with the last state; never rejects. */
  readonly ended: Promise<'STOPPED' | 'FAILED'>;
  register(component: Component): void;
  onState(listener: (state: LifecycleState) => void): void;
  /** Starts the components one by one. @throws the error of the one that failed, after the started ones were closed. */
  start(): Promise<void>;
  /** Idempotent: every call returns the same ending. */
  stop(reason: string): Promise<'STOPPED' | 'FAILED'>;
  /** A component met an error it cannot live with: ends in order, the last state is FAILED. */
  fail(error: Error): Promise<'STOPPED' | 'FAILED'>;
  /** Ends the drain now; resources are still closed. */
  force(reason: string): void;
}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  return new ServiceLifecycle(options);
}

class ServiceLifecycle implements Lifecycle {
  state: LifecycleState = 'STARTING';
  failure: Error | undefined;
  readonly ended: Promise<'STOPPED' | 'FAILED'>;
  private readonly components: Component[] = [];
  private readonly started: Component[] = [];
  private readonly listeners: ((state: LifecycleState) => void)[] = [];
  private readonly abort = new AbortController();
  private starting: Promise<void> | undefined;
  private stopping: Promise<'STOPPED' | 'FAILED'> | undefined;
  private settle!: (state: 'STOPPED' | 'FAILED') => void;

  constructor(private readonly options: LifecycleOptions) {
    this.ended = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  register(component: Component): void {
    if (this.starting !== undefined || this.stopping !== undefined) {
      throw new Error(`component ${component.name} registered after the start`);
    }
    this.components.push(component);
  }

  onState(listener: (state: LifecycleState) => void): void {
    this.listeners.push(listener);
  }

  start(): Promise<void> {
    this.starting ??= this.startAll();
    return this.starting;
  }

  stop(reason: string): Promise<'STOPPED' | 'FAILED'> {
    if (this.stopping === undefined) {
      this.options.logger.info({ reason }, 'stopping');
      this.stopping = this.end();
    }
    return this.stopping;
  }

  fail(error: Error): Promise<'STOPPED' | 'FAILED'> {
    this.failure ??= error;
    this.options.logger.fatal({ err: error }, 'fatal error');
    return this.stop('fatal error');
  }

  force(reason: string): void {
    if (this.stopping === undefined || this.abort.signal.aborted) return;
    this.options.logger.warn({ reason }, 'end forced');
    this.failure ??= new Error(`end forced: ${reason}`);
    this.abort.abort(this.failure);
  }

  private async startAll(): Promise<void> {
    for (const component of this.components) {
      if (this.stopping !== undefined) return;
      try {
        // Listed before its start: a start that failed half-way has something to close, too.
        this.started.push(component);
        await component.start?.();
      } catch (cause) {
        const error = new Error(`${component.name} did not start: ${messageOf(cause)}`, { cause });
        void this.fail(error);
        await this.ended;
        throw error;
      }
    }
    if (this.stopping === undefined) this.enter('RUNNING');
  }

  private async end(): Promise<'STOPPED' | 'FAILED'> {
    this.enter('DRAINING');
    const cancelDeadline = this.options.clock.after(this.options.deadlineMs, () => {
      this.force(`not done after ${this.options.deadlineMs} ms`);
    });
    if (this.failure === undefined) await this.untilForced(this.startSettled());
    const reverse = [...this.started].reverse();
    await this.untilForced(Promise.all(reverse.map((component) => this.run(component, 'stopIntake'))));
    for (const component of reverse) {
      if (this.abort.signal.aborted) break;
      await this.untilForced(this.run(component, 'drain'));
    }
    await this.closeAll(reverse);
    cancelDeadline();
    const last = this.failure === undefined ? 'STOPPED' : 'FAILED';
    this.enter(last);
    this.settle(last);
    return last;
  }

  private async closeAll(reverse: readonly Component[]): Promise<void> {
    for (const component of reverse) {
      if (this.abort.signal.aborted) break;
      await this.untilForced(this.run(component, 'close'));
    }
    if (!this.abort.signal.aborted) return;
    // Forced: nobody waits for anybody any more, and a component that hangs holds the others up for a second at most. A component whose
    // close was cut off is closed once more, so `close` has to be idempotent.
    const closing = Promise.all(reverse.map((component) => this.run(component, 'close')));
    let cancel = (): void => undefined;
    const timeUp = new Promise<void>((resolve) => {
      cancel = this.options.clock.after(FORCED_CLOSE_MS, resolve);
    });
    await Promise.race([closing, timeUp]);
    cancel();
  }

  /** A component in the middle of its start is let finish before it is stopped. */
  private async startSettled(): Promise<void> {
    await this.starting?.catch(() => undefined);
  }

  private async run(component: Component, phase: 'stopIntake' | 'drain' | 'close'): Promise<void> {
    try {
      if (phase === 'drain') await component.drain?.(this.abort.signal);
      else await component[phase]?.();
    } catch (cause) {
      this.failure ??= new Error(`${component.name} failed in ${phase}: ${messageOf(cause)}`, { cause });
      this.options.logger.error(
        { component: component.name, step: phase, err: cause },
        'component did not end cleanly',
      );
    }
  }

  /** Waits for the work, but not longer than until the end is forced. */
  private async untilForced(work: Promise<unknown>): Promise<void> {
    const { signal } = this.abort;
    if (signal.aborted) return;
    let onAbort = (): void => undefined;
    const forced = new Promise<void>((resolve) => {
      onAbort = () => {
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
    await Promise.race([work, forced]);
    signal.removeEventListener('abort', onAbort);
  }

  private enter(state: LifecycleState): void {
    this.state = state;
    this.options.logger.info({ state }, 'lifecycle');
    for (const listener of this.listeners) listener(state);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
