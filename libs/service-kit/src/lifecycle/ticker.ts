import type { Clock } from '../clock';
import type { Logger } from '../logging/create-logger';
import type { Component } from './lifecycle';

export interface TickerOptions {
  readonly name: string;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One round; `stopped` turns true when it should come to an end. */
  readonly round: (stopped: () => boolean) => Promise<void>;
}

/** Runs a round, waits, runs the next; never two at once. A round that fails is logged, the next one comes all the same. */
export class Ticker implements Component {
  readonly name: string;
  private cancel: (() => void) | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly options: TickerOptions) {
    this.name = options.name;
  }

  start(): void {
    this.running = this.tick();
  }

  stopIntake(): void {
    this.stopped = true;
    this.cancel?.();
  }

  async drain(): Promise<void> {
    await this.running;
  }

  close(): void {
    this.stopIntake();
  }

  private async tick(): Promise<void> {
    const { clock, intervalMs, logger, name, round } = this.options;
    try {
      await round(() => this.stopped);
    } catch (error) {
      logger.warn({ err: error, component: name }, 'a round failed');
    }
    if (this.stopped) return;
    this.cancel = clock.after(intervalMs, () => {
      this.running = this.tick();
    });
  }
}
