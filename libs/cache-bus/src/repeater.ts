import { backoffDelayMs } from '@coupon/messaging';
import type { MessagingLogger } from '@coupon/messaging';

const FIRST_PAUSE_MS = 20;
export const LONGEST_PAUSE_MS = 1_000;

export interface RepeaterOptions {
  readonly logger: MessagingLogger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Milliseconds that only grow. */
  readonly nowMs: () => number;
  readonly onFailure: () => void;
}

export class OutOfPatience extends Error {
  constructor(cause: unknown) {
    super('it has failed for too long', { cause });
  }
}

/** What must be done before a message can be acknowledged. */
export class Repeater {
  private stopped = false;

  constructor(private readonly options: RepeaterOptions) {}

  stop(): void {
    this.stopped = true;
  }

  /**
   * Repeats until it has worked.
   * @throws OutOfPatience after `patienceMs`; Error when the messages are somebody else's now, or it is time to stop
   */
  async untilDone(work: () => void | Promise<void>, lost: AbortSignal, patienceMs = Infinity): Promise<void> {
    const { logger, nowMs, onFailure, random } = this.options;
    const untilMs = nowMs() + patienceMs;
    for (let attempt = 1; ; attempt += 1) {
      if (lost.aborted) throw new Error('the queue is gone', { cause: lost.reason });
      try {
        await work();
        return;
      } catch (error) {
        onFailure();
        if (this.stopped) throw error;
        if (nowMs() >= untilMs) throw new OutOfPatience(error);
        if (attempt === 1) logger.warn({ err: error }, 'not dropped from the shared cache level yet');
      }
      const delayMs = backoffDelayMs(attempt, { minDelayMs: FIRST_PAUSE_MS, maxDelayMs: LONGEST_PAUSE_MS, random });
      await new Promise<void>((resolve) => setTimeout(resolve, delayMs));
    }
  }
}
